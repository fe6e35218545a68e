#!/bin/sh
# pcap-tests/appliance_test.sh REPLAY MANGLE KERNEL MODULE... - replay the traces that have a
# side file through the booted appliance, then again amid malformed frames. The module that
# holds the web server's files is one of the traces' own. Needs no root. Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/.." || exit 1
replay=$1 mangle=$2
shift 2
work=$(mktemp -d) || exit 1
trap 'appliance_stop; [ -z "$player" ] || kill "$player" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. boot/appliance.sh
player=

for side in pcap-tests/traces/*.side; do
	name=$(basename "$side" .side)
	gunzip -c "pcap-tests/traces/$name.pcap.gz" >"$work/$name.pcap"
	cp "$side" "$work"
done
# Each line: whose place is taken, MAC and address.
sed -n 's/^appliance //p' "$work"/*.side | sort -u >"$work/identities"

# play NAME OPTION... - boot on a socket, replay, check the counters
play() {
	name=$1
	shift
	timeout 500 "$replay" "$@" -p 7 -p 80 "unix:$work/wire" "$mac" "$address" $stems \
		>"$work/replay" 2>&1 &
	player=$!
	wait_for 60 test -S "$work/wire"
	appliance_start -n "stream=$work/wire" -e "$mac" $appliance_files
	wait "$player"
	player=
	sed -nE "s/^(not )?ok /&$name: /p" "$work/replay"
	grep -q '^not ok' "$work/replay" && show_console
	grep -vE '^(ok|not ok|#) ' "$work/replay" | head -n 20 | sed 's/^/# /'
	sent=$(sed -n 's/^# frames sent //p' "$work/replay")
	ask 60 stat '^pages ' >"$work/stat"
	check "every_frame_is_counted_once: $name" balanced "$work/stat"
	check "no_frame_is_missing: $name" grep -q "^received ${sent:-none} = " "$work/stat"
	check "the_machine_is_still_there: $name" appliance_running
	appliance_stop
	check "it_ends_without_a_panic: $name" test "$appliance_status" -eq 0
	rm -f "$work/wire"
}

appliance_files=$*
while read -r mac address; do
	stems=
	for side in $(grep -l "^appliance $mac $address" "$work"/*.side); do
		stems="$stems ${side%.side}"
	done
	play as_recorded
	"$mangle" 1 "${NOISE:-4000}" $stems >"$work/noise.pcap"
	play amid_malformed_frames -n "$work/noise"
done <"$work/identities"
