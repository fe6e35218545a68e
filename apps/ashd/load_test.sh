#!/bin/sh
# apps/ashd/load_test.sh ASH KERNEL ASHD MODULE... - handlers loaded into a running appliance over
# the network, listed, replaced under traffic, unloaded. ASHD goes before the last module. QEMU's
# user network; no root. Prints TAP. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/appliance.sh
. apps/ashd/load.sh
ash=$1 kernel=$2 ashd=$3
shift 3
obj=build/bpf/ash/test/obj

# refuses PATTERN COMMAND... - it fails, and says so
refuses() {
	pattern=$1
	shift
	"$@" >"$work/said" 2>&1 && return 1
	grep -qE -- "$pattern" "$work/said" || { cat "$work/said"; return 1; }
}
# column NAME FIELD - of the list
column() { remote list --json | sed -n "s/.*\"name\":\"$1\".*\"$2\":\"\{0,1\}\([a-z0-9]*\).*/\1/p"; }
lists() { [ "$(remote list | awk 'NR > 1 { print $1 }' | tr '\n' ' ')" = "$*${*:+ }" ]; }
more() { [ "$(column "$1" "$2")" -gt "$3" ]; }
is() { [ "$(column "$1" "$2")" = "$3" ]; }
increments() { python3 -B apps/ashd/datagrams.py increment "$increment_port" "$@"; }
versions() { python3 -B apps/ashd/datagrams.py versions "$version_port" "$@"; }
echoes() { # the program or a handler before it
	for _ in 1 2 3 4 5; do
		[ "$(printf hello | timeout 20 nc -u -w 1 127.0.0.1 "$echo_port")" != hello ] || return 0
	done
	return 1
}
balance() { ask 60 stat '^pages ' >"$work/stat" && balanced "$work/stat"; }
garbage() { head -c 5000 /dev/urandom | timeout 20 nc -N -w 5 127.0.0.1 "$load_port" >/dev/null || true; }

boot_with_key "-f 2000 -f 2001" "$@"
port_of 2000 increment_port
port_of 2001 version_port
echo_port=$(sed -n 's/.*echo at 127.0.0.1 port \([0-9]*\).*/\1/p' "$work/runner")
new_key >"$work/other.key"
check nothing_is_loaded_at_first lists
check a_handler_is_loaded remote load build/handlers/increment.o -s 1 -f 'udp dst port 2000'
check it_is_listed lists increment
check it_answers increments 5 1
check its_runs_are_counted more increment runs 4
check its_replies_are_counted more increment replies 4
check its_state_is_bound is increment state bound
check a_wrong_key_is_refused refuses 'is the key the right one' "$ash" list -k "$work/other.key" -a "127.0.0.1:$load_port"
check no_key_is_refused refuses 'which key' "$ash" list -a "127.0.0.1:$load_port"
check what_is_no_key_is_refused refuses 'no key' "$ash" list -k README.md
check garbage_is_not_heard garbage
check a_bad_object_is_refused_with_its_line refuses 'undefined.c:9: undefined symbol' remote load $obj/undefined.o -f arp
check a_bad_instruction_is_refused_with_its_line refuses 'helper.c:9: no such helper' remote load $obj/helper.o -f arp
check a_bad_expression_is_refused refuses 'syntax error' remote load $obj/two.o -p first -f 'udp port'
check a_taken_port_is_refused refuses 'the filter: filter takes packets' remote load $obj/two.o -p first -f 'udp dst port 7'
check a_taken_name_is_refused refuses 'the name: is taken' remote load build/handlers/increment.o -f 'udp dst port 2002'
check a_name_nobody_has_is_refused refuses "the name: is nobody's" remote load $obj/two.o -p first
check unloading_nothing_is_refused refuses "the name: is nobody's" remote unload second
check refusals_change_nothing lists increment
check it_still_answers increments 1 6
check it_is_replaced remote load build/handlers/increment.o
check what_it_shares_stays increments 1 7
check another_is_loaded_under_a_name remote load $obj/version.o -p one -N version -f 'udp dst port 2001'
check versions_are_replaced_without_losing_a_frame versions "$ash" "$work/key" "127.0.0.1:$load_port" $obj/version.o
check none_aborted is version aborts 0
check none_was_dropped is version dropped 0
check the_first_is_unloaded remote unload increment
check it_does_not_answer_any_more eval '! increments 1 1'
check the_other_is_left lists version
check a_name_is_free_again remote load build/handlers/increment.o -f 'udp dst port 2000'
check without_pages_it_uses_its_data increments 2 1
check a_program_echoes echoes
check its_port_is_taken_over remote load build/handlers/udp_echo.o -o -f 'udp dst port 7'
check the_handler_echoes_in_its_place echoes
check and_it_was_the_handler more udp_echo replies 0
check nobody_else_can_take_over refuses 'the filter: filter takes packets' remote load $obj/version.o -p one -N again -o -f 'udp dst port 7'
check the_port_is_given_back remote unload udp_echo
check the_program_echoes_again echoes
check every_frame_is_counted_once balance
check its_program_can_be_ended ask 60 'kill ashd' '^ended ashd'
check the_machine_goes_on balance
appliance_stop
check ends_without_a_panic test "$appliance_status" -eq 0
