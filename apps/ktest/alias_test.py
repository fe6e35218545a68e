#!/usr/bin/env python3
"""apps/ktest/alias_test.py WORD... - W^X of every frame, as the MMU has it.

Boots (the words are boot/run.sh's), waits until the kernel has made code of a filter, and asks QEMU for all mappings
of the address space that is loaded ("info tlb": user, direct map, image, windows). Under whatever
names a frame is mapped: none can write it if one can execute it, and ring 3 writes no frame of
the kernel's image. Prints TAP. SPDX-License-Identifier: ISC"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

DIRECT, IMAGE, BIG = 0xFFFF800000000000, 0xFFFFFFFF80000000, 1 << 21
# What is mapped from here to the kernel's half are the tables, by an entry of the top level that allows
# reading only (exo/table.h); QEMU tells the last level's flags. ktest's
# tables_cannot_be_written asks the CPU.
TABLES = 0x7F8000000000
LINE = re.compile(r"([0-9a-f]{16}): ([0-9a-f]{16}) ([-XGPDACTUW]{9})")


def ask(path):
    """All of what `info tlb` says."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        text = b""
        while not text.endswith(b"(qemu) "):
            text += s.recv(65536)
        s.sendall(b"info tlb\n")
        text = b""
        while not text.endswith(b"(qemu) "):
            part = s.recv(65536)
            if not part:
                break
            text += part
    return text.decode("ascii", "replace")


def mappings(text):
    """(address, frame, runs, writes, user), one for each 4 KB."""
    for address, physical, flags in LINE.findall(text):
        at, to = int(address, 16), int(physical, 16)
        if TABLES <= at < DIRECT:
            continue
        for off in range(0, BIG if flags[2] == "P" else 4096, 4096):
            yield (at + off, to + off >> 12, flags[0] == "-", flags[8] == "W", flags[7] == "U")


def filter_code(found):
    return [m for m in found if m[2] and DIRECT <= m[0] < IMAGE]


def wait_for_code(path, process):
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if os.path.exists(path):
            found = list(mappings(ask(path)))
            if filter_code(found):
                return found
        time.sleep(0.2)
    sys.exit("not ok the_kernel_makes_code - no executable page in the direct map")


def report(name, bad):
    print(f"not ok {name} - {len(bad)}, the first at {bad[0][0]:#x}" if bad else f"ok {name}")
    return bool(bad)


def main():
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "monitor")
        words = ["-1", "-q", "-monitor", "-q", f"unix:{path},server,nowait"]
        process = subprocess.Popen(["boot/run.sh", *words, *sys.argv[1:]],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            found = wait_for_code(path, process)
        finally:
            process.terminate()
            process.wait()
    runs = {m[1] for m in found if m[2]}
    image = {m[1] for m in found if m[0] >= IMAGE}
    failed = report("no_frame_that_runs_is_written_by_any_name",
                    [m for m in found if m[3] and m[1] in runs])
    failed |= report("no_frame_of_the_image_is_written_by_ring_3",
                     [m for m in found if m[4] and m[3] and m[1] in image])
    failed |= report("the_kernel_runs_nothing_of_ring_3s",
                     [m for m in filter_code(found) if m[4]])
    sys.exit(failed)


if __name__ == "__main__":
    main()
