"""apps/ashd/hostile.py ASH KEY KERNEL QMP LOAD_PORT PORT OBJECT HUGE - hostile handlers in a booted
appliance, one after the other: each gets a frame, and aborts; the machine is stopped before
and after, and its memory compared from outside, through QEMU. Prints TAP.

What is compared: the kernel's text and constants, its tables of interrupts and segments, byte by
byte; and every page that is nobody's to change. A page may change if it is free, the owner's
(ashd's), or one of those that changed while good frames were handled: that is how the pages
that the kernel and the other programs work with are found. The marks that the processor leaves
in page tables do not count, nor do the kernel's stack and its records of pages and handlers. SPDX-License-Identifier: ISC
"""
import json
import os
import socket
import struct
import subprocess
import sys
import time

ash, key, kernel, qmp_path, load_port, port, obj, huge = sys.argv[1:]
PAGE, MEMORY, KVMA, DIRECT = 4096, 64 << 20, 0xffffffff80000000, 0xffff800000000000
FREE, KERNEL, OWNED = 1, 2, 3  # enum exo_page_state
TRIES = 4
WORK = os.path.dirname(qmp_path)


class Machine:
    """QEMU's monitor, by its own protocol."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(qmp_path)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.do("qmp_capabilities")

    def do(self, what, **arguments):
        self.file.write(json.dumps({"execute": what, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return
            assert "error" not in answer, answer

    def memory(self):
        path = f"{WORK}/memory"
        self.do("stop")
        self.do("pmemsave", val=0, size=MEMORY, filename=path)
        self.do("cont")
        with open(path, "rb") as f:
            return f.read()


def symbols():
    found = {}
    for line in subprocess.run(["nm", "-S", kernel], check=True, capture_output=True, text=True).stdout.splitlines():
        word = line.split()
        if len(word) == 4:
            name = word[3].partition(".lto_priv")[0]  # what the linker adds to some names of one file
            found[name] = (int(word[0], 16) - KVMA, int(word[1], 16))
    return found


def constant_parts():
    """(first byte, bytes) of the segments without W, and of two tables."""
    with open(kernel, "rb") as f:
        elf = f.read()
    at, size, n = struct.unpack_from("<Q", elf, 32)[0], *struct.unpack_from("<HH", elf, 54)
    parts = []
    for k in range(n):
        kind, flags, _, va, _, _, length = struct.unpack_from("<IIQQQQQ", elf, at + k * size)
        if kind == 1 and not flags & 2:
            parts.append((va - KVMA, length))
    assert len(parts) == 2
    return parts + [symbol["idt"], symbol["gdt"]]


def layout():
    """Sizes and offsets of the ABI's structures, from their header."""
    program = f"{WORK}/layout"
    source = """#include <stdio.h>
        #include "exo/info.h"
        #include "exo/page.h"
        int main(void) { printf("%zu %zu %zu %zu", sizeof(struct exo_page), offsetof(struct exo_page, owner),
        offsetof(struct exo_page, state), sizeof(struct exo_filter_info)); }"""
    subprocess.run(["gcc", "-Ikernel/include", "-include", "stddef.h", "-x", "c", "-o", program, "-"],
                   input=source, text=True, check=True)
    return map(int, subprocess.run([program], capture_output=True, text=True).stdout.split())


PAGE_SIZE, PAGE_OWNER, PAGE_STATE, FILTER_SIZE = layout()
symbol = symbols()
constant = constant_parts()
machine = Machine()


def owners(memory):
    """State and owner of each page, from the kernel's own records."""
    at = struct.unpack_from("<Q", memory, symbol["pages"][0])[0] - DIRECT
    return [(memory[at + PAGE_SIZE * k + PAGE_STATE],
             *struct.unpack_from("<I", memory, at + PAGE_SIZE * k + PAGE_OWNER))
            for k in range(MEMORY // PAGE)]


def remote(command, *arguments):
    return subprocess.run([ash, command, *arguments, "-k", key, "-a", f"127.0.0.1:{load_port}"],
                          capture_output=True, text=True, timeout=120)


def entry():
    return json.loads(remote("list", "--json").stdout.splitlines()[0])


def load(program):
    result = remote("load", huge if program == "huge" else obj, "-p", program, "-N", "x")
    assert result.returncode == 0, result.stderr


def client():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", int(port)))
    s.settimeout(20)
    return s


def one_good_frame():
    s = client()
    s.send(b"are you there?")
    assert s.recv(100) == b"are you there?"


def until_run(before):
    """One frame, and wait until the handler has had it. What the counts are then."""
    client().send(b"for you")
    for _ in range(400):
        e = entry()
        if e["runs"] > before["runs"]:
            return e
        time.sleep(0.05)
    raise AssertionError("the frame did not get there")


def changed(a, b):
    view_a, view_b = memoryview(a), memoryview(b)
    return {k for k in range(MEMORY // PAGE)
            if view_a[k * PAGE:(k + 1) * PAGE] != view_b[k * PAGE:(k + 1) * PAGE]}


def differs(a, b, k):
    """More than the marks that the processor leaves in page-table entries: accessed, dirty."""
    words = zip(*(struct.unpack_from("<512Q", m, k * PAGE) for m in (a, b)))
    return any((x ^ y) & ~0x60 or (x != y and not x & 1) for x, y in words)


def calibrate():
    """The pages that change while all is well."""
    first = machine.memory()
    for _ in range(300):
        one_good_frame()
    until_run(entry())
    time.sleep(3)
    return changed(first, machine.memory()) | records(first)


def records(memory):
    """Pages of the kernel's stack and of what it notes of each page and handler, where any entry may
    change."""
    def pages(first, length):
        return set(range(first // PAGE, (first + length - 1) // PAGE + 1))

    found = pages(*symbol["cpu0"]) | pages(*symbol["handlers"])
    for name, size in (("pages", PAGE_SIZE), ("page_private", 32)):
        first = struct.unpack_from("<Q", memory, symbol[name][0])[0] - DIRECT
        found |= pages(first, size * (MEMORY // PAGE))
    return found


def harmed(before, after, usual, who):
    """Pages that nobody should have changed; no byte of the kernel's constant parts may be other."""
    for first, length in constant:
        assert before[first:first + length] == after[first:first + length], "the kernel is not what it was"
    now, then = owners(after), owners(before)
    return {k for k in changed(before, after) - usual
            if now[k][0] != FREE and not (now[k] == then[k] and now[k][0] == OWNED and now[k][1] == who)
            and differs(before, after, k)}


def one_run(usual, who):
    counts = entry()
    before = machine.memory()
    now = until_run(counts)
    after = machine.memory()
    assert now["aborts"] == counts["aborts"] + 1, "it did not abort"
    return harmed(before, after, usual, who)


def hostile(program, usual, who):
    """The other programs work, too, now and then: what the handler did it would do each time."""
    load(program)
    odd = one_run(usual, who)
    for _ in range(TRIES):
        odd = odd and odd & one_run(usual, who)
    assert not odd, "changed: " + " ".join(f"{k:#x}" for k in odd)
    load("good")
    one_good_frame()


def programs():
    """Those of the object, as it lists them when it is not told which."""
    said = subprocess.run([ash, "check", obj], capture_output=True, text=True).stderr
    return [line.split()[1] for line in said.splitlines() if line.startswith("  -p ")]


def try_to(name, what, *arguments):
    try:
        what(*arguments)
        print(f"ok {name}", flush=True)
    except Exception as why:  # whatever it is, the test has failed
        print(f"not ok {name} - {type(why).__name__}: {why}"[:300], flush=True)


def owner_of_the_filter():
    memory = machine.memory()
    at = symbol["filter_info"][0] + FILTER_SIZE * entry()["filter"]
    return struct.unpack_from("<I", memory, at)[0]


def the_check_sees_a_change():
    """One byte of the kernel's text, and one of a page that is nobody's: the test can fail."""
    memory = machine.memory()
    for first in (constant[0][0] + 100, constant[1][0], constant[2][0] + 5):
        other = bytearray(memory)
        other[first] ^= 1
        try:
            harmed(memory, bytes(other), set(), 0)
        except AssertionError:
            continue
        raise AssertionError("a change was not seen")
    other = bytearray(memory)
    kernels = max(k for k, page in enumerate(owners(memory)) if page[0] == KERNEL and k not in everyday)
    other[kernels * PAGE + 8] ^= 1
    assert harmed(memory, bytes(other), everyday, 0) == {kernels}


assert remote("load", obj, "-p", "good", "-N", "x", "-f", f"udp dst port 2001").returncode == 0
one_good_frame()
everyday = calibrate()
program_owner = owner_of_the_filter()
try_to("the_check_sees_a_change", the_check_sees_a_change)
for name in ["huge"] + programs():
    if name != "good":
        try_to(f"{name}_harms_nobody", hostile, name, everyday, program_owner)
