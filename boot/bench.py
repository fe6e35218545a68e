#!/usr/bin/env -S python3 -B
"""boot/bench.py KERNEL MODULE... - measure the booted appliance; prints, asserts nothing.

  start to first ping, to first HTTP 200   wall-clock seconds from the start of QEMU, TCG,
                                           direct boot, over a tap (root only); medians
  instructions per UDP echo, per HTTP      guest instructions, all that the CPU executes, with
                                           -icount shift=0 (1 virtual ns = 1 instruction)
  smallest memory                          the least -m, in MB, that still serves a page

SPDX-License-Identifier: ISC"""
import os
import re
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

from appliance import BOUND, Appliance

BOOTS = 5
REQUESTS = 512
FLIGHT = 32  # requests at once
TRIPS = 101
# A virtual nanosecond for each instruction; idle time passes as on the wall, so that timers
# count as they would.
COUNT = ("-q", "-icount shift=0,sleep=on")
ADDRESS = "10.0.9.50"
MAC = "52:54:00:12:34:56"


def until(attempt, process=None):
    """Repeat until it succeeds; False when the bound or the process's end comes first."""
    end = time.monotonic() + BOUND
    while time.monotonic() < end:
        if attempt():
            return True
        if process and process.poll() is not None:
            return False
        time.sleep(0.005)
    return False


def page(address, timeout=2.0):
    try:
        with socket.create_connection(address, timeout) as s:
            s.settimeout(timeout)
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return s.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def echo_request(number):
    body = struct.pack(">BBHHH", 8, 0, 0, 0x7e57, number)
    total = sum(struct.unpack(">4H", body))
    total = (total & 0xffff) + (total >> 16)
    return body[:2] + struct.pack(">H", ~total & 0xffff) + body[4:]


class Pinger:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.number = 0

    def answered(self):
        self.number += 1
        try:
            self.socket.sendto(echo_request(self.number), (ADDRESS, 0))
        except OSError:
            return False
        while select.select([self.socket], [], [], 0.01)[0]:
            reply = self.socket.recv(2048)
            if reply[20] == 0 and reply[24:26] == b"\x7e\x57":
                return True
        return False


def sh(*command):
    subprocess.run(command, check=True)


def lay_wire(work):
    """A tap in a namespace of our own, with a DHCP server; the server's process."""
    sh("ip", "link", "set", "lo", "up")
    sh("ip", "tuntap", "add", "wire", "mode", "tap")
    sh("ip", "address", "add", "10.0.9.1/24", "dev", "wire")
    sh("ip", "link", "set", "wire", "up")
    # The neighbour is known: the first try is not held back by the kernel's own ARP timers.
    sh("ip", "neigh", "replace", ADDRESS, "lladdr", MAC, "dev", "wire", "nud", "permanent")
    return subprocess.Popen(["dnsmasq", "-d", "-p", "0", "-C", "/dev/null", "-i", "wire",
                             "--bind-dynamic", "--no-ping", f"--dhcp-host={MAC},{ADDRESS}",
                             "--dhcp-range=10.0.9.50,10.0.9.60,1h",
                             f"--dhcp-leasefile={work}/leases"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Wire:
    """Where the appliance is reached: the tap as root, else QEMU's user network."""

    def __init__(self, tap):
        self.tap = tap

    def options(self):
        return ("-n", "tap=wire", "-e", MAC) if self.tap else ()

    def address(self):
        return ADDRESS if self.tap else "10.0.2.15"

    def places(self, appliance):
        """(host, port) of its web server and of its echo."""
        if self.tap:
            return (ADDRESS, 80), (ADDRESS, 7)
        web, echo = appliance.forwarded()
        return ("127.0.0.1", web), ("127.0.0.1", echo)


def boot_and_wait(files, options, attempts):
    """Boot; the seconds from the start of QEMU to the success of each attempt in turn."""
    with Appliance(files, "-n", "tap=wire", "-e", MAC, *options) as a:
        times = []
        for attempt in attempts:
            if not until(attempt, a.process):
                sys.exit("boot/bench.py: the appliance does not serve")
            times.append(time.monotonic() - a.began)
        return times


def print_times(what, times):
    print(f"start to first {what}: {statistics.median(times):.2f} s "
          f"(of {len(times)}: {min(times):.2f} to {max(times):.2f})")


def time_to_serve(files):
    rows = [boot_and_wait([files[0], "build/raw.img"], ["-a", "address=" + ADDRESS],
                          [Pinger().answered]) for _ in range(BOOTS)]
    print_times("ping, apps/raw", [row[0] for row in rows])
    rows = [boot_and_wait(files, [], [Pinger().answered, lambda: page((ADDRESS, 80))])
            for _ in range(BOOTS)]
    print_times("ping", [row[0] for row in rows])
    print_times("HTTP 200", [row[1] for row in rows])


def busy(appliance):
    """Microseconds of virtual time, the CPU not halted: a thousand instructions each."""
    text = appliance.ask("ps", rb"(?s)slices +us\n(.*?)\n> ?$")[1].decode()
    return sum(int(line.split()[8]) for line in text.splitlines() if len(line.split()) >= 9)


def udp_echo(place):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(place)
        s.settimeout(5)
        while True:
            try:
                s.send(b"0123456789abcdef")
                return s.recv(100)
            except (TimeoutError, OSError):
                time.sleep(0.01)


def keep_alive_pages(place, n):
    request = b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(place, 30) as s:
        for _ in range(n):
            s.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += s.recv(65536)
            head, body = answer.split(b"\r\n\r\n", 1)
            length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
            while len(body) < length:
                body += s.recv(65536)


def flights(place):
    """REQUESTS datagrams, FLIGHT at a time; one that is lost ends the bench."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(place)
        s.settimeout(20)
        for _ in range(REQUESTS // FLIGHT):
            for _ in range(FLIGHT):
                s.send(b"0123456789abcdef")
            for _ in range(FLIGHT):
                s.recv(100)


def stream(place):
    """REQUESTS KB to echo over TCP, and back."""
    data = bytes(range(256)) * (4 * REQUESTS)
    with socket.create_connection(place, 30) as s:
        sender = threading.Thread(target=s.sendall, args=(data,))
        sender.start()
        back = 0
        while back < len(data):
            back += len(s.recv(1 << 18))
        sender.join()


def raw_busy(appliance):
    """The same of apps/raw, which is all there is then."""
    return int(appliance.ask("s", rb"busy us (\d+)\n")[1])


def measure(appliance, what, run, busy=busy):
    run()  # caches of the library and of the host's network are warm
    first = busy(appliance)
    before = busy(appliance)
    run()
    used = (busy(appliance) - before - (before - first)) * 1000 // REQUESTS
    print(f"instructions per {what}: {used} (kernel included, of {REQUESTS})")


def with_handler(files):
    """The same appliance, echo with a handler for its datagrams."""
    at = next(i for i, f in enumerate(files) if "/echo.elf" in f) + 1
    return files[:at] + ["build/handlers/udp_echo.o"] + files[at:]


def echoes(place):
    """The two loads of an echo: a name's end, and what to run."""
    return {"": lambda: [udp_echo(place) for _ in range(REQUESTS)],
            f", {FLIGHT} in flight": lambda: flights(place)}


def serving(appliance, web):
    if not until(lambda: page(web, 30), appliance.process):
        sys.exit("boot/bench.py: no page was served with -icount")


def instructions(files, wire):
    options = COUNT + wire.options()
    with Appliance(with_handler(files), *options) as a:
        web, echo = wire.places(a)
        serving(a, web)
        for load, run in echoes(echo).items():
            measure(a, "UDP echo by a handler" + load, run)
    with Appliance([files[0], "build/raw.img"], "-a", "address=" + wire.address(),
                   *options) as a:
        _, echo = wire.places(a)
        udp_echo(echo)
        for load, run in echoes(echo).items():
            measure(a, "UDP echo by apps/raw" + load, run, raw_busy)
    with Appliance(files, *options) as a:
        web, echo = wire.places(a)
        serving(a, web)
        for load, run in echoes(echo).items():
            measure(a, "UDP echo" + load, run)
        measure(a, "KB echoed over TCP", lambda: stream(echo))
        measure(a, "HTTP request (kept alive)", lambda: keep_alive_pages(web, REQUESTS))
        measure(a, "HTTP request (own connection)",
                lambda: [page(web, 30) for _ in range(REQUESTS)])


def round_trip(files, busy_programs):
    """The median time of an echo, in milliseconds, beside so many programs that never sleep."""
    with Appliance(files + ["build/busy.elf"] * busy_programs) as a:
        _, echo = Wire(False).places(a)
        udp_echo(echo)
        times = []
        for _ in range(TRIPS):
            begun = time.monotonic()
            udp_echo(echo)
            times.append((time.monotonic() - begun) * 1000)
        return statistics.median(times)


def round_trips(files):
    small = [f for f in files if "/httpd.elf" not in f and "/www.tar" not in f]
    print("median ms of a UDP round trip beside programs that never sleep")
    print("  busy  handler   lwIP")
    for n in (0, 1, 2, 5, 10):
        print(f"  {n:4} {round_trip(with_handler(small), n):8.2f} {round_trip(small, n):6.2f}")


def serves_with(files, megabytes):
    with Appliance(files, "-m", str(megabytes)) as a:
        web, _ = Wire(False).places(a)
        end = time.monotonic() + 20
        while time.monotonic() < end and a.process.poll() is None:
            if page(web):
                return True
            time.sleep(0.1)
        return False


def smallest_memory(files):
    least = None
    for megabytes in (64, 32, 24, 16, 12, 10, 9, 8, 7, 6, 5, 4, 3):
        if not serves_with(files, megabytes):
            break
        least = megabytes
    print(f"smallest memory that serves: {least} MB")


def on_a_wire(files):
    """In a namespace of our own: what needs a tap."""
    with tempfile.TemporaryDirectory() as work:
        server = lay_wire(work)
        try:
            time_to_serve(files)
            instructions(files, Wire(True))
        finally:
            server.kill()
            server.wait()


def main():
    files = sys.argv[1:]
    if os.environ.get("INSIDE") == "yes":
        on_a_wire(files)
        return
    if os.geteuid() == 0:
        subprocess.run(["unshare", "--net", sys.argv[0], *files],
                       env={**os.environ, "INSIDE": "yes"}, check=False)
    else:
        print("start to first ping: not measured, a tap needs root; the counts that follow are "
              "of QEMU's user network, which hands over a frame at a time")
        instructions(files, Wire(False))
    round_trips(files)
    smallest_memory(files)


main()
