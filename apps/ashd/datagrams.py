"""apps/ashd/datagrams.py - the traffic of load_test.sh, over UDP to 127.0.0.1.

    increment PORT N FIRST                  add 1 to counter 3, N times: the answers count from FIRST
    versions PORT ASH KEY ADDRESS OBJECT    N numbered requests while the handler is replaced

Status 0 if all went well. SPDX-License-Identifier: ISC
"""
import socket
import struct
import subprocess
import sys

REQUESTS, WINDOW, WAIT = 3000, 8, 60


def client(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", port))
    return s


def increment(port, n, first):
    s = client(port)
    s.settimeout(5)
    for value in range(int(first), int(first) + int(n)):
        s.send(struct.pack("!II", 3, 1))
        answer = struct.unpack("!IIQ", s.recv(100))
        assert answer == (3, 1, value), answer


def replaced(tool, key, address, obj):
    """Put one version in the other's place, again and again; yields how often so far."""
    n = 0
    while True:
        load = subprocess.Popen([tool, "load", obj, "-p", ("two", "one")[n % 2], "-N", "version",
                                 "-k", key, "-a", address], stdout=subprocess.DEVNULL)
        while load.poll() is None:
            yield n
        assert load.returncode == 0, "ash load"
        n += 1
        yield n


def versions(port, *how):
    """Every request is answered exactly once, by either version; and both have answered."""
    s = client(port)
    s.settimeout(WAIT)
    seen, versions_seen, sent, done = set(), [], 0, 0
    loads = replaced(*how)
    while len(seen) < REQUESTS or done < 10:
        while sent < len(seen) + WINDOW:
            s.send(b"%8d" % sent)
            sent += 1
        reply = s.recv(100)
        number, version = int(reply[:8]), reply[8:]
        assert number not in seen, "answered twice: %d" % number
        assert version in (b"1", b"2"), version
        seen.add(number)
        versions_seen.append(version)
        done = next(loads)
    while len(seen) < sent:
        number = int(s.recv(100)[:8])
        assert number not in seen, "answered twice: %d" % number
        seen.add(number)
    changes = sum(a != b for a, b in zip(versions_seen, versions_seen[1:]))
    assert changes >= 10, changes
    s.settimeout(2)
    try:
        raise AssertionError("one more answer: %r" % s.recv(100))
    except TimeoutError:
        pass
    print("%d requests, %d replacements, %d changes seen" % (sent, done, changes))


if __name__ == "__main__":
    {"increment": increment, "versions": versions}[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
