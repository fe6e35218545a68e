#!/bin/sh
# pcap-tests/peer_test.sh REPLAY MANGLE - test the replayer itself: it must pass a Linux peer, over a
# tap in a network namespace of its own, and must notice what is made wrong. Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/.." || exit 1
. boot/network.sh
replay=$1 mangle=$2
work=$(mktemp -d) || exit 1
peer=
trap '[ -z "$peer" ] || kill "$peer" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

ip tuntap add wire mode tap
ip link set wire address 52:54:00:12:34:56
# No limit to refusals. No waiting after a connection's end: each trace is replayed twice.
for setting in ipv6/conf/wire/accept_dad=0 ipv4/icmp_ratelimit=0 \
	ipv4/icmp_msgs_per_sec=1000000 ipv4/icmp_msgs_burst=100000 \
	ipv6/icmp/ratelimit=0 ipv4/tcp_max_tw_buckets=0; do
	echo "${setting#*=}" >"/proc/sys/net/${setting%=*}"
done
ip link set lo up
ip address add 10.0.2.15/24 dev wire
ip address add fe80::5054:ff:fe12:3456/64 dev wire nodad 2>/dev/null
ip link set wire up
python3 pcap-tests/peer.py pcap-tests/www >"$work/peer" 2>&1 &
peer=$!
for _ in $(seq 600); do grep -q ready "$work/peer" && break; sleep 0.1; done

for side in pcap-tests/traces/*.side; do
	name=$(basename "$side" .side)
	gunzip -c "pcap-tests/traces/$name.pcap.gz" >"$work/$name.pcap"
	cp "$side" "$work"
	stems="${stems-} $work/$name"
done
run() { timeout 300 "$replay" "$@" tap:wire 52:54:00:12:34:56 10.0.2.15 $files; }

files=$stems
run -d -p 7 -p 80 | sed -E 's/^(not )?ok /&the_replayer_passes_linux: /'

"$mangle" 1 2000 $stems >"$work/noise.pcap"
run -d -p 7 -p 80 -n "$work/noise" | sed -E 's/^(not )?ok /&amid_malformed_frames: /'

# notices NAME STEM EDIT - after the edit of the side file or the trace, it fails
notices() {
	name=$1 files=$work/wrong
	cp "$2.side" "$work/wrong.side"
	cp "$2.pcap" "$work/wrong.pcap"
	sh -c "$3" -- "$work/wrong"
	if run -d -s 2 >"$work/out"; then
		echo "not ok the_replayer_notices_$1"
	else
		grep -q '^not ok wrong - ' "$work/out" && echo "ok the_replayer_notices_$1" ||
			echo "not ok the_replayer_notices_$1 - $(head -n 1 "$work/out")"
	fi
}
# Change one byte of the frame that holds TEXT for the LAST time.
spoil() {
	cat >"$work/spoil.py" <<-'END'
		import sys
		path, old, new = sys.argv[1], *(bytes.fromhex(a) for a in sys.argv[2:])
		data = open(path, "rb").read()
		at = data.rindex(old)
		open(path, "wb").write(data[:at] + new + data[at + len(old):])
	END
	echo "python3 $work/spoil.py \$1.pcap $*"
}
notices a_field_that_differs "$work/ping" 'sed -i /ignore/d $1.side'
notices another_arp_reply "$work/arping" "$(spoil 5254001234560a00020f 5254001234570a00020f)"
notices another_stream "$work/tcp6_echo" "$(spoil 7369780a 7369790a)"
notices another_page "$work/http_get" "$(spoil 54686973 54686173)"
notices another_status "$work/http_absent" "$(spoil 20343034 20343033)"
notices an_open_port "$work/tcp_echo" 'echo refuse tcp 7 >>$1.side'
notices a_closed_port "$work/tcp_closed" 'echo http 9 >>$1.side; python3 - $1.pcap <<-"END"
	import sys
	d = bytearray(open(sys.argv[1], "rb").read())
	at = d.rindex(bytes.fromhex("5014"))
	d[at + 1] = 0x12
	open(sys.argv[1], "wb").write(d)
	END'
notices a_statement_it_does_not_know "$work/ping" 'echo hope for the best >>$1.side'
notices a_trace_that_is_cut "$work/ping" 'truncate -s -3 $1.pcap'
notices a_foreign_appliance "$work/ping" 'sed -i s/34:56/34:57/ $1.side'
