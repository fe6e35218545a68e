#!/bin/sh
# dpf/test/link_test.sh DPF - the same IP packets in captures of every link type that dpf reads,
# whole and cut off, in both byte orders: `match` counts the same everywhere. Prints TAP.
# SPDX-License-Identifier: ISC
. "$(dirname "$0")/head.sh"

# NAME.pcap, and NAME.cut: the same with 20 bytes fewer of each packet captured.
python3 - "$work" <<'END'
import struct, sys
def ip4(proto, payload, options=b"", fragment=0):
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload),
                       1, fragment, 64, proto, 0)
    return head + bytes([10, 0, 0, 1]) + bytes([10, 0, 0, 2]) + options + payload
def ip6(proto, payload):
    return struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + payload
def tcp(port): return struct.pack(">HHIIBBHHH", 40000, port, 1, 1, 0x50, 2, 0, 0, 0) + bytes(20)
def udp(port): return struct.pack(">HHHH", 40000, port, 28, 0) + bytes(20)
v4 = [ip4(6, tcp(80)), ip4(17, udp(53)), ip4(1, b"\10\0" + bytes(30)),
      ip4(6, tcp(443), b"\1" * 40), ip4(17, udp(53), fragment=100)]
v6 = [ip6(6, tcp(80)), ip6(17, udp(53)), ip6(58, b"\x80\0" + bytes(30))]
def ethertype(p): return 0x0800 if p[0] >> 4 == 4 else 0x86dd
def family(p): return 2 if p[0] >> 4 == 4 else 10 # as Linux numbers them
links = { # name: (link type, header of a packet in a file of this byte order, which packets)
    "ethernet": (1, lambda p, o: bytes(12) + struct.pack(">H", ethertype(p)), v4 + v6),
    "raw": (101, lambda p, o: b"", v4 + v6),
    "ipv4": (228, lambda p, o: b"", v4),
    "ipv6": (229, lambda p, o: b"", v6),
    "cooked": (113, lambda p, o: struct.pack(">HHH8sH", 0, 1, 6, bytes(8), ethertype(p)), v4 + v6),
    "cooked2": (276, lambda p, o: struct.pack(">HHIHBB8s", ethertype(p), 0, 1, 1, 0, 6, bytes(8)), v4 + v6),
    "null": (0, lambda p, o: struct.pack(o + "I", {2: 2, 10: 30}[family(p)]), v4 + v6),
    "loop": (108, lambda p, o: struct.pack(">I", {2: 2, 10: 30}[family(p)]), v4 + v6),
}
for name, (link, header, packets) in links.items():
    for order, suffix in (("<", ""), (">", "-big-endian")):
        for cut, ending in ((0, "pcap"), (20, "cut")):
            with open(f"{sys.argv[1]}/{name}{suffix}.{ending}", "wb") as f:
                f.write(struct.pack(order + "IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link))
                for p in packets:
                    whole = header(p, order) + p
                    f.write(struct.pack(order + "IIII", 1, 2, len(whole) - cut, len(whole)) +
                            whole[:len(whole) - cut])
END

# Counts among the IPv4 packets, among the IPv6 packets, the expression. (libpcap reads no
# address family in a loopback header but those that it knows: IPv6 there is 24, 28 or 30.)
cat >"$work/table" <<'END'
5 3 
5 0 ip
0 3 ip6
2 1 tcp
1 1 tcp port 80
1 1 udp dst port 53
2 1 udp
1 0 icmp
0 1 icmp6
0 0 tcp port 22
5 0 src host 10.0.0.1 and dst net 10.0.0.0/24
0 3 dst host ::2
1 0 ip[6:2] & 0x1fff != 0
1 0 tcp[2:2] = 443 and ip[0] & 15 > 5
2 0 tcp[tcpflags] & tcp-syn != 0
1 0 icmp[icmptype] == icmp-echo
END

for capture in "$work"/*.pcap "$work"/*.cut; do
	name=$(basename "$capture")
	set --
	: >"$work/wanted"
	while read -r v4 v6 expression; do
		case $name in # of what such a file cannot hold, libpcap says so and refuses
		ipv4*) [ "$v4" = 0 ] && [ "$v6" != 0 ] && continue; v6=0 ;;
		ipv6*) [ "$v6" = 0 ] && [ "$v4" != 0 ] && continue; v4=0 ;;
		esac
		printf '%s\t%s\n' "$((v4 + v6))" "$expression" >>"$work/wanted"
		set -- "$@" "$expression"
	done <"$work/table"
	"$dpf" match -r "$capture" -- "$@" >"$work/out" 2>"$work/err"
	if cmp -s "$work/wanted" "$work/out"; then
		echo "ok link_type_is_read: $name"
	else
		echo "not ok link_type_is_read: $name -" \
			"$(diff "$work/wanted" "$work/out" | sed -n 2,5p | tr '\n' ' ')$(head -n 1 "$work/err")"
	fi
done
"$dpf" match -r "$work/ipv4.pcap" ip6 2>"$work/err"
[ $? -eq 2 ] && grep -q 'rejects all' "$work/err" && echo "ok link_type_without_ip6_refuses_it" ||
	echo "not ok link_type_without_ip6_refuses_it - $(head -n 1 "$work/err")"
