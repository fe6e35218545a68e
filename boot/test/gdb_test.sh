#!/bin/sh
# boot/test/gdb_test.sh COMMANDS - the commands that `make gdb` gives to gdb stop at the
# kernel's first instruction, then in its C code with symbols. Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$(timeout 300 gdb -q -nx -batch -x "$1" -ex backtrace -ex 'info line context_upcall' -ex kill \
	</dev/null 2>&1)
shows() {
	if echo "$out" | grep -q -e "$2"; then
		echo "ok gdb_$1"
	else
		echo "not ok gdb_$1 - $(echo "$out" | tail -n 3 | tr '\n' ' ')"
	fi
}
shows stops_at_the_first_instruction 'Breakpoint 1, 0x'
shows stops_in_c_with_symbols 'Breakpoint 2, kernel_main (information='
shows knows_who_called '#1 .* in boot64'
shows knows_the_library_os 'of "libnet/exos/context.c" starts at address'
