#!/bin/sh
# What `ash exec` prints and how it ends, on both engines. Ends by a signal never.
# SPDX-License-Identifier: ISC
ash=${1:?path of ash}

# expect NAME STATUS OUTPUT ARGUMENT...
expect() {
	name=$1 status=$2 output=$3
	shift 3
	for engine in "" --interp; do
		got=$("$ash" exec $engine "$@" 2>/tmp/ash_exec.$$)
		code=$?
		said=$(wc -c </tmp/ash_exec.$$)
		rm -f /tmp/ash_exec.$$
		if [ $code -ne "$status" ] || [ "$got" != "$output" ] ||
			{ [ $code -ne 0 ] && [ "$said" -eq 0 ]; }; then
			echo "not ok $name - $engine status $code, printed '$got'"
			return
		fi
	done
	echo "ok $name"
}

exit_=9500000000000000
expect prints_r0_in_hex 0 ffffffffffffffff --program "b7000000ffffffff $exit_"
expect r1_is_the_memory 0 807060504030201 --program "7910000000000000$exit_" --mem 0102030405060708
expect r2_is_its_length 0 3 --program "bf20000000000000$exit_" --mem 010203
expect no_memory_is_null 0 0 --program "bf10000000000000 0f20000000000000 $exit_"
expect null_load_is_stopped 3 "" --program "7910000000000000$exit_"
expect endless_loop_is_stopped 3 "" --program 0500ffff00000000
expect endless_recursion_is_stopped 3 "" --program "85100000ffffffff$exit_"
expect wild_callx_is_stopped 3 "" --program "8d00000000000000$exit_"
expect packet_load_is_refused 1 "" --program "3000000000000000$exit_"
expect empty_program_is_refused 1 "" --program ""
expect half_an_instruction_is_refused 1 "" --program 95000000
expect program_without_exit_is_refused 1 "" --program b700000001000000
expect odd_digits_are_a_usage_error 2 "" --program 950
expect letters_are_a_usage_error 2 "" --program xyz
expect no_program_is_a_usage_error 2 ""
