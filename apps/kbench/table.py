#!/usr/bin/env python3
"""apps/kbench/table.py JSON - the rows of kbench, from standard input, beside other systems'.

Prints a Markdown table, and writes the list of {row, instructions, linux, aegis1995} to
JSON. linux: guest instructions of the same operation on Linux 6.1 (tinyconfig and virtio,
uniprocessor) under the same QEMU 7.2, -icount shift=0; measured elsewhere, not rebuilt here.
aegis1995: instructions where SOSP '95 gives them; cycles: its microseconds on the 25 MHz
DECstation 5000/125, times 25. null, or -: there is no such figure.

SPDX-License-Identifier: ISC"""
import json
import sys

# row: Linux's instructions, Aegis's instructions, Aegis's cycles
OTHERS = {
    "null_syscall": (137, None, 40),
    "exception_dispatch": (None, 18, 37),
    "exception_roundtrip": (2314, None, None),
    "stlb_refill": (None, 18, None),
    "page_fault_by_libos": (1655, None, None),
    "pct_oneway": (None, 30, 35),
    "yield": (959, None, None),
    "context_switch": (959, None, None),
    "protect_1": (4787, None, 422),
    "unprotect_1": (4898, None, None),
    "protect_100": (9540, None, 2725),
    "unprotect_100": (14170, None, 3575),
    "dirty_query": (None, None, 245),
    "trap": (2684, None, 120),
    "trap_unprotect": (7569, None, None),
    "appel1": (10688, None, 850),
    "appel2": (9473, None, 550),
    "env_create_destroy": (150000, None, None),
}


def rows():
    """(row, instructions) of each line that is a row; the rest is the console's."""
    for line in sys.stdin:
        name, tab, count = line.rstrip("\r\n").partition("\t")
        if tab and count.isdigit():
            yield name, int(count)


def main():
    table = [(name, count, *OTHERS.get(name, (None, None, None))) for name, count in rows()]
    if not table or len(sys.argv) != 2:
        sys.exit("apps/kbench/table.py: no rows, or no file named")
    with open(sys.argv[1], "w", encoding="ascii") as out:
        json.dump([{"row": name, "instructions": count, "linux": linux, "aegis1995": aegis}
                   for name, count, linux, aegis, _ in table], out, indent=1)
        out.write("\n")
    print("| operation | instructions | Linux 6.1, tiny | ratio | Aegis 1995 | its cycles |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, count, linux, aegis, cycles in table:
        ratio = f"{linux / count:.1f}" if linux and count else "-"
        print(f"| {name} | {count} | {linux or '-'} | {ratio} | {aegis or '-'} | {cycles or '-'} |")


main()
