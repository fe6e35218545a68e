# frames.py - captures, headers and checksums for the tests of handlers; and one run of a
# handler over frames, on both engines, which must agree. SPDX-License-Identifier: ISC
import json, os, struct, subprocess, tempfile

HOST, PEER = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"


def address(text):
    return bytes(int(part) for part in text.split("."))


def checksum(data, start=0):
    data += b"\0" * (len(data) % 2)
    total = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xffff)
    return ~total & 0xffff


def ethernet(payload, to=HOST, sender=PEER, kind=0x0800):
    return to + sender + struct.pack("!H", kind) + payload


def ipv4(payload, protocol, sender="10.0.0.2", to="10.0.0.1", ttl=61, fragment=0, ident=7):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, fragment, ttl, protocol, 0)
    head += address(sender) + address(to)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def transport(segment, field, protocol, sender, to):
    """The segment with its checksum, which lies at byte `field`."""
    pseudo = address(sender) + address(to) + struct.pack("!HH", protocol, len(segment))
    value = checksum(pseudo + segment) or (0xffff if protocol == 17 else 0)
    return segment[:field] + struct.pack("!H", value) + segment[field + 2:]


def udp(payload, port, source=4000, sender="10.0.0.2", to="10.0.0.1", **more):
    segment = struct.pack("!HHHH", source, port, 8 + len(payload), 0) + payload
    return ethernet(ipv4(transport(segment, 6, 17, sender, to), 17, sender, to, **more))


def tcp(flags, port=80, source=4000, sequence=1000, acknowledged=0, payload=b"", options=b"",
        sender="10.0.0.2", to="10.0.0.1", **more):
    offset = (20 + len(options)) // 4 << 4
    segment = struct.pack("!HHIIBBHHH", source, port, sequence, acknowledged, offset, flags,
                          8192, 0, 0) + options + payload
    return ethernet(ipv4(transport(segment, 16, 6, sender, to), 6, sender, to, **more))


class Frame:
    """A frame of IPv4, taken apart; checksums are checked on the way."""

    def __init__(self, raw):
        self.raw, self.to, self.sender = raw, raw[:6], raw[6:12]
        ip = raw[14:]
        total = struct.unpack("!H", ip[2:4])[0]
        assert ip[0] == 0x45 and checksum(ip[:20]) == 0, "IPv4 checksum"
        assert total <= len(ip), "IPv4 length"
        self.ttl, self.protocol, self.ip_from, self.ip_to = ip[8], ip[9], ip[12:16], ip[16:20]
        body = self.body = ip[20:total]
        if self.protocol in (6, 17):
            pseudo = ip[12:20] + struct.pack("!HH", self.protocol, len(body))
            if self.protocol == 6 or body[6:8] != b"\0\0":
                assert checksum(pseudo + body) == 0, "transport checksum"
            self.port_from, self.port_to = struct.unpack("!HH", body[:4])
        if self.protocol == 17:
            assert struct.unpack("!H", body[4:6])[0] == len(body), "UDP length"
            self.payload = body[8:]
        if self.protocol == 6:
            self.sequence, self.acknowledged = struct.unpack("!II", body[4:12])
            self.flags = body[13]
            self.payload = body[(body[12] >> 4) * 4:]


def write_capture(path, frames, times=None):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for k, frame in enumerate(frames):
            t = times[k] if times else 0
            out.write(struct.pack("<IIII", t // 10**9, t % 10**9, len(frame), len(frame)) + frame)


def read_capture(path):
    data, frames, at = open(path, "rb").read(), [], 24
    while at < len(data):
        n = struct.unpack("<I", data[at + 8:at + 12])[0]
        frames.append(data[at + 16:at + 16 + n])
        at += 16 + n
    return frames


def run(ash, obj, frames, times=None):
    """Verdict of each frame, and the replies. obj: a path, and options."""
    with tempfile.TemporaryDirectory() as work:
        capture, seen = os.path.join(work, "in"), []
        write_capture(capture, frames, times)
        for engine in ([], ["--interp"]):
            out = os.path.join(work, "out")
            said = subprocess.run([ash, "run", *obj.split(), "-r", capture, "-w", out, "--json", *engine],
                                  check=True, stdout=subprocess.PIPE).stdout.decode()
            lines = [json.loads(line) for line in said.splitlines()]
            for line in lines[:-1]:
                assert "stop" not in line, line
            seen.append((lines, read_capture(out)))
        assert seen[0] == seen[1], "the engines differ"
        lines, replies = seen[0]
        run.summary = lines[-1]
        return [line["verdict"] for line in lines[:-1]], replies


def reply(ash, obj, frame):
    """The one reply to one frame, taken apart."""
    verdicts, replies = run(ash, obj, [frame])
    assert verdicts == ["reply"], verdicts
    return Frame(replies[0])


def passes(ash, obj, *frames):
    verdicts, _ = run(ash, obj, list(frames))
    assert verdicts == ["pass"] * len(frames), verdicts
