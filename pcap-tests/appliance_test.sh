#!/bin/sh
# pcap-tests/appliance_test.sh [-r] REPLAY MANGLE DPF KERNEL MODULE... - replay the traces that have
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
replay=$1 mangle=$2 dpf=$3
shift 3
. boot/appliance.sh
also_stop() { [ -z "$player" ] || kill "$player"; }
player= keeper=02:00:00:00:00:fe # as in hosts.c

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

# owner_of PORT PROTOCOL NUMBER FROM - how many of the frames on the wire, from whom FROM says,
# belong to who has this port: what is sent to it, and ICMP errors about what it sent.
owner_of() {
	quotes4="icmp[17] = $3 and icmp[(8 + ((icmp[8] & 15) << 2)):2] = $1"
	"$dpf" match -r "$work/wire.pcap" -- \
		"$4 and $2 dst port $1" \
		"$4 and icmp and icmp[0] >= 3 and icmp[0] <= 5 and $quotes4" \
		"$4 and icmp and icmp[0] >= 11 and icmp[0] <= 12 and $quotes4" \
		"$4 and ip6 and ip6[6] = 58 and ip6[40] >= 1 and ip6[40] <= 4 and ip6[54] = $3 and ip6[88:2] = $1" |
		awk '{ n += $1 } END { print n }'
}
# counted NAME PORT PROTOCOL NUMBER [PROTOCOL NUMBER] - this owner's filters took what the traces
# sent to it, and of the replayer's questions whether the port is open (from $keeper) all since
# it was: at least the last one, two segments.
counted() {
	took=$(awk -v name="$1" '$2 == name { n += $4 } END { print n + 0 }' "$work/filters")
	least=2 most=0 who=$1 port=$2
	shift 2
	while [ $# -gt 0 ]; do
		least=$((least + $(owner_of $port $1 $2 "not ether src $mac and not ether src $keeper")))
		most=$((most + $(owner_of $port $1 $2 "not ether src $mac")))
		shift 2
	done
	echo "$who: $took frames taken, $least to $most on the wire"
	[ "$took" -ge "$least" ] && [ "$took" -le "$most" ]
}
# Every frame that came in is in one filter's count, or was dropped before any.
none_besides() {
	awk '
		FILENAME ~ /filters$/ { if ($1 ~ /^[0-9]+$/ && NF == 8) n += $4 }
		/^received / { received = $2; for (i = 4; i < NF; i++) if ($i ~ /^(UNCLAIMED|LENGTH|DEVICE|FRAGMENT|held)$/) n += $(i + 1) }
		END { print received, n; exit received != n }
	' "$work/filters" "$work/counters"
}
check_owners() {
	ask 60 dpf 'installed$' >"$work/filters"
	check "the_web_server_got_its_frames: $name" counted httpd 80 tcp 6
	check "echo_got_its_frames: $name" counted echo 7 tcp 6 udp 17
	check "every_frame_has_one_owner: $name" none_besides
}

# play KERNEL MODULE... - boot on a socket, replay with $options, check the counters
play() {
	timeout 500 "$replay" ${REPLAY_OPTIONS-} $options $ready "unix:$work/wire" "$mac" "$address" $stems \
		>"$work/replay" 2>&1 &
	player=$!
	wait_for 60 test -S "$work/wire"
	appliance_start -w "$work/wire.pcap" -n "stream=$work/wire" -e "$mac" -a "address=$address" "$@"
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
	[ -n "$raw" ] || check_owners
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
