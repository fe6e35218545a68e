#!/bin/sh
# apps/echo/syn_test.sh KERNEL HANDLER MODULE... - the SYN proxy HANDLER before echo's TCP: real clients
# shake hands with it and talk to echo, while a flood of SYNs from nobody comes. A tap in a network
# namespace of its own is the wire. Needs root and /dev/net/tun. Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/network.sh
. boot/appliance.sh
dns= flood=
also_stop() { kill $dns $flood; }
kernel=$1 handler=$2
shift 2

four=10.0.9.50 mac=52:54:00:12:34:56
ip link set lo up
ip tuntap add wire mode tap
ip address add 10.0.9.1/24 dev wire
ip link set wire up
dnsmasq -d -p 0 -C /dev/null -i wire --bind-dynamic --dhcp-host=$mac,$four --no-ping \
	--dhcp-range=10.0.9.50,10.0.9.60,1h --dhcp-leasefile="$work/leases" >"$work/dns" 2>&1 &
dns=$!

echoes() { [ "$(echo word | timeout 120 nc -N -w 60 $four 7)" = word ]; }
# The connection's one: what was sent comes back, at a length of many segments.
echoes_much() {
	head -c 300000 /dev/urandom >"$work/much"
	timeout 120 nc -N -w 60 $four 7 <"$work/much" | cmp - "$work/much"
}
twenty() { for _ in $(seq 20); do echoes || return 1; done; }
# echo's TCP filter: the one that has handled frames
handled() { ask 60 dpf 'installed$' | awk '$2 == "echo" && $7 > n { n = $7 } END { print n + 0 }'; }
aborted() { ask 60 dpf 'installed$' | awk '$8 > 0 && $8 ~ /^[0-9]+$/ { n++ } END { exit n > 0 }'; }
answers_more_than() { [ "$(handled)" -gt "$1" ]; }
balance() { ask 60 stat '^pages ' >"$work/stat" && balanced "$work/stat"; }

appliance_start -n tap=wire -e $mac "$kernel" $(for m; do
	echo "$m"
	case $m in */echo.elf) echo "$handler" ;; esac
done)
wait_for 120 echoes 2>/dev/null
check a_client_talks_through_the_proxy echoes
check much_data_goes_through_it echoes_much
check twenty_clients_one_after_the_other twenty
check the_handler_answers_syns answers_more_than 20
python3 -B apps/echo/flood.py wire $mac $four 7 &
flood=$!
sleep 2
check clients_are_served_in_a_flood twenty
check much_data_in_a_flood echoes_much
check the_flood_is_answered wait_for 300 answers_more_than 500
kill $flood
wait $flood 2>/dev/null
flood=
check the_handler_never_aborts aborted
check every_frame_is_counted_once balance
appliance_stop
check ends_without_a_panic test "$appliance_status" -eq 0
