#!/bin/sh
# apps/probe/probe_test.sh KERNEL MODULE... - boot the modules, apps/probe among them, beside a
# peer: a tap in a network namespace, with dnsmasq and probe_peer.py. The probe prints TAP and
# ends the machine. Needs root and /dev/net/tun. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/network.sh
work=$(mktemp -d) || exit 1
children=
trap 'kill $children 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

ip link set lo up
ip tuntap add wire mode tap
ip address add 10.0.9.1/24 broadcast 10.0.9.255 dev wire
ip link set wire up
dnsmasq -d -p 0 -C /dev/null -i wire --bind-dynamic --no-ping --dhcp-range=10.0.9.50,10.0.9.60,1h \
	--dhcp-leasefile="$work/leases" >"$work/dns" 2>&1 &
children=$!
apps/probe/probe_peer.py wire 10.0.9.1 239.1.2.3 >"$work/peer" 2>&1 &
children="$children $!"
timeout 300 boot/run.sh -1 -n tap=wire "$@" >"$work/console" 2>&1 </dev/null
status=$?
tr -d '\r' <"$work/console" | grep -E '^(> )?(not )?ok ' | sed 's/^> //'
if [ $status -eq 0 ]; then
	echo "ok the_probe_ends_with_success"
else
	echo "not ok the_probe_ends_with_success - status $status: $(tail -n 3 "$work/console" | tr '\r\n' '  ')"
fi
if grep -q '^report' "$work/peer"; then
	echo "ok the_owner_of_the_address_reports_the_group"
else
	echo "not ok the_owner_of_the_address_reports_the_group - $(tail -n 2 "$work/peer" | tr '\n' ' ')"
fi
