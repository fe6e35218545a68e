#!/bin/sh
# boot/symbolise.sh ELF [FIRST] - name the functions of a backtrace.
#
# Copies the console log on standard input to standard output, and after each line
# "  at ADDRESS" (hexadecimal, no prefix) puts the function, file and line of the call that
# returns there, from ELF's debug information. With FIRST, a pattern of grep, what comes
# before the first line that matches it is left out.
# SPDX-License-Identifier: ISC
elf=${1:?usage: boot/symbolise.sh ELF [FIRST]} first=${2-}
[ -r "$elf" ] || {
	echo "boot/symbolise.sh: cannot read $elf: run make" >&2
	exit 1
}

# A return address lies after its call: look up the byte before it. Only the low half is
# reckoned with: the whole of a kernel address does not fit the shell's signed numbers.
place() {
	high=${1%????????}
	low=$((0x${1#"$high"} - 1))
	[ "$low" -ge 0 ] || low=0
	addr2line -f -p -i -s -e "$elf" "$high$(printf '%08x' "$low")" 2>/dev/null
}

shown=${first:+no}
tr -d '\r' | while IFS= read -r line || [ -n "$line" ]; do
	[ -z "$shown" ] || { printf '%s\n' "$line" | grep -q -e "$first" && shown=; }
	[ -z "$shown" ] || continue
	address=${line#  at }
	case $line in
	"  at "[0-9a-f]*)
		case $address in
		*[!0-9a-f]*) printf '%s\n' "$line" ;;
		*) printf '%s  %s\n' "$line" "$(place "$address")" ;;
		esac ;;
	*) printf '%s\n' "$line" ;;
	esac
done
