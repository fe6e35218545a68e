#!/bin/sh
# dpf/test/strict_test.sh DPF - `--strict-meaning`: what it looks through, on frames made here;
# and that it is libpcap's meaning on the recorded traces, but for the loads that it also
# does in IPv6. Prints TAP. SPDX-License-Identifier: ISC
. "$(dirname "$0")/head.sh"

# The frames, in bits of the table's first column: 0 plain, 1 VLAN 5, 2 VLAN 7 in 5, 3 MPLS 9,
# 4 MPLS 8 9 in VLAN 5: each TCP to port 80 in IPv4. In IPv6: 5 plain, 6 behind hop-by-hop,
# routing and options, 7 first fragment, 8 later fragment, 9 ICMPv6 behind hop-by-hop. 10 a
# later fragment in IPv4. 11 ARP in VLAN 7. 12 IPv4 with options.
python3 - "$work" <<'END'
import struct, sys
tcp = struct.pack(">HHIIBBHHH", 40000, 80, 1, 1, 0x50, 2, 0, 0, 0) + bytes(20)
def ip4(fragment=0, options=b""):
    return struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(tcp), 1, fragment,
                       64, 6, 0) + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + options + tcp
def ip6(first, rest):
    return struct.pack(">IHBB", 6 << 28, len(rest), first, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + rest
def more(following, size): return bytes([following, size]) + bytes(6 + 8 * size)
def fragment(offset): return struct.pack(">BBHI", 6, 0, offset << 3 | 1, 1)
def vlan(n): return struct.pack(">HH", 0x8100, n)
def mpls(n, bottom): return struct.pack(">I", n << 12 | bottom << 8 | 64)
four, six = b"\x08\0", b"\x86\xdd"
frames = [four + ip4(), vlan(5) + four + ip4(), b"\x88\xa8\0\5" + vlan(7) + four + ip4(),
    b"\x88\x47" + mpls(9, 1) + ip4(), vlan(5) + b"\x88\x47" + mpls(8, 0) + mpls(9, 1) + ip4(),
    six + ip6(6, tcp), six + ip6(0, more(43, 0) + more(60, 2) + more(6, 1) + tcp),
    six + ip6(44, fragment(0) + tcp), six + ip6(44, fragment(100) + tcp),
    six + ip6(0, more(58, 0) + b"\x80\0" + bytes(20)), four + ip4(100),
    vlan(7) + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + bytes(6) + bytes([10, 0, 0, 1]) +
    bytes(6) + bytes([10, 0, 0, 9]), four + ip4(0, b"\1" * 40)]
for i, f in enumerate(frames):
    f = b"\2" * 12 + f
    with open(f"{sys.argv[1]}/{i}.pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) +
                  struct.pack("<IIII", 1, 2, len(f), len(f)) + f)
END
cat >"$work/table" <<'END'
1111110000101 (ip and tcp) or (ip6 and ip6[6] = 6)
0000010000000 ip and tcp or ip6 and ip6[6] = 6
1111111111101 ip or ip6
1111111110101 tcp
1111111100001 tcp port 80
1111111100001 tcp[2:2] = 80
1111111100001 tcp[tcpflags] & tcp-syn != 0 and not tcp src port 22
0000000000000 tcp src port 80
0110100000010 vlan
0110100000000 vlan 5
0010000000010 vlan 7
0110100000010 vlan 7 or vlan 5
0010000000000 vlan 5 and vlan 7
0110100000000 tcp port 80 and vlan 5
0110100000000 vlan 5 and tcp port 80
0001100000000 mpls
0001100000000 mpls 9
0000100000000 port 80 and mpls 8
1110000000101 ip and not mpls
1111100000111 src host 10.0.0.1
1111100000111 host 10.0.0.1 and not (dst host 10.0.0.77 or 10.0.0.78)
0000000000010 dst net 10.0.0.8/30
0000000000010 arp host 10.0.0.9
0000011111000 ip6 host ::2
0000011111000 src and dst net ::/120
0000000001000 icmp6
0000000001000 icmp6[icmp6type] = icmp6-echo
0000011110000 ip6 proto 6
1111100000101 ip proto \tcp
0000000000010 ether proto \arp
1111111111111 ether src 02:02:02:02:02:02 and len > 20 and not less 20
1111111100001 portrange 79-80
1111111111111 not ether broadcast and not multicast and not tcp[0] = 1
END
while read -r wanted expression; do
	got=
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12; do
		n=$("$dpf" match --strict-meaning -r "$work/$i.pcap" -- "$expression" 2>"$work/err" | cut -f1)
		got=$got$n
	done
	[ "$got" = "$wanted" ] && echo "ok strict: $expression" ||
		echo "not ok strict: $expression - wanted $wanted, got $got $(head -n 1 "$work/err")"
done <"$work/table"

for table in pcap-tests/traces/*.counts; do
	name=$(basename "$table" .counts)
	gunzip -c "pcap-tests/traces/$name.pcap.gz" >"$work/pcap"
	set --
	while IFS="$(printf '\t')" read -r count expression; do
		case $expression in tcp?tcpflags*) ;; *) set -- "$@" "$expression" ;; esac
	done <"$table"
	"$dpf" match -r "$work/pcap" -- "$@" >"$work/compat" 2>"$work/err"
	"$dpf" match --strict-meaning -r "$work/pcap" -- "$@" >"$work/strict" 2>>"$work/err"
	cmp -s "$work/compat" "$work/strict" && echo "ok strict_is_compatible: $name" ||
		echo "not ok strict_is_compatible: $name - $(diff "$work/compat" "$work/strict" |
			sed -n 2,4p | tr '\n' ' ')$(head -n 1 "$work/err")"
done

# refuses COLUMN EXPRESSION [OPTION...] - with the place
refuses() {
	column=$1 expression=$2
	shift 2
	"$dpf" ir --strict-meaning "$@" -- "$expression" >"$work/out" 2>"$work/err"
	[ $? -eq 2 ] && grep -q "^dpf: column $column: " "$work/err" && echo "ok strict_refuses: $expression" ||
		echo "not ok strict_refuses: $expression - $(head -n 1 "$work/err")"
}
refuses 9 'arp and inbound'
refuses 6 'host nowhere.test'
refuses 5 'net 10.0.0.0/33'
refuses 10 'tcp port nosuchport'
refuses 8 'arp or pppoes'
refuses 5 'tcp prt 80'
refuses 6 'host 02:02:02:02:02:02' -y RAW
refuses 1 'ip' -y IEEE802_11

# Whatever libpcap compiles, our parser reads: strict meaning covers it, or says that it does not.
while read -r expression; do
	"$dpf" ir -- "$expression" >/dev/null 2>&1
	compat=$?
	"$dpf" ir --strict-meaning -- "$expression" >/dev/null 2>"$work/err"
	[ $? -eq 0 ] || [ $compat -ne 0 ] || grep -q 'strict meaning' "$work/err" || unread="${unread-} $expression;"
done <dpf/test/expressions.txt
[ -z "${unread-}" ] && echo "ok strict_reads_what_libpcap_does" ||
	echo "not ok strict_reads_what_libpcap_does -$unread"
