#!/bin/sh
# boot/test/run_test.sh KERNEL FIRST - what boot/run.sh promises, seen from outside. Prints TAP.
#
# KERNEL with the first program FIRST must boot and end by itself (the in-guest tests do).
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
kernel=$1 first=$2
work=$(mktemp -d) || exit 1
children=
trap 'for c in $children; do kill $c 2>/dev/null; done; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
run() { timeout 300 boot/run.sh "$@" </dev/null >"$work/out" 2>&1; }

# check NAME CONDITION... - CONDITION is a command; on failure show the last output
check() {
	name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		echo "not ok $name - $(tail -n 3 "$work/out" | tr '\n' ' ')"
	fi
}
said() { grep -q -e "$1" "$work/out"; }
equal() { [ "$1" = "$2" ]; }

# wait_for PATTERN FILE - until it is there; a bound that only a hang reaches
wait_for() {
	for _ in $(seq 600); do
		grep -q -e "$1" "$2" 2>/dev/null && return 0
		sleep 0.2
	done
	return 1
}

run -1 -n none "$kernel" "$first"
check the_console_is_standard_output said '^exonet: '

echo 'no program' >"$work/text"
run -1 -n none "$kernel" "$work/text"
check a_panic_ends_with_its_own_status equal $? 7
check a_panic_says_what_was_wrong said '^panic: boot: module text is no first program'
check a_panic_names_the_functions said '  at [0-9a-f]* .*boot_first'

printf EXOFIRST >"$work/short"
run -1 -n none "$kernel" "$work/short"
check a_first_program_without_code_is_a_panic said '^panic: boot: module short is no first program'
printf 'EXOFIRST\017\013' >"$work/junk" # ud2
run -1 -n none "$kernel" "$work/junk"
check a_first_program_that_crashes_ends_the_machine equal $? 1
check its_crash_is_said said '^env 1000 (first): exception 6 .* at rip 400008'

# What run.sh's own checks keep from the kernel, straight from the loader.
bare() {
	timeout 120 qemu-system-x86_64 -accel tcg -cpu max -m 64 -nodefaults -display none \
		-serial stdio -device isa-debug-exit,iobase=0xf4,iosize=1 "$@" \
		</dev/null >"$work/out" 2>&1
}
bare -kernel "$kernel"
check no_module_is_a_panic equal $? 15
check no_module_is_said said '^panic: boot: no first program'
bare -kernel "$kernel" -initrd "$(yes "$first" | head -n 17 | paste -sd,)"
check too_many_modules_are_a_panic equal $? 15
check too_many_modules_are_counted said '^panic: boot: 17 modules, 16 is the limit'

run -n none "$kernel" "$work/absent"
check an_absent_module_is_bad_usage equal $? 124
check an_absent_module_is_named said "cannot read $work/absent"
run -n nowhere "$kernel" "$first"
check an_unknown_network_is_bad_usage equal $? 124
run -q -no-such-option "$kernel" "$first"
check a_qemu_that_cannot_start_is_told_apart equal $? 125
run -z
check an_unknown_option_is_bad_usage equal $? 124
HTTP_PORT=seven run "$kernel" "$first"
check a_port_that_is_no_number_is_refused said 'HTTP_PORT=seven is no port'

# Somebody has the default ports: another appliance, held before its first instruction.
HTTP_PORT= ECHO_PORT= boot/run.sh -q -S "$kernel" "$first" </dev/null >"$work/one" 2>&1 &
one=$!
children="$children $one"
wait_for 'web server at' "$work/one"
port=$(sed -n 's,.*http://127.0.0.1:\([0-9]*\)/.*,\1,p' "$work/one")
taken() { grep -qi ":$(printf '%04X' "$port") 00000000:0000 0A" /proc/net/tcp; }
for _ in $(seq 600); do taken && break; sleep 0.2; done
HTTP_PORT=$port run "$kernel" "$first"
check a_chosen_port_that_is_taken_is_refused said "port $port is taken: choose another"
HTTP_PORT= ECHO_PORT= boot/run.sh -q -S "$kernel" "$first" </dev/null >"$work/two" 2>&1 &
two=$!
children="$children $two"
wait_for 'web server at' "$work/two"
cp "$work/two" "$work/out"
check a_taken_default_port_is_said said "is taken, using"
other=$(sed -n 's,.*http://127.0.0.1:\([0-9]*\)/.*,\1,p' "$work/two")
check another_port_is_chosen test "$other" -ne "$port"

qemu_of() { grep -l "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status 2>/dev/null |
	cut -d/ -f3 | while read -r p; do
		grep -q qemu "/proc/$p/comm" 2>/dev/null && echo "$p"
	done; }
for _ in $(seq 600); do child=$(qemu_of $one); [ -z "$child" ] || break; sleep 0.2; done
cp "$work/one" "$work/out"
check qemu_is_a_child_of_the_runner test -n "$child"
kill -TERM $one
wait $one
check sigterm_ends_with_success equal $? 0
check sigterm_ends_qemu test ! -d "/proc/${child:-self}"

for _ in $(seq 600); do child=$(qemu_of $two); [ -z "$child" ] || break; sleep 0.2; done
kill -KILL $two
wait $two 2>/dev/null
for _ in $(seq 600); do [ -d "/proc/$child" ] || break; sleep 0.2; done
check a_killed_runner_leaves_no_qemu test ! -d "/proc/${child:-self}"
