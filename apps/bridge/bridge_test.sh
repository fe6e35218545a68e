#!/bin/sh
# apps/bridge/bridge_test.sh DPF KERNEL INIT BRIDGE CONSOLE - two hosts that know nothing of the appliance
# between them: network namespaces, each with one of its wires. Two bridges are started; the second one
# stands by; then one with rules. Needs root and /dev/net/tun. Prints TAP. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/network.sh
. boot/appliance.sh
hosts=
also_stop() { [ -z "$hosts" ] || kill $hosts 2>/dev/null; }

dpf=$1 kernel=$2 init=$3 bridge=$4 console=$5
left4=10.0.8.1 right4=10.0.8.2

# host NAME - a network namespace; $NAME is a process in it
host() {
	unshare --net sleep 1000 &
	hosts="$hosts $!"
	eval "$1=$!"
	ip tuntap add "$1" mode tap
}
# Only now: QEMU has opened the tap, by its name here.
move() {
	ip link set "$1" netns "$2"
	on "$2" ip link set lo up
	on "$2" ip address add "$3/24" dev "$1"
	on "$2" ip link set "$1" up
}
on() {
	process=$1
	shift
	nsenter --net="/proc/$process/ns/net" "$@"
}

equal() { [ "$1" = "$2" ]; }
pings() { on "$left" ping -n -q -c 1 -W 20 "$@" $right4; }
soon() { wait_for 60 pings; }
listens() { on "$1" ss -Hltn "sport = :$2" | grep -q .; }

# transfer FROM TO ADDRESS PORT - a file over TCP
transfer() {
	rm -f "$work/got"
	on "$2" timeout 120 nc -l -N "$4" >"$work/got" </dev/null &
	receiver=$!
	wait_for 20 listens "$2" "$4"
	on "$1" timeout 120 nc -N "$3" "$4" <"$work/file"
	wait $receiver
	cmp "$work/file" "$work/got"
}
both_ways() {
	transfer "$left" "$right" $right4 5001 && transfer "$right" "$left" $left4 5002
}

# Frames of a protocol that nobody knows, of each length that there is.
frames() {
	on "$right" apps/bridge/frames.py receive right >"$work/frames" &
	receiver=$!
	wait_for 20 grep -q ready "$work/frames"
	on "$left" apps/bridge/frames.py send left
	wait $receiver
	cat "$work/frames" # for check, if it fails
	tail -n 1 "$work/frames" | grep -q "^all came"
}

pairs() { ask 60 pairs '^no more pairs' >"$work/pairs"; }
counted() { pairs && grep "^received" "$work/pairs" >"$work/lines" && [ "$(wc -l <"$work/lines")" = 2 ] &&
	while read -r line; do
		echo "$line" >"$work/line"
		balanced "$work/line" || return 1
	done <"$work/lines"; }
# Both bridges have one name.
kill_owner() { pairs && ask 60 "kill $(sed -n 's/^.*owner \([0-9a-f]*\) bridge.*/\1/p' "$work/pairs" | head -n 1)" '^ended '; }
owned() { pairs && equal "$(grep -c "owner .* bridge" "$work/pairs")" "$1"; }

# rule pass|deny EXPRESSION
rule() {
	echo "$1"
	"$dpf" ir -ddd "$2"
}
reaches() { transfer "$left" "$right" $right4 "$1"; }
nothing_on() {
	on "$right" timeout 20 nc -l "$1" >"$work/got" </dev/null &
	receiver=$!
	wait_for 20 listens "$right" "$1"
	! echo word | on "$left" timeout 3 nc -N -w 2 $right4 "$1"
	result=$?
	kill $receiver 2>/dev/null
	return $result
}
no_ping() { ! on "$left" ping -n -q -c 2 -i 0.2 -W 1 "$@" $right4; }

host left
host right
head -c 3000000 /dev/urandom >"$work/file"
appliance_start -p tap=left -p tap=right "$kernel" "$init" "$bridge" "$bridge" "$console"
wait_for 60 said '^bridge: between'
move left "$left" $left4
move right "$right" $right4
soon >/dev/null 2>&1
check answers_a_ping_through_the_bridge pings
check answers_a_full_ping_through_the_bridge pings -s 1472 -M do
check answers_pings_in_fragments pings -s 4000
check answers_many_pings on "$left" ping -n -q -c 100 -i 0.01 -W 20 $right4
check transfers_a_file_each_way both_ways
check frames_of_all_lengths_pass_unchanged frames
check the_wires_are_owned_by_the_bridge owned 2
check a_second_bridge_waits_for_them said 'bridge: queue pair 1 has an owner'
check frames_are_counted_once counted
check the_bridge_can_be_killed kill_owner
check the_second_bridge_takes_over soon
check and_owns_the_wires owned 2
check transfers_a_file_each_way_again both_ways
check the_second_one_can_be_killed kill_owner
check then_the_wires_are_nobodys owned 0
check and_nothing_passes no_ping
appliance_stop
check ends_without_a_panic equal "$appliance_status" 0

# The wires went with the namespaces' taps: new ones.
kill $hosts
hosts=
wait
host left
host right
{
	echo "# the first one that accepts a frame decides"
	rule pass 'tcp port 5004'
	rule deny 'tcp portrange 5003-5005'
	rule deny 'icmp and len > 1000'
	rule deny 'src host 10.0.8.1 and tcp dst port 5006' # overlaps the next one
	rule deny 'dst host 10.0.8.2 and tcp dst port 5006'
} >"$work/rules"
appliance_start -p tap=left -p tap=right "$kernel" "$init" "$bridge" "$work/rules rules" "$console"
wait_for 60 said '^bridge: between'
move left "$left" $left4
move right "$right" $right4
soon >/dev/null 2>&1
check rules_are_read said 'bridge: 5 rules'
check what_no_rule_accepts_passes reaches 5001
check what_an_earlier_rule_passes_passes reaches 5004
check what_a_rule_denies_stays nothing_on 5003
check and_at_the_ranges_end nothing_on 5005
check and_where_two_rules_overlap nothing_on 5006
check a_short_ping_passes pings
check a_long_one_stays no_ping -s 1200
echo allow >"$work/rules"
appliance_start -p hub=1 -p hub=1 "$kernel" "$init" "$bridge" "$work/rules rules" "$console"
check a_bridge_with_bad_rules_carries_nothing wait_for 60 said 'init: bridge is over: it returned, code 1'
check and_says_which said 'bridge: rule 1 is not to be used'
appliance_stop
