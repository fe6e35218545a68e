#!/usr/bin/env python3
"""boot/test/fragments.py INTERFACE MAC ADDRESS CASE - send IP fragments to the appliance's echo
service (UDP port 7) on a wire of our own; status 0 when the case ends as its name says.

SPDX-License-Identifier: ISC"""
import random
import socket
import struct
import sys

ECHO, SIZE, PIECE = 7, 3000, 1448
OWN = 16    # FRAGMENT_OWN of kernel/fragment.h: datagrams remembered for an owner
FLOOD = 3000
ATTEMPTS, PATIENCE = 5, 3.0  # a datagram may be lost; one that does not come is not waited for long


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Wire:
    def __init__(self, interface, mac, address):
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = socket.socket(self.family, socket.SOCK_DGRAM)
        self.udp.connect((address, ECHO))
        self.source = socket.inet_pton(self.family, self.udp.getsockname()[0])
        self.to = socket.inet_pton(self.family, address)
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.raw.bind((interface, 0))
        self.ethernet = bytes.fromhex(mac.replace(":", "")) + self.raw.getsockname()[4]

    def frame(self, name, proto, offset, more, payload):
        if self.family == socket.AF_INET:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), name & 0xffff,
                               offset // 8 | more << 13, 64, proto, 0) + self.source + self.to
            head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
            return self.ethernet + b"\x08\x00" + head + payload
        head = struct.pack("!IHBB", 6 << 28, 8 + len(payload), 44, 64) + self.source + self.to
        return (self.ethernet + b"\x86\xdd" + head +
                struct.pack("!BBHI", proto, 0, offset | more, name) + payload)

    def fragments(self, name, proto, packet):
        """The frames of a packet: the first, the later ones."""
        return [self.frame(name, proto, at, at + PIECE < len(packet), packet[at:at + PIECE])
                for at in range(0, len(packet), PIECE)]

    def datagram(self, name, data):
        port = self.udp.getsockname()[1]
        udp = struct.pack("!HHHH", port, ECHO, 8 + len(data), 0) + data
        pseudo = self.source + self.to + struct.pack("!IBBBB", len(udp), 0, 0, 0, 17)
        udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xffff) + udp[8:]
        return self.fragments(name, 17, udp)

    def send(self, frames):
        for frame in frames:
            self.raw.send(frame)

    def comes(self, data, patience=PATIENCE):
        self.udp.settimeout(patience)
        try:
            while self.udp.recv(65536) != data:
                pass
            return True
        except TimeoutError:
            return False


def new(wire):
    """A datagram nobody has sent before: its bytes and its frames."""
    data = random.randbytes(SIZE)
    return data, wire.datagram(random.getrandbits(32), data)


def echoed(wire, order):
    for _ in range(ATTEMPTS):
        data, frames = new(wire)
        wire.send(frames[i] for i in order)
        if wire.comes(data):
            return True
    return False


def headless(wire, n):
    """Later fragments of which no first one ever comes."""
    for _ in range(n):
        wire.send([wire.frame(random.getrandbits(32), 17, 1480, 0, b"x" * 64)])


def after_a_flood(wire):
    headless(wire, FLOOD)
    return echoed(wire, (0, 1, 2)) and echoed(wire, (2, 1, 0))


def during_a_flood(wire):
    """The first fragment, some headless ones, the rest."""
    for _ in range(ATTEMPTS):
        data, frames = new(wire)
        wire.send(frames[:1])
        headless(wire, 100)
        wire.send(frames[1:])
        if wire.comes(data):
            return True
    return False


def an_owner_pushes_out_its_own_only(wire):
    """A ping's first fragment (the address's keeper has it) survives a flood of datagrams to
    echo, whose oldest are forgotten and whose youngest are not."""
    icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    icmp.settimeout(PATIENCE)
    for _ in range(ATTEMPTS):
        data = random.randbytes(SIZE)
        ping = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + data
        ping = ping[:2] + struct.pack("!H", checksum(ping)) + ping[4:]
        ping = wire.fragments(random.getrandbits(16), 1, ping)
        wire.send(ping[:1])
        many = [new(wire) for _ in range(OWN + 1)]
        for _, frames in many:
            wire.send(frames[:1])
        wire.send(ping[1:])
        wire.send(many[0][1][1:])
        forgotten = not wire.comes(many[0][0], 1.0)
        wire.send(many[OWN][1][1:])
        remembered = wire.comes(many[OWN][0])
        try:
            while icmp.recv(65536)[28:] != data:
                pass
        except TimeoutError:
            continue
        if forgotten and remembered:
            return True
    return False


def orphan(wire):
    """The same datagram in two runs."""
    return wire.datagram(4242, bytes(SIZE))


CASES = {
    "in_order": lambda wire: echoed(wire, (0, 1, 2)),
    "first_one_last": lambda wire: echoed(wire, (2, 1, 0)),
    "first_one_in_the_middle": lambda wire: echoed(wire, (1, 0, 2)),
    "twice": lambda wire: echoed(wire, (0, 0, 1, 1, 2, 2)),
    "after_a_flood": after_a_flood,
    "during_a_flood": during_a_flood,
    "an_owner_pushes_out_its_own_only": an_owner_pushes_out_its_own_only,
    "only_the_first": lambda wire: wire.send(orphan(wire)[:1]) is None,
    "only_the_rest": lambda wire: wire.send(orphan(wire)[1:]) is None,
}

sys.exit(not CASES[sys.argv[4]](Wire(*sys.argv[1:4])))
