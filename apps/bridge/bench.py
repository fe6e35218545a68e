#!/usr/bin/env -S python3 -B
"""apps/bridge/bench.py DPF KERNEL INIT BRIDGE CONSOLE - instructions for each frame that the bridge
carries: all of the guest's but waiting, counted in QEMU (boot/count.c). Prints, asserts nothing.

Frames go in on one wire and are taken from the other, some at a time; and with RULES rules,
none of which accepts the frames. SPDX-License-Identifier: ISC"""
import os
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, "boot")
from appliance import BOUND, Appliance, Counter

FRAMES = 4096
RULES = 64
SIZES = (60, 1514)
FLIGHTS = (1, 32)


class Wire:
    """A network card's other end: frames on a unix socket, each behind its length."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(BOUND)

    def plug(self):
        self.socket = self.listener.accept()[0]
        self.socket.settimeout(BOUND)

    def take(self, n):
        while n > 0:
            more = self.socket.recv(n)
            if not more:
                sys.exit("apps/bridge/bench.py: the guest has ended")
            n -= len(more)


def frame(size):
    head = bytes(6) + b"\x02\0\0\0\0\x01" + b"\x08\0" + b"\x45\0" + struct.pack("!H", size - 14)
    return (head + bytes(5) + b"\x11" + bytes(10) + struct.pack("!HH", 7, 7)).ljust(size, b"\0")


def carry(left, right, size, flight, frames=FRAMES):
    """Frames from one wire to the other, a flight at a time."""
    data = (struct.pack("!I", size) + frame(size)) * flight
    for _ in range(frames // flight):
        left.socket.sendall(data)
        right.take(len(data))


def write_rules(dpf, path):
    with open(path, "w", encoding="ascii") as rules:
        for port in range(5000, 5000 + RULES):
            program = subprocess.run([dpf, "ir", "-ddd", f"udp dst port {port}"], check=True,
                                     capture_output=True, encoding="ascii").stdout
            rules.write("deny\n" + program)


def measure(work, name, kernel, init, bridge, console, rules=()):
    wires = [Wire(os.path.join(work, f"{len(rules)}{side}")) for side in ("left", "right")]
    counter = Counter(os.path.join(work, f"{len(rules)}count"))
    options = [word for w in wires for word in ("-p", "stream=" + w.path)]
    with Appliance([kernel, init, bridge, *rules, console], *options, *counter.options) as a:
        for wire in wires:
            wire.plug()
        a.ask("", rb"bridge: between")
        for size in SIZES:
            for flight in FLIGHTS:
                carry(*wires, size, flight, 512)  # the guest's code is translated
                before = counter.now()
                carry(*wires, size, flight)
                n = (counter.now() - before) // FRAMES
                print(f"instructions per frame of {size} bytes bridged, {name}, "
                      f"{flight} in flight: {n} (of {FRAMES})", flush=True)


def main():
    dpf, *files = sys.argv[1:]
    with tempfile.TemporaryDirectory() as work:
        rules = os.path.join(work, "rules")
        write_rules(dpf, rules)
        measure(work, "no rules", *files)
        measure(work, f"{RULES} rules", *files, rules=[rules])


main()
