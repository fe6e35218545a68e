#!/usr/bin/env -S python3 -B
"""boot/linux/bench.py JSON VMLINUX INITRAMFS KERNEL MODULE... - one handler object, in the
appliance and as an XDP program in a Linux guest, under the same QEMU, fed by the same generator.

Both guests run at once and are asked in turns; the wire of each is a unix socket. Every kind of reply is
compared, and at the end how many frames each handler has seen. Then, for each side:

  frames per second      wall clock, TCG, the median of rounds
  instructions per frame of the guest, all but waiting, counted in QEMU (boot/count.c); in a boot of
                         its own, since counting takes time

The handler is ash/test/obj/reflect.c: it drops the datagrams whose payload begins with "d" and sends
all others back. Drops have no reply to wait for: the last frame of each flight is sent back.

SPDX-License-Identifier: ISC"""
import json
import socket
import statistics
import struct
import sys
import tempfile
import time

sys.path[:0] = ["ash/test", "boot"]
from appliance import Appliance, Counter
from frames import HOST, PEER, address, ethernet, ipv4, udp

ROUNDS = 9
ROUND_S = 0.4
COUNTED = 4096  # frames
BOUND = 60      # seconds for any answer: only a hang reaches it
MAC = HOST.hex(":")
LINUX = ("-m", "256", "-q", "-cpu max,-erms", "-a", "console=ttyS0 quiet")
SIZE = 18       # bytes of payload: the shortest frame there is


class Wire:
    """A network card's other end: frames on a unix socket, each behind its length."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(BOUND)
        self.rest = b""

    def plug(self):
        self.socket = self.listener.accept()[0]
        self.socket.settimeout(BOUND)

    def receive(self):
        """The next frame."""
        while len(self.rest) < 4 or len(self.rest) < 4 + struct.unpack("!I", self.rest[:4])[0]:
            self.rest += self.fill(65536)
        n = 4 + struct.unpack("!I", self.rest[:4])[0]
        frame, self.rest = self.rest[4:n], self.rest[n:]
        return frame

    def fill(self, n):
        more = self.socket.recv(n)
        if not more:
            sys.exit("boot/linux/bench.py: a guest has ended")
        return more

    def exchange(self, sent, length):
        """Send bytes made by `framed`; take so many bytes of replies."""
        self.socket.sendall(sent)
        while length > 0:
            length -= len(self.fill(length))


    def close(self):
        self.socket.close()
        self.listener.close()


def framed(frames):
    return b"".join(struct.pack("!I", len(f)) + f for f in frames)


def echo(n, first=b"e"):
    return [udp(first + bytes(SIZE - 1), 7, source=4000 + k % 32) for k in range(n)]


# Name, frames of a flight, and how many of them come back.
FLIGHTS = {
    "echo, 1 in flight": (echo(1), 1),
    "echo, 32 in flight": (echo(32), 32),
    "drop, 31 of 32": (echo(31, b"d") + echo(1), 1),
}


# --- The guests ---

def dhcp_answer(frame):
    """What a server answers to a frame that asks for an address, or None."""
    body = frame[42:]
    if frame[12:14] != b"\x08\0" or frame[23:24] != b"\x11" or frame[36:38] != b"\0\x43":
        return None
    kind = {1: 2, 3: 5}.get(body[242])  # discover: offer; request: acknowledge
    if kind is None:
        return None
    server = address("10.0.0.2")
    options = (bytes([53, 1, kind, 54, 4]) + server + bytes([51, 4]) + struct.pack("!I", 86400) +
               bytes([1, 4, 255, 255, 255, 0, 3, 4]) + server + b"\xff")
    reply = (b"\2\1\6\0" + body[4:12] + bytes(4) + address("10.0.0.1") + server + bytes(4) +
             body[28:44] + bytes(192) + body[236:240] + options)
    segment = struct.pack("!HHHH", 67, 68, 8 + len(reply), 0) + reply
    return ethernet(ipv4(segment, 17, "10.0.0.2", "10.0.0.1"), to=b"\xff" * 6)


class Guest:
    """A QEMU on a wire, that sends an echo back."""

    def __init__(self, work, counted, files, options=()):
        path = f"{work}/{self.name}"
        self.wire = Wire(path)
        self.count = Counter(path + ".count")
        self.machine = Appliance(files, "-n", f"stream={path}", "-e", MAC, *options,
                                 *(self.count.options if counted else ()))
        self.wire.plug()
        self.sent = 0
        self.serve()
        self.before = self.seen() - self.sent  # what came and went before its handler was there

    def __enter__(self):
        return self

    def __exit__(self, *end):
        self.machine.__exit__(*end)
        self.wire.close()

    def serve(self):
        """Ask until a first echo comes back; then take what else is on its way."""
        self.wire.socket.settimeout(1)
        until = time.monotonic() + BOUND
        while time.monotonic() < until:
            self.send(echo(1))
            try:
                while not is_echo(self.answered()):
                    pass
                return self.quiet()
            except TimeoutError:
                pass
        sys.exit(f"boot/linux/bench.py: {self.name} echoes nothing")

    def send(self, frames):
        self.wire.socket.sendall(framed(frames))
        self.sent += len(frames)

    def answered(self):
        """The next frame, after we have been its DHCP server."""
        frame = self.wire.receive()
        lease = dhcp_answer(frame)
        if lease:
            self.wire.socket.sendall(framed([lease]))
        return frame

    def quiet(self):
        """Take frames until none comes any more."""
        self.wire.socket.settimeout(0.5)
        try:
            while True:
                self.answered()
        except TimeoutError:
            self.wire.socket.settimeout(BOUND)


class Linux(Guest):
    name = "linux"

    def seen(self):
        """Frames that the driver has counted: handled ones are among them."""
        return int(self.machine.ask("", rb"eth0: *\d+ +(\d+) ")[1])


class Exonet(Guest):
    name = "exonet"

    def seen(self):
        """Frames that the handler has handled."""
        text = self.machine.ask("dpf", rb"(?s)aborted\n(.*?)\d+ installed")[1].decode()
        rows = [line.split() for line in text.splitlines()]
        return sum(int(row[6]) for row in rows if len(row) == 8 and row[1] == "echo")


def is_echo(frame):
    return frame[:6] == PEER and frame[34:36] == b"\0\7"


# --- The work ---

def replies(guest):
    """What comes back of every kind of flight, in order."""
    got = []
    for frames, back in FLIGHTS.values():
        guest.send(frames)
        while back:
            frame = guest.answered()
            if is_echo(frame):
                got.append(frame)
                back -= 1
    return got


def fly(guest, flight, more):
    """Flights, each sent when the one before has come back, while more(frames so far)."""
    frames, back = flight
    sent, length = framed(frames), (4 + len(frames[0])) * back
    n = 0
    while more(n):
        guest.wire.exchange(sent, length)
        n += len(frames)
    guest.sent += n
    return n


def rate(guest, flight):
    """Frames per second."""
    begun = time.monotonic()
    n = fly(guest, flight, lambda n: time.monotonic() < begun + ROUND_S)
    return n / (time.monotonic() - begun)


def rates(guests, flight):
    rounds = [[rate(g, flight) for g in guests] for _ in range(ROUNDS)]
    return [round(statistics.median(r)) for r in zip(*rounds)]


def instructions(guest, flight):
    """Guest instructions per frame."""
    fly(guest, flight, lambda n: n < COUNTED)  # QEMU has translated the code
    before = guest.count.now()
    n = fly(guest, flight, lambda n: n < COUNTED)
    return round((guest.count.now() - before) / n)


def counts(guests, flight):
    return [instructions(g, flight) for g in guests]


def measure(work, counted, measurement, files):
    """[exonet's, linux's] for each kind of flight; both have done the same work."""
    vmlinux, initramfs, *appliance = files
    with Exonet(work, counted, appliance) as exonet, \
         Linux(work, counted, [vmlinux, initramfs], LINUX) as linux:
        guests = (exonet, linux)
        if replies(exonet) != replies(linux):
            sys.exit("boot/linux/bench.py: the guests' replies differ")
        rows = [measurement(guests, flight) for flight in FLIGHTS.values()]
        for g in guests:
            g.quiet()
            if g.seen() - g.before != g.sent:
                sys.exit(f"boot/linux/bench.py: {g.name} has seen {g.seen() - g.before} frames of {g.sent}")
        return rows


def main():
    out, *files = sys.argv[1:]
    with tempfile.TemporaryDirectory() as work:
        speed = measure(work, False, rates, files)
    with tempfile.TemporaryDirectory() as work:
        cost = measure(work, True, counts, files)
    print("one handler object, here and as an XDP program in Linux 6.1 under the same QEMU")
    print(f"{'':20}{'frames/s':>10}{'Linux':>10}{'ratio':>8}{'instructions':>14}{'Linux':>8}{'ratio':>8}")
    rows = []
    for name, (ours, theirs), (count, linux) in zip(FLIGHTS, speed, cost):
        print(f"{name:20}{ours:10}{theirs:10}{ours / theirs:8.2f}{count:14}{linux:8}{linux / count:8.2f}")
        rows.append({"row": name, "per_s": ours, "linux_per_s": theirs,
                     "instructions": count, "linux_instructions": linux})
    with open(out, "w", encoding="ascii") as file:
        json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
