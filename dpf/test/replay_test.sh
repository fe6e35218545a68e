#!/bin/sh
# dpf/test/replay_test.sh DPF - `dpf replay` between two ends of a wire in a network namespace of
# its own: every frame arrives as it was, in order, and the status tells when not. Rates are
# compared with the time that was needed at the least. Prints TAP. SPDX-License-Identifier: ISC
. "$(dirname "$0")/../../boot/network.sh"
. "$(dirname "$0")/head.sh"

ip link add near type veth peer name far || exit 1
for end in near far; do
	echo 1 >/proc/sys/net/ipv6/conf/$end/disable_ipv6
	ip link set $end up
done
ip link add idle type veth peer name unused || exit 1

# 100 frames of 100 bytes, 1 ms apart; the same, one of them too long to send; and none.
python3 - "$work" <<'END'
import struct, sys
def write(name, sizes, link=1):
    with open(f"{sys.argv[1]}/{name}", "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link))
        for i, n in enumerate(sizes):
            f.write(struct.pack("<IIII", 5, 1000 * i, n, n + (i == 7)) +
                    struct.pack(">12sHI", b"\2" * 12, 0x88b5, i).ljust(n, b"x"))
write("good", [100] * 100)
write("long", [100] * 50 + [9000] + [100] * 49)
write("bad", [9000] * 3)
write("none", [])
write("raw", [100], 101)
END

# arrived WANTED COMMAND... - run it; WANTED frames with our type come out at the far end, in order
arrived() {
	python3 - "$@" <<'END'
import socket, subprocess, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
s.bind(("far", 0x88b5))
run = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE)
sys.stdout.buffer.write(run.stdout)
s.setblocking(False)
got = []
try:
    while True:
        got.append(s.recv(65536))
except BlockingIOError:
    pass
numbers = [int.from_bytes(f[14:18], "big") for f in got]
kept = [n for n in range(100)] * 100
if len(got) != int(sys.argv[1]) or any(len(f) != 100 or set(f[18:]) != {120} for f in got):
    sys.exit(f"{len(got)} frames arrived")
if run.returncode == 0 and numbers != kept[:len(numbers)]:
    sys.exit("not in order")
sys.exit(run.returncode)
END
}
sends() { # sends NAME STATUS FRAMES LEAST_MS OPTION... - and lasts at least so many milliseconds
	name=$1 status=$2 frames=$3 least=$4
	shift 4
	arrived "$frames" "$dpf" replay --json -i near "$@" >"$work/out" 2>"$work/err"
	code=$?
	python3 - "$work/out" "$frames" "$least" >"$work/log" 2>&1 <<'END'
import json, sys
j = json.load(open(sys.argv[1]))
assert j["packets"] == int(sys.argv[2]), j
assert j["duration_ns"] >= int(sys.argv[3]) * 1000000, j
e = j["pacing_error_ns"]
assert e is None or e["p50"] <= e["p99"] <= e["max"], j
END
	if [ $? -eq 0 ] && [ $code -eq "$status" ]; then
		echo "ok replay_$name"
	else
		echo "not ok replay_$name - status $code: $(head -n 1 "$work/err")$(tail -n 1 "$work/log")"
	fi
}
sends as_recorded 0 100 99 "$work/good"
sends twice_as_fast 0 100 49 -x 2 "$work/good"
sends frames_a_second 0 100 198 --pps 500 "$work/good"
sends frames_a_second_in_groups 0 100 180 --pps 500 --pps-multi 10 "$work/good"
sends megabits_a_second 0 100 79 --mbps 1 "$work/good"
sends at_top_speed 0 100 0 --topspeed "$work/good"
sends loops 0 300 296 -l 3 "$work/good"
sends loops_with_delay 0 200 150 -t -l 2 --loopdelay-ms 150 "$work/good"
sends up_to_a_limit 0 30 0 -t -L 30 -l 0 "$work/good"
sends as_long_as_told 0 100 0 --duration 60 "$work/good"
sends all_but_one 1 99 0 -t "$work/long"

for timer in nano select gtod; do sends "timed_by_$timer" 0 100 49 -T $timer -x 2 "$work/good"; done

# Ways as tcpprep writes them: of each four frames the first two by the first interface, the
# third by the second, the fourth by none.
python3 - "$work" <<'END'
import struct, sys
def write(name, n, version=b"04", way=0b00101111):
    with open(f"{sys.argv[1]}/{name}", "wb") as f:
        f.write(struct.pack(">8s4sQHH", b"tcpprep", version, n, 4, 3) + b"why" + bytes([way]) * ((n + 3) // 4))
write("split", 100)
write("short", 99)
write("old", 100, b"03")
END
ip link add left type veth peer name right && ip link set left up && ip link set right up
python3 - "$dpf" "$work" >"$work/log" 2>&1 <<'END'
import socket, subprocess, sys
ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5)) for _ in range(2)]
for s, name in zip(ends, ("far", "right")):
    s.bind((name, 0x88b5))
    s.setblocking(False)
subprocess.run([sys.argv[1], "replay", "-i", "near", "-I", "left", "-t", "-c", sys.argv[2] + "/split",
                sys.argv[2] + "/good"], check=True)
def numbers(s):
    got = []
    try:
        while True:
            got.append(int.from_bytes(s.recv(65536)[14:18], "big"))
    except BlockingIOError:
        return got
assert numbers(ends[0]) == [i for i in range(100) if i % 4 < 2]
assert numbers(ends[1]) == [i for i in range(100) if i % 4 == 2]
END
[ $? -eq 0 ] && echo "ok replay_splits_by_a_cache_file" ||
	echo "not ok replay_splits_by_a_cache_file - $(tail -n 1 "$work/log")"

# Rounds of a frame between 10.0.0.9 and 10.0.0.2 and its answer: new addresses each time, and
# the sum of both stays.
python3 - "$work" <<'END'
import struct, sys
def frame(a, b):
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 86, 1, 0, 64, 253, 0, bytes(a), bytes(b))
    return (b"\2" * 12 + b"\x08\0" + ip).ljust(100, b"x")
with open(f"{sys.argv[1]}/flow", "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for one in (frame((10, 0, 0, 9), (10, 0, 0, 2)), frame((10, 0, 0, 2), (10, 0, 0, 9))):
        f.write(struct.pack("<IIII", 5, 0, 100, 100) + one)
END
python3 - "$dpf" "$work" >"$work/log" 2>&1 <<'END'
import socket, subprocess, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind(("far", 0x0800))
subprocess.run([sys.argv[1], "replay", "-i", "near", "-t", "-l", "9", "--unique-ip", sys.argv[2] + "/flow"], check=True)
s.setblocking(False)
got = [s.recv(65536) for i in range(18)]
ends = [(f[26:30], f[30:34]) for f in got]
assert all(ends[i] == ends[i + 1][::-1] for i in range(0, 18, 2)), ends
assert len(set(ends[::2])) == 9, ends
assert all(a[3] + b[3] == 11 for a, b in ends), ends
END
[ $? -eq 0 ] && echo "ok replay_makes_new_flows" || echo "not ok replay_makes_new_flows - $(tail -n 1 "$work/log")"

# refuses NAME MESSAGE OPTION... - status 2, nothing sent
refuses() {
	name=$1 message=$2
	shift 2
	arrived 0 "$dpf" replay "$@" >"$work/out" 2>"$work/err"
	[ $? -eq 2 ] && grep -q "$message" "$work/err" && echo "ok replay_refuses_$name" ||
		echo "not ok replay_refuses_$name - $(head -n 1 "$work/err")"
}
refuses when_nothing_could_be_sent 'nothing was sent' -i near -t -l 0 "$work/bad"
refuses an_empty_capture 'no frames' -i near "$work/none"
refuses another_link_type 'Ethernet' -i near "$work/raw"
refuses an_interface_that_is_not_there 'nowhere' -i nowhere "$work/good"
refuses an_interface_that_is_down 'nothing was sent' -i idle -t "$work/good"
refuses a_file_that_is_not_there absent -i near "$work/absent"
refuses two_paces usage: -i near -t -p 1 "$work/good"
refuses a_pace_of_0 usage: -i near -p 0 "$work/good"
refuses a_pace_that_is_no_number usage: -i near -M 1x "$work/good"
refuses a_cache_file_that_is_short 'fewer frames' -i near -I left -c "$work/short" "$work/good"
refuses a_cache_file_of_another_format 'not 04' -i near -I left -c "$work/old" "$work/good"
refuses what_is_no_cache_file 'not a cache file' -i near -I left -c "$work/good" "$work/good"
refuses a_cache_file_without_a_second_interface usage: -i near -c "$work/split" "$work/good"
refuses a_timer_unknown usage: -i near -T ioport "$work/good"
refuses no_file usage: -i near -t
"$dpf" replay -i near -t "$work/good" >"$work/out"
[ "$(grep -c 'Actual: 100 packets (10000 bytes)\|Rated: .* pps\|Successful packets: *100$\|Truncated packets: *1$' \
	"$work/out")" -eq 4 ] && echo "ok replay_says_it_as_tcpreplay_does" ||
	echo "not ok replay_says_it_as_tcpreplay_does - $(tr '\n' ' ' <"$work/out")"
