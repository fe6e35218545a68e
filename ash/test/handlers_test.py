#!/usr/bin/env python3
# ash/test/handlers_test.py ASH DIRECTORY - each handler that ships: frames in, replies out.
# Prints TAP. SPDX-License-Identifier: ISC
import struct, sys
from frames import *

ash, directory = sys.argv[1:3]
tests = []


def test(of):
    """A test gets the path of the handler's object."""
    def note(function):
        tests.append((function, f"{directory}/{of}.o"))
        return function
    return note


# --- udp_echo

@test("udp_echo")
def echo_returns_every_byte(obj):
    for n in (0, 1, 2, 18, 1472):
        payload = bytes(k * 7 & 255 for k in range(n))
        f = reply(ash, obj, udp(payload, 7))
        assert f.payload == payload and (f.port_from, f.port_to) == (7, 4000)
        assert (f.to, f.sender, f.ip_from, f.ip_to) == (PEER, HOST, address("10.0.0.1"), address("10.0.0.2"))
        assert f.ttl == 64


@test("udp_echo")
def echo_keeps_the_padding(obj):
    f = reply(ash, obj, udp(b"x", 7) + b"\0" * 17)
    assert f.payload == b"x" and len(f.raw) == 60


@test("udp_echo")
def echo_passes_what_is_not_for_it(obj):
    good = udp(b"hello", 7)
    passes(ash, obj, udp(b"hello", 8), udp(b"hello", 7, source=7), tcp(2, port=7),
           b"\xff" * 6 + good[6:], b"\x01" + good[1:], udp(b"hello", 7, fragment=0x2000),
           udp(b"hello", 7, fragment=3), good[:12] + b"\x86\xdd" + good[14:],
           good[:14] + b"\x46" + good[15:])


@test("udp_echo")
def echo_passes_what_is_cut(obj):
    good = udp(b"hello", 7)
    passes(ash, obj, *(good[:n] for n in range(len(good))))


@test("udp_echo")
def echo_passes_lengths_that_lie(obj):
    good = udp(b"hello", 7)
    passes(ash, obj, good[:16] + b"\0\x13" + good[18:], good[:16] + b"\xff\xff" + good[18:],
           good[:38] + b"\0\x07" + good[40:], good[:38] + b"\0\x0e" + good[40:])


# --- icmp_echo

def ping(payload, kind=8, code=0, **more):
    message = struct.pack("!BBHHH", kind, code, 0, 77, 3) + payload
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return ethernet(ipv4(message, 1, **more))


@test("icmp_echo")
def ping_is_answered(obj):
    for payload in (b"", b"a", bytes(range(256)) * 5, b"\xff" * 56, b"\0" * 56):
        f = reply(ash, obj, ping(payload))
        assert f.body[:2] == b"\0\0" and f.body[4:] == struct.pack("!HH", 77, 3) + payload
        assert checksum(f.body) == 0 and f.ip_to == address("10.0.0.2") and f.to == PEER


@test("icmp_echo")
def other_icmp_passes(obj):
    passes(ash, obj, ping(b"x", kind=0), ping(b"x", code=1), ping(b"x", kind=3),
           ping(b"x", fragment=0x2000), udp(b"x", 7), ping(b"")[:41], b"")


# --- increment

def increment(index, amount, **more):
    return udp(struct.pack("!II", index, amount), 2000, **more)


@test("increment")
def increments_add_up(obj):
    frames = [increment(3, 5), increment(255, 1), increment(3, 0xffffffff), increment(3, 1)]
    verdicts, replies = run(ash, obj, frames)
    values = [struct.unpack("!IIQ", Frame(r).payload) for r in replies]
    assert verdicts == ["reply"] * 4
    assert values == [(3, 5, 5), (255, 1, 1), (3, 0xffffffff, 0x100000004), (3, 1, 0x100000005)]


@test("increment")
def increment_of_no_counter_passes(obj):
    passes(ash, obj, increment(256, 1), increment(0xffffffff, 1), udp(b"1234567", 2000),
           increment(3, 1, fragment=1))


# --- dns

def question(name, kind=1, ident=0x1234, flags=0x0100, counts=(1, 0, 0, 0), klass=1, extra=b""):
    wire = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".") if p) + b"\0"
    return udp(struct.pack("!HHHHHH", ident, flags, *counts) + wire +
               struct.pack("!HH", kind, klass) + extra, 53)


def name_at(message, at):
    labels = []
    while message[at]:
        if message[at] >= 192:
            rest, _ = name_at(message, struct.unpack("!H", message[at:at + 2])[0] & 0x3fff)
            return labels + rest, at + 2
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return labels, at + 1


def dns(obj, *arguments, **more):
    """Flags, answers and authorities; a record is name, type, data."""
    message = reply(ash, obj, question(*arguments, **more)).payload
    ident, flags, nq, na, ns, nx = struct.unpack("!HHHHHH", message[:12])
    assert (ident, nq, nx) == (0x1234, 1, 0)
    _, at = name_at(message, 12)
    records, at = [], at + 4
    for _ in range(na + ns):
        name, at = name_at(message, at)
        kind, klass, ttl, n = struct.unpack("!HHIH", message[at:at + 10])
        assert klass == 1 and ttl == 300
        records.append((".".join(name).lower(), kind, message[at + 10:at + 10 + n]))
        at += 10 + n
    assert at == len(message), "bytes after the records"
    return flags, records[:na], records[na:]


@test("dns")
def dns_answers_addresses(obj):
    assert dns(obj, "www.example.test") == (0x8500, [("www.example.test", 1, address("192.0.2.80"))], [])
    v6 = bytes.fromhex("20010db8000000000000000000000050")
    assert dns(obj, "www.example.test", 28)[1] == [("www.example.test", 28, v6)]


@test("dns")
def dns_ignores_case_and_keeps_it(obj):
    assert dns(obj, "WwW.ExAmPlE.TeSt")[1][0][2] == address("192.0.2.80")
    assert b"\3WwW\7ExAmPlE" in reply(ash, obj, question("WwW.ExAmPlE.TeSt")).payload


@test("dns")
def dns_answers_any_at_the_apex(obj):
    flags, answers, authorities = dns(obj, "example.test", 255)
    assert [kind for _, kind, _ in answers] == [2, 1, 16] and not authorities
    assert answers[2][2] == b"\6answer\7in ring"


@test("dns")
def dns_answers_soa(obj):
    flags, answers, _ = dns(obj, "example.test", 6, flags=0)
    assert flags == 0x8400 and answers[0][:2] == ("example.test", 6)
    assert struct.unpack("!IIIII", answers[0][2][-20:]) == (1, 3600, 900, 604800, 300)


@test("dns")
def dns_says_no_data_with_soa(obj):
    flags, answers, authorities = dns(obj, "www.example.test", 16)
    assert flags == 0x8500 and not answers and authorities[0][:2] == ("example.test", 6)


@test("dns")
def dns_says_no_such_name_with_soa(obj):
    flags, answers, authorities = dns(obj, "a.b.example.test")
    assert flags == 0x8503 and not answers and authorities[0][:2] == ("example.test", 6)


@test("dns")
def dns_refuses_other_zones(obj):
    for name in ("", "test", "org", "example.org", "notexample.test", "www.example.test.org"):
        assert dns(obj, name) == (0x8105, [], []), name


@test("dns")
def dns_answers_without_the_options(obj):
    option = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
    assert dns(obj, "www.example.test", counts=(1, 0, 0, 1), extra=option)[0] == 0x8500


@test("dns")
def dns_passes_what_is_no_plain_question(obj):
    def raw(payload):
        return udp(payload, 53)
    header = struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0)
    passes(ash, obj, question("a.test", flags=0x8100), question("a.test", flags=0x2800),
           question("a.test", counts=(2, 0, 0, 0)), question("a.test", counts=(1, 1, 0, 0)),
           question("a.test", klass=3), raw(b""), raw(header), raw(header[:11]),
           raw(header + b"\xc0\x0c\0\1\0\1"), raw(header + b"\x3f"), raw(header + b"\1a\0\0\1\0"),
           raw(header + b"\1a" * 300), raw(header + b"\x40" + b"a" * 64 + b"\0\0\1\0\1"))


def main():
    failed = 0
    for function, obj in tests:
        try:
            function(obj)
            print(f"ok {function.__name__}")
        except Exception as why:  # a reply that is garbage fails in many ways
            failed = 1
            print(f"not ok {function.__name__} - {type(why).__name__}: {why}".replace("\n", " "))
    return failed


sys.exit(main())
