#!/usr/bin/env python3
"""apps/probe/probe_peer.py DEVICE ADDRESS GROUP - the peer of apps/probe: echo services, datagrams
to everybody and to a group, and later fragments behind VLAN tags, whose first ones never come;
prints a line for each membership report. Until it is killed.
SPDX-License-Identifier: ISC"""
import socket
import struct
import sys
import threading
import time

PEER_PORT, BROADCAST_PORT, GROUP_PORT = 7777, 9999, 9998
device, address, group = sys.argv[1:]


def echo_udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, PEER_PORT))
    while True:
        data, who = s.recvfrom(2048)
        s.sendto(data, who)


def echo_tcp():
    s = socket.create_server((address, PEER_PORT))
    while True:
        c, _ = s.accept()
        try:
            while data := c.recv(2048):
                c.sendall(data)
        except ConnectionError:
            pass
        c.close()


def tell():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    while True:
        for to in ("10.0.9.255", BROADCAST_PORT), (group, GROUP_PORT):
            try:
                s.sendto(b"word", to)
            except OSError:
                pass
        time.sleep(0.1)


def send_fragments():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((device, 0))
    tags = b"\x88\xa8\0\5\x81\0\0\7"
    for number in range(1 << 16):
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 28, number, 1, 64, 17, 0) + bytes(8)
        s.send(b"\xff" * 6 + b"\2" * 6 + tags[number % 2 * 4:] + b"\x08\0" + ip + bytes(40))
        time.sleep(0.2)


def hear_reports():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    s.bind((device, 0))
    while True:
        f = s.recv(2048)
        ip = 14 + (f[14] & 15) * 4
        if f[23] == 2 and f[ip] == 0x16 and f[ip + 4:ip + 8] == socket.inet_aton(group):
            print("report", flush=True)


for work in echo_udp, echo_tcp, tell, send_fragments:
    threading.Thread(target=work, daemon=True).start()
hear_reports()
