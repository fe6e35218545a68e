#!/bin/sh
# dpf/test/strict_test.sh DPF - `--strict-meaning`: what it looks through, on frames made here;
# and that it is libpcap's meaning on the recorded traces, but for the loads that it also
# does in IPv6. Prints TAP. SPDX-License-Identifier: ISC
. "$(dirname "$0")/head.sh"

# The frames, in bits of the table's first column: 0 plain, 1 VLAN 5, 2 VLAN 7 in 5, 3 MPLS 9,
# 4 MPLS 8 9 in VLAN 5: each TCP to port 80 in IPv4. In IPv6: 5 plain, 6 behind hop-by-hop,
# routing and options, 7 first fragment, 8 later fragment, 9 ICMPv6 behind hop-by-hop. 10 a
# later fragment in IPv4. 11 ARP in VLAN 7. 12 IPv4 with options. 13 IPv4 in PPPoE session 7
# in VLAN 5. 14 PPPoE discovery. 15 from 127.0.0.1. 16 IPv6 in PPPoE session 9.
python3 - "$work" <<'END'
import struct, sys
tcp = struct.pack(">HHIIBBHHH", 40000, 80, 1, 1, 0x50, 2, 0, 0, 0) + bytes(20)
def ip4(fragment=0, options=b"", source=(10, 0, 0, 1)):
    return struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(tcp), 1, fragment,
                       64, 6, 0) + bytes(source) + bytes([10, 0, 0, 2]) + options + tcp
def ip6(first, rest):
    return struct.pack(">IHBB", 6 << 28, len(rest), first, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + rest
def more(following, size): return bytes([following, size]) + bytes(6 + 8 * size)
def fragment(offset): return struct.pack(">BBHI", 6, 0, offset << 3 | 1, 1)
def vlan(n): return struct.pack(">HH", 0x8100, n)
def mpls(n, bottom): return struct.pack(">I", n << 12 | bottom << 8 | 64)
def pppoe(session, proto, rest):
    return b"\x88\x64\x11\0" + struct.pack(">HHH", session, 2 + len(rest), proto) + rest
four, six = b"\x08\0", b"\x86\xdd"
frames = [four + ip4(), vlan(5) + four + ip4(), b"\x88\xa8\0\5" + vlan(7) + four + ip4(),
    b"\x88\x47" + mpls(9, 1) + ip4(), vlan(5) + b"\x88\x47" + mpls(8, 0) + mpls(9, 1) + ip4(),
    six + ip6(6, tcp), six + ip6(0, more(43, 0) + more(60, 2) + more(6, 1) + tcp),
    six + ip6(44, fragment(0) + tcp), six + ip6(44, fragment(100) + tcp),
    six + ip6(0, more(58, 0) + b"\x80\0" + bytes(20)), four + ip4(100),
    vlan(7) + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + bytes(6) + bytes([10, 0, 0, 1]) +
    bytes(6) + bytes([10, 0, 0, 9]), four + ip4(0, b"\1" * 40), vlan(5) + pppoe(7, 0x21, ip4()), b"\x88\x63\x11\x09" + bytes(40),
    four + ip4(source=(127, 0, 0, 1)), pppoe(9, 0x57, ip6(6, tcp))]
for i, f in enumerate(frames):
    f = b"\2" * 12 + f
    with open(f"{sys.argv[1]}/{i}.pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) +
                  struct.pack("<IIII", 1, 2, len(f), len(f)) + f)
# A capture of all of these, in which the time stamp is the bit in the second table: 0 STP, 1 STP in VLAN 5,
# 2 IS-IS, 3 ES-IS, 4 IPX by SAP, 5 raw IPX, 6 IPX by EtherType, 7 NetBEUI (an I frame), 8 LLC receiver ready,
# 9 LLC XID, 10 TCP in SNAP, 11 AppleTalk in SNAP, 12 another organisation's SNAP, 13 Geneve 5, 14 Geneve 6 over
# IPv6, 15 Geneve of another version, 16 AppleTalk by EtherType.
def length(rest): return struct.pack(">H", len(rest)) + rest
def geneve(vni, version=0):
    return struct.pack(">HHHHBBHI", 999, 6081, 24, 0, version << 6, 0, 0x6558, vni << 8) + bytes(8)
def udp4(rest): return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(rest), 1, 0, 64, 17, 0) + bytes(8) + rest
others = [length(b"\x42\x42\3" + bytes(40)), vlan(5) + length(b"\x42\x42\3" + bytes(40)),
    length(b"\xfe\xfe\3\x83" + bytes(30)), length(b"\xfe\xfe\3\x82" + bytes(30)), length(b"\xe0\xe0\3" + bytes(30)),
    length(b"\xff\xff" + bytes(30)), b"\x81\x37\xff\xff" + bytes(40), length(b"\xf0\xf0\2\2" + bytes(40)),
    length(b"\4\4\1\1" + bytes(40)), length(b"\4\4\xbf" + bytes(40)),
    length(b"\xaa\xaa\3\0\0\0" + four + ip4()), length(b"\xaa\xaa\3\x08\0\7\x80\x9b" + bytes(40)),
    length(b"\xaa\xaa\3\0\0\x0c\x20\0" + bytes(40)), four + udp4(geneve(5)), six + ip6(17, geneve(6)),
    four + udp4(geneve(5, 1)), b"\x80\x9b" + bytes(40)]
def cooked(way, proto, rest): return struct.pack(">HHH8sH", way, 1, 6, bytes(8), proto) + rest
def cooked2(way, proto, rest): return struct.pack(">HHIHBB8s", proto, 0, 1, 1, way, 6, bytes(8)) + rest
ways = [(0, 4, b"\x42\x42\3" + bytes(40)), (4, 0x800, ip4()), (0, 0x800, ip4())]
for name, link, frames in (("802", 1, [b"\2" * 12 + f for f in others]), ("way", 113, [cooked(*w) for w in ways]),
                           ("way2", 276, [cooked2(*w) for w in ways])):
    with open(f"{sys.argv[1]}/{name}.all", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link))
        for i, f in enumerate(frames):
            out.write(struct.pack("<IIII", i, 0, len(f), len(f)) + f)
END
cat >"$work/table" <<'END'
11111100001011011 (ip and tcp) or (ip6 and ip6[6] = 6)
00000100000000001 ip and tcp or ip6 and ip6[6] = 6
11111111111011011 ip or ip6
11111111101011011 tcp
11111111000011011 tcp port 80
11111111000011011 tcp[2:2] = 80
11111111000011011 tcp[tcpflags] & tcp-syn != 0 and not tcp src port 22
00000000000000000 tcp src port 80
01101000000101000 vlan
01101000000001000 vlan 5
00100000000100000 vlan 7
01101000000101000 vlan 7 or vlan 5
00100000000000000 vlan 5 and vlan 7
01101000000001000 tcp port 80 and vlan 5
01101000000001000 vlan 5 and tcp port 80
00011000000000000 mpls
00011000000000000 mpls 9
00001000000000000 port 80 and mpls 8
11100000001011010 ip and not mpls
11111000001111000 src host 10.0.0.1
11111000001111000 host 10.0.0.1 and not (dst host 10.0.0.77 or 10.0.0.78)
00000000000100000 dst net 10.0.0.8/30
00000000000100000 arp host 10.0.0.9
00000111110000001 ip6 host ::2
00000111110000001 src and dst net ::/120
00000000010000000 icmp6
00000000010000000 icmp6[icmp6type] = icmp6-echo
00000111100000001 ip6 proto 6
11111000001011010 ip proto \tcp
00000000000100000 ether proto \arp
11111111111111111 ether src 02:02:02:02:02:02 and len > 20 and not less 20
11111111000011011 portrange 79-80
11111111111111111 not ether broadcast and not multicast and not tcp[0] = 1
00000000000001001 pppoes
00000000000001000 pppoes 7
00000000000001001 pppoes 7 or pppoes 9
00000000000000100 pppoed
00000000000001000 pppoes and tcp port 80 and vlan 5
00000000000000001 tcp dst port 80 and pppoes 9
00000000000000010 host localhost
00000000000000010 src host localhost and tcp
00000111100000001 ip6 protochain 6
00000000010000000 protochain 58
END
while read -r wanted expression; do
	got=
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		n=$("$dpf" match --strict-meaning -r "$work/$i.pcap" -- "$expression" 2>"$work/err" | cut -f1)
		got=$got$n
	done
	[ "$got" = "$wanted" ] && echo "ok strict: $expression" ||
		echo "not ok strict: $expression - wanted $wanted, got $got $(head -n 1 "$work/err")"
done <"$work/table"

# takes CAPTURE BITS EXPRESSION - the frames that it accepts, by their time stamps
takes() {
	echo "x: $3" >"$work/rule"
	rm -rf "$work/d"
	"$dpf" demux --strict-meaning -f "$work/rule" -r "$work/$1.all" -w "$work/d" >"$work/out" 2>"$work/err"
	got=$(tcpdump -r "$work/d/x.pcap" -nn -tt 2>/dev/null | sed -n 's/^\([0-9]*\)\.000000.*/\1/p' | tr '\n' ' ')
	[ "$got" = "$2" ] && echo "ok strict: $1 $3" ||
		echo "not ok strict: $1 $3 - wanted $2, got $got $(head -n 1 "$work/err")"
}
takes 802 '0 1 ' stp
takes 802 '1 ' 'stp and vlan 5'
takes 802 '0 1 ' 'ether proto \stp'
takes 802 '0 1 ' 'ether proto 0x42'
takes 802 '2 ' isis
takes 802 '3 ' esis
takes 802 '2 3 ' iso
takes 802 '4 5 6 ' ipx
takes 802 '7 ' netbeui
takes 802 '7 ' 'llc i'
takes 802 '8 ' 'llc rr'
takes 802 '8 ' 'llc s'
takes 802 '9 ' 'llc xid'
takes 802 '0 1 2 3 4 10 11 12 ' 'llc ui'
takes 802 '0 1 2 3 4 7 8 9 10 11 12 ' llc
takes 802 '10 ' 'tcp port 80 and ip'
takes 802 '11 16 ' atalk
takes 802 '13 14 ' geneve
takes 802 '14 ' 'geneve 6'
takes 802 '13 ' 'geneve 5 or geneve 7'
takes 802 '5 6 13 14 15 16 ' 'not llc'
for capture in way way2; do
	takes $capture '1 ' outbound
	takes $capture '0 2 ' inbound
	takes $capture '2 ' 'inbound and tcp'
	takes $capture '0 ' stp
done

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
refuses 5 'llc nonsense'
refuses 9 'arp and type mgt'
refuses 1 'decnet host 10.0.0.1'
refuses 1 'gateway 10.0.0.1'
refuses 16 'ip6 protochain 44'
refuses 5 'net localhost'
refuses 1 'arp host ::1'
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
