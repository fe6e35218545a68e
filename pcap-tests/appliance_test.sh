#!/bin/sh
# pcap-tests/appliance_test.sh [-r] REPLAY MANGLE KERNEL MODULE... - replay the traces that have
# a side file through the booted appliance, then again amid malformed frames. The module that
# holds the web server's files is the traces' own. Needs no root. Prints TAP.
#
# With -r the module is apps/raw, which has no DHCP and no TCP: it gets the traces that are
# listed below, and its address on the kernel's command line.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/.." || exit 1
raw=
[ "$1" != -r ] || { raw=yes; shift; }
replay=$1 mangle=$2
shift 2
work=$(mktemp -d) || exit 1
trap 'appliance_stop; [ -z "$player" ] || kill "$player" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. boot/appliance.sh
player=

if [ -n "$raw" ]; then
	names='arping ping ping_sizes udp_echo'
	counters=s kind=raw ready=-d
else
	names=$(basename -s .side pcap-tests/traces/*.side)
	counters=stat kind=appliance ready='-6 -p 7 -p 80'
fi
for name in $names; do
	gunzip -c "pcap-tests/traces/$name.pcap.gz" >"$work/$name.pcap"
	cp "pcap-tests/traces/$name.side" "$work"
done
# Each line: whose place is taken, MAC and address.
sed -n 's/^appliance //p' "$work"/*.side | sort -u >"$work/identities"

# The interface has seen what was sent, but perhaps for the first pings.
all_arrived() {
	awk '
		/^# frames sent / { sent = $4 + 0; early = $5 + 0 }
		/^received / { received = $2; seen = 1 }
		END { exit !(seen && sent && received <= sent && received >= sent - early) }
	' "$work/replay" "$work/counters"
}

# play KERNEL MODULE... - boot on a socket, replay with $options, check the counters
play() {
	timeout 500 "$replay" ${REPLAY_OPTIONS-} $options $ready "unix:$work/wire" "$mac" "$address" $stems \
		>"$work/replay" 2>&1 &
	player=$!
	wait_for 60 test -S "$work/wire"
	appliance_start -n "stream=$work/wire" -e "$mac" -a "address=$address" "$@"
	wait "$player"
	player=
	sed -nE "s/^(not )?ok /&$kind, $name: /p" "$work/replay"
	grep -vE '^(ok|not ok|#) ' "$work/replay" | head -n 20 | sed 's/^/# /'
	ask 60 $counters '^sent ' >"$work/counters"
	grep -q '^not ok' "$work/replay" && {
		show_console
		sed 's/^/# /' "$work/counters"
	}
	check "every_frame_is_counted_once: $kind, $name" balanced "$work/counters"
	check "no_frame_is_missing: $kind, $name" all_arrived
	check "the_machine_is_still_there: $kind, $name" appliance_running
	appliance_stop
	check "it_ends_without_a_panic: $kind, $name" test "$appliance_status" -eq 0
	rm -f "$work/wire"
}

while read -r mac address; do
	stems=
	for side in $(grep -l "^appliance $mac $address" "$work"/*.side); do
		stems="$stems ${side%.side}"
	done
	name=as_recorded options=
	play "$@"
	"$mangle" 1 "${NOISE:-4000}" $stems >"$work/noise.pcap"
	name=amid_malformed_frames options="-n $work/noise"
	play "$@"
done <"$work/identities"
