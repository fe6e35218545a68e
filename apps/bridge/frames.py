#!/usr/bin/env python3
"""apps/bridge/frames.py send|receive INTERFACE - frames of every length from 14 to 1514 bytes, of a
protocol that nobody else speaks, twice. The receiver says "ready", then what it misses, or "all came".
SPDX-License-Identifier: ISC"""
import socket
import sys

PROTOCOL = 0x88b5  # IEEE 802, local experimental
SHORTEST, LONGEST = 14, 1514
ROUNDS = 2
PATIENCE_S = 30  # without a frame
IN_FLIGHT = 32


def frame(length, turn):
    head = b"\x02\0\0\0\0\x99" + b"\x02\0\0\0\0\x98" + PROTOCOL.to_bytes(2, "big")
    return head + bytes((i * 31 + length + turn) & 0xff for i in range(length - len(head)))


def frames():
    return [frame(n, turn) for turn in range(ROUNDS) for n in range(SHORTEST, LONGEST + 1)]


def open_wire(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(PROTOCOL))
    s.bind((interface, PROTOCOL))
    s.settimeout(PATIENCE_S)
    return s


def from_outside(s):
    while True:
        data, address = s.recvfrom(2048)
        if address[2] != socket.PACKET_OUTGOING:
            return data


def send(s):
    """A flight at a time; the other end says when it has come."""
    for i, data in enumerate(frames(), 1):
        s.send(data)
        if i % IN_FLIGHT == 0:
            from_outside(s)


def receive(s):
    print("ready", flush=True)
    for i, wanted in enumerate(frames(), 1):
        got = from_outside(s)
        if got != wanted:
            sys.exit(f"frame {i}: {len(got)} bytes came, not the {len(wanted)} that were sent")
        if i % IN_FLIGHT == 0:
            s.send(frame(60, 0))
    print(f"all came: {len(frames())}", flush=True)


def main():
    wire = open_wire(sys.argv[2])
    {"send": send, "receive": receive}[sys.argv[1]](wire)


main()
