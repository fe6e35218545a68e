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
expect memory_ends_where_it_ends 3 "" --program "7110030000000000$exit_" --mem 010203
expect half_a_load_past_the_memory_is_stopped 3 "" --program "6910020000000000$exit_" --mem 010203
expect memory_begins_where_it_begins 3 "" --program "7110ffff00000000$exit_" --mem 010203
expect half_a_load_before_the_memory_is_stopped 3 "" --program "6910ffff00000000$exit_" --mem 010203
expect last_byte_of_the_memory 0 3 --program "7110020000000000$exit_" --mem 010203
expect first_run_leaves_nothing_to_the_second 0 1 \
	--program "79a0f8ff00000000 0700000001000000 7b0af8ff00000000 $exit_" --mem 01
expect empty_memory_is_none 0 0 --program "bf10000000000000 4f20000000000000 $exit_" --mem ""
expect upper_case_hex 0 ab --program "B7000000AB000000 $exit_"
expect option_and_value_in_one_word 0 0 "--program=$exit_"
expect helper_by_callx 0 ffffffffffffffff \
	--program "b701000000010000 b706000006000000 8d06000000000000 $exit_"
expect endless_loop_is_stopped 3 "" --program 0500ffff00000000
expect endless_recursion_is_stopped 3 "" --program "85100000ffffffff$exit_"
expect wild_callx_is_stopped 3 "" --program "8d00000000000000$exit_"
expect packet_load_is_refused 1 "" --program "3000000000000000$exit_"
expect empty_program_is_refused 1 "" --program ""
expect half_an_instruction_is_refused 1 "" --program 95000000
expect program_without_exit_is_refused 1 "" --program b700000001000000
# From standard input: what is longer than an argument may be.
repeat() { yes "$1" | head -n "$2"; }
long() {
	got=$({ repeat b700000007000000 "$2"; echo $exit_; } | "$ash" exec $4 --program - 2>/dev/null)
	[ "$?:$got" = "$3" ] && echo "ok $1" || echo "not ok $1 - $got"
}
long program_of_65536_instructions 65535 0:7
long program_of_65537_instructions 65536 1:
long interpreted_program_of_65536_instructions 65535 0:7 --interp
got=$(repeat 5a 65536 | "$ash" exec --mem - --program "bf20000000000000$exit_")
[ "$got" = 10000 ] && echo ok memory_of_64_KiB || echo "not ok memory_of_64_KiB - $got"
"$ash" exec --program $exit_ >/dev/full 2>/dev/null
[ $? -eq 1 ] && echo ok output_that_cannot_be_written_is_a_failure ||
	echo not ok output_that_cannot_be_written_is_a_failure
"$ash" --help | grep -q "ash exec" && echo ok help_is_no_error || echo not ok help_is_no_error
expect odd_digits_are_a_usage_error 2 "" --program 950
expect letters_are_a_usage_error 2 "" --program xyz
expect no_program_is_a_usage_error 2 ""
