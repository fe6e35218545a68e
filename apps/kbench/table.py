#!/usr/bin/env python3
"""apps/kbench/table.py JSON [LINUX] - the rows of kbench, from standard input, beside other systems'.

Prints a Markdown table, and writes the list of {row, instructions, linux, aegis1995} to JSON. linux: guest
instructions of the same operation on Linux 6.1 (tinyconfig and virtio, uniprocessor) under the same
QEMU, -icount shift=0, from the file LINUX, which boot/linux/rows.c printed; without it,
constants that were measured so on another machine, and the table says so. aegis1995: instructions
where SOSP '95 gives them; cycles: its microseconds on the 25 MHz DECstation 5000/125, times 25. null,
or -: there is no such figure.

SPDX-License-Identifier: ISC"""
import json
import sys

# What Linux took elsewhere.
LINUX = {
    "null_syscall": 137,
    "exception_roundtrip": 2314,
    "page_fault_by_libos": 1655,
    "yield": 959,
    "context_switch": 959,
    "protect_1": 4787,
    "unprotect_1": 4898,
    "protect_100": 9540,
    "unprotect_100": 14170,
    "trap": 2684,
    "trap_unprotect": 7569,
    "appel1": 10688,
    "appel2": 9473,
    "env_create_destroy": 150000,
    "pipe_roundtrip_1": 4979,
    "pipe_roundtrip_4k": 6943,
    "pipe_inline_roundtrip_1": 4979,
    "shm_roundtrip": 4468,
}
# Aegis: instructions, cycles
AEGIS = {
    "null_syscall": (None, 40),
    "exception_dispatch": (18, 37),
    "stlb_refill": (18, None),
    "pct_oneway": (30, 35),
    "protect_1": (None, 422),
    "protect_100": (None, 2725),
    "unprotect_100": (None, 3575),
    "dirty_query": (None, 245),
    "trap": (None, 120),
    "appel1": (None, 850),
    "appel2": (None, 550),
    # One way in the paper: twice that, there and back.
    "pipe_roundtrip_1": (None, 710),
    "pipe_inline_roundtrip_1": (None, 535),
    "shm_roundtrip": (None, 285),
    "lrpc": (None, 157),
    "tlrpc": (None, 72),
}


def rows(lines):
    """(row, instructions) of each line that is a row; the rest is the console's."""
    for line in lines:
        name, tab, count = line.rstrip("\r\n").partition("\t")
        if tab and count.isdigit():
            yield name, int(count)


def linux_rows(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return dict(rows(file))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: apps/kbench/table.py JSON [LINUX]")
    others = linux_rows(sys.argv[2]) if len(sys.argv) == 3 else LINUX
    table = [(name, count, others.get(name), *AEGIS.get(name, (None, None)))
             for name, count in rows(sys.stdin)]
    if not table or not others:
        sys.exit("apps/kbench/table.py: no rows")
    with open(sys.argv[1], "w", encoding="ascii") as out:
        json.dump([{"row": name, "instructions": count, "linux": linux, "aegis1995": aegis}
                   for name, count, linux, aegis, _ in table], out, indent=1)
        out.write("\n")
    if others is LINUX:
        print("Linux's column: measured elsewhere; there is no Linux guest (make linux-guest builds it)")
    print("| operation | instructions | Linux 6.1, tiny | ratio | Aegis 1995 | its cycles |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, count, linux, aegis, cycles in table:
        ratio = f"{linux / count:.1f}" if linux and count else "-"
        print(f"| {name} | {count} | {linux or '-'} | {ratio} | {aegis or '-'} | {cycles or '-'} |")


main()
