#!/bin/sh
# dpf/test/rules_test.sh DPF - the commands of `dpf` about rules and graphs: demux, explain, lint,
# stats, ir, dot, svg; and that --json is JSON everywhere. Prints TAP. SPDX-License-Identifier: ISC
. "$(dirname "$0")/head.sh"

check() { # check NAME COMMAND... - ok when the command succeeds
	name=$1
	shift
	"$@" >"$work/log" 2>&1 && echo "ok rules_$name" ||
		echo "not ok rules_$name - $(head -n 3 "$work/log" | tr '\n' ' ')"
}
gives() { # gives NAME STATUS OUTPUT ARGUMENT...
	name=$1 status=$2 wanted=$(printf "$3")
	shift 3
	got=$(timeout 300 "$dpf" "$@" 2>"$work/err")
	code=$?
	if [ $code -eq "$status" ] && [ "$got" = "$wanted" ]; then
		echo "ok rules_$name"
	else
		echo "not ok rules_$name - status $code, says" \
			"$(echo "$got" | head -n 4 | tr '\n' ' ')$(head -n 1 "$work/err")"
	fi
}
refuses() { # refuses NAME MESSAGE ARGUMENT...
	name=$1 message=$2
	shift 2
	timeout 300 "$dpf" "$@" >"$work/out" 2>"$work/err"
	[ $? -eq 2 ] && grep -qe "$message" "$work/err" && echo "ok rules_refuses_$name" ||
		echo "not ok rules_refuses_$name - $(head -n 1 "$work/err")"
}

# Five frames: ARP; TCP to 80, to 22; UDP to 53; a type nobody knows.
python3 - "$work" <<'END'
import struct, sys
def ip4(proto, port, rest):
    return (b"\2" * 12 + b"\x08\x00" + struct.pack(">BBHHHBBH", 0x45, 0, 40, 1, 0, 64, proto, 0) +
            bytes([10, 0, 0, 1, 10, 0, 0, 2]) + struct.pack(">HH", 999, port) + rest)
frames = (b"\xff" * 6 + b"\2" * 6 + b"\x08\x06" + bytes(28), ip4(6, 80, bytes(16)),
          ip4(6, 22, bytes(16)), ip4(17, 53, bytes(16)), b"\2" * 12 + b"\x88\xb5" + bytes(46))
for magic, name in ((0xa1b2c3d4, "micro"), (0xa1b23c4d, "nano")):
    with open(f"{sys.argv[1]}/{name}", "wb") as f:
        f.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1))
        for i, data in enumerate(frames):
            f.write(struct.pack("<IIII", 7, 123456 + i, len(data), len(data)) + data)
END
cat >"$work/rules" <<'END'
# OWNER [PRIORITY] [shared]: EXPRESSION
web 30: tcp port 80

dns 20: udp port 53
rest 10: ip
web 5: ether proto 0x88b5
tap shared: arp or udp
END

out=$work/out.d
gives demux_counts 0 '2\tweb\n1\tdns\n1\trest\n2\ttap\n1\tunclaimed' \
	demux -f "$work/rules" -r "$work/micro" -w "$out"
for owner in web:'tcp port 80 or ether proto 0x88b5' dns:'udp port 53' rest:'tcp port 22' tap:'arp or udp' \
	unclaimed:arp; do
	tcpdump -r "$work/micro" -w "$work/wanted" "${owner#*:}" 2>/dev/null
	check "demux_writes_what_tcpdump_does: ${owner%%:*}" cmp "$work/wanted" "$out/${owner%%:*}.pcap"
done
"$dpf" demux -f "$work/rules" -r "$work/nano" -w "$out" >/dev/null
check demux_keeps_nanoseconds sh -c "od -An -tx1 -N4 '$out/web.pcap' | grep -q '4d 3c b2 a1' &&
	tcpdump -r '$out/web.pcap' --nano -tt 2>/dev/null | grep -q '^7.000123457'"
"$dpf" demux -f "$work/rules" -r - -w "$out" <"$work/nano" >/dev/null
check demux_keeps_nanoseconds_of_standard_input sh -c "
	tcpdump -r '$out/web.pcap' --nano -tt 2>/dev/null | grep -q '^7.000123457'"
# pcapng's resolution: as it is without options, 10^-3, 10^-6, 2^-20, 2^-30, 10^-9, in both byte orders.
python3 - "$work" <<'END'
import struct, sys
for order in "<>":
    def block(kind, body): return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))
    for value in (None, 3, 6, 0x94, 0x9e, 9):
        option = struct.pack(order + "HH4sHHB3xHH", 2, 2, b"if", 9, 1, value, 0, 0) if value else b""
        with open(f"{sys.argv[1]}/ng{ord(order)}.{value or 0}", "wb") as f:
            f.write(block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)) +
                    block(1, struct.pack(order + "HHI", 1, 0, 65535) + option) +
                    block(6, struct.pack(order + "IIIII", 0, 0, 7, 60, 60) + bytes(60)))
END
for order in 60 62; do
	for value in 0 3 6 148 158 9; do
		case $value in 148 | 158 | 9) magic='4d 3c b2 a1' ;; *) magic='d4 c3 b2 a1' ;; esac
		"$dpf" demux -f "$work/rules" -r "$work/ng$order.$value" -w "$out" >"$work/log" 2>&1
		check "demux_keeps_the_resolution: $value, $order" sh -c "od -An -tx1 -N4 '$out/unclaimed.pcap' | grep -q '$magic'"
	done
done
echo 'web: tcp port 80' >"$work/one"
echo 'dns: udp port 53' >"$work/two"
gives demux_takes_several_files_of_rules 0 '1\tweb\n1\tdns\n3\tunclaimed' \
	demux -f "$work/one" -f "$work/two" -r "$work/micro" -w "$out"
echo 'a: ether[0] & 1 = 0' >"$work/one"
printf '\nb: ether[0] & 2 = 2\n' >"$work/two"
refuses overlap_of_two_files "^dpf: $work/two:2:4: overlaps the filter of a" \
	demux -f "$work/one" -f "$work/two" -r "$work/micro" -w "$out"
refuses standard_input_twice 'one file only' demux -f - -r - -w "$out"
echo 'none: tcp port 9' >"$work/nothing"
gives demux_says_1_when_all_is_unclaimed 1 '0\tnone\n5\tunclaimed' \
	demux -f "$work/nothing" -r "$work/micro" -w "$out"
refuses demux_without_directory usage: demux -f "$work/rules" -r "$work/micro"
refuses a_directory_that_is_a_file "$work/micro" demux -f "$work/rules" -r "$work/micro" -w "$work/micro"

# One line of rules each, and where the error is.
refuse_rule() {
	printf '%s\n' "$3" >"$work/bad"
	refuses "rule: $1" "$2" demux -f "$work/bad" -r "$work/micro" -w "$out"
}
refuse_rule no_colon 'bad:1:5: expected' 'web tcp port 80'
refuse_rule a_path_as_owner 'bad:1:1: ' '../web: arp'
refuse_rule a_hidden_owner 'bad:1:1: ' '.web: arp'
refuse_rule priority_too_high 'bad:1:5: ' 'web 65536: arp'
refuse_rule an_expression_of_nonsense 'bad:1:10: ' 'web: tcp prt 80'
refuse_rule the_owner_unclaimed 'same file' 'Unclaimed: arp'
refuse_rule nothing 'no rules' '# nothing'
printf 'a: ether[0] & 1 = 0\nb: ether[0] & 2 = 2\n' >"$work/bad"
refuses overlap_by_name 'bad:2:4: overlaps the filter of a' demux -f "$work/bad" -r "$work/micro" -w "$out"

gives explain_one 0 'frame 2: web\n  web gets it (tcp port 80)\n  rest loses it: lower priority (ip)' \
	explain -f "$work/rules" -r "$work/micro" 2
gives explain_copies 0 'frame 1: unclaimed\n  tap gets a copy (arp or udp)' \
	explain -f "$work/rules" -r "$work/micro" 1
gives explain_bytes 0 'frame 1: web\n  web gets it (ether proto 0x88b5)' \
	explain -f "$work/rules" 02020202020202020202020288b50000
gives explain_says_1_when_nobody_wants_it 1 'frame 1: unclaimed' explain -f "$work/rules" 00
refuses a_frame_that_is_not_there '1 to 5' explain -f "$work/rules" -r "$work/micro" 6
refuses a_frame_that_is_no_hex 'hexadecimal' explain -f "$work/rules" 0x12

printf 'a: ether[0] & 1 = 0\nb 1: ether[0] & 2 = 2\n' >"$work/takes"
echo 'long: len > 100 and ether[12:2] = 0x88b5' >"$work/quiet"
gives lint_names_what_is_taken 1 "$work/takes:2:6: b: takes packets from a" lint -f "$work/takes"
gives lint_names_what_is_refused 1 "$work/bad:2:4: b: refused: neither is above the other: a" \
	lint -f "$work/bad"
gives lint_is_quiet 0 '' lint -f "$work/quiet"

# differs KINDS EXPRESSION - where the two meanings differ
differs() {
	kinds=$("$dpf" lint --json -- "$2" 2>/dev/null | grep -o '"kind":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' ')
	[ "$kinds" = "$1" ] && echo "ok rules_lint_sees: $2" || echo "not ok rules_lint_sees: $2 - $kinds"
}
differs 'tag-order tag-set ' 'vlan 2 or vlan 3'
differs '' 'vlan'
differs 'tag-order ' 'icmp and vlan'
differs 'untagged extension-headers ' 'tcp port 80'
differs 'untagged ipv6-load extension-headers ' 'tcp[13] & 2 != 0'
differs 'untagged ' 'host 10.0.0.1'
differs 'geneve ' 'geneve and len > 100'
differs 'untagged extension-headers geneve ' 'geneve and tcp'
differs 'untagged ' 'llc'
differs '' 'ether src 2:0:0:0:0:1 and greater 100'

check ir_is_tcpdumps sh -c "for how in -d -dd -ddd; do
	tcpdump -y EN10MB \$how 'tcp port 80 or arp' >'$work/a' 2>/dev/null
	'$dpf' ir \$how 'tcp port 80 or arp' >'$work/b' && cmp '$work/a' '$work/b' || exit 1
done"
check ir_of_a_link_type sh -c "'$dpf' ir -y RAW ip | grep -q 'ldb .*\[0\]'"
refuses a_link_type_unknown 'no such link type' ir -y NOPE ip
"$dpf" dot -d 'tcp port 80' >"$work/dot"
check dot_d_draws_every_instruction sh -c "
	[ \$(grep -o '([0-9][0-9][0-9])' '$work/dot' | sort -u | wc -l) -eq \$('$dpf' ir 'tcp port 80' | wc -l) ]"

# One tree for three owners: what they share is asked once, each answer names its owner.
printf 'web: tcp port 80\ndns: udp port 53\npay 9: ip[0] / 4 = 17\ncopy shared: arp\n' >"$work/tree"
"$dpf" dot --json -f "$work/tree" >"$work/dot"
check dot_draws_the_merged_tree python3 -c '
import json, sys
p = json.load(open(sys.argv[1]))
texts = [x["text"] for x in p]
assert texts.count("ether[12:2] is") == 1, texts
assert {x["filters"] for x in p if x["answer"]} == {"web", "dns", "pay", "copy"}, p
assert any("web" in x["filters"] and "dns" in x["filters"] for x in p if not x["answer"]), p
assert "its BPF program accepts" in texts and "b1 = (ether[14] & 0x0f) << 2" in texts, texts
assert [x["code"] for x in p[:-2]] == sorted(x["code"] for x in p[:-2]), "not in the order of the code"
' "$work/dot"
"$dpf" svg -f "$work/tree" >"$work/svg"
check svg_draws_the_merged_tree python3 -c '
import sys, xml.dom.minidom
d = xml.dom.minidom.parse(sys.argv[1])
texts = [t.firstChild.data for t in d.getElementsByTagName("text") if t.firstChild]
assert texts.count("ether[12:2] is") == 1 and "dns" in texts, texts' "$work/svg"
"$dpf" asm --json -f "$work/tree" >"$work/asm"
check asm_names_the_cause_of_each_instruction python3 -c '
import json, sys
b = json.load(open(sys.argv[1]))["blocks"]
of = lambda e: [c for x in b for c in x["code"] if c.get("expression") == e]
pay = of("ip[0] / 4 = 17")
assert any(c["text"].startswith("div ") and "div" in c["cause"] for c in pay), pay
assert any("0x5000" in c["text"] and "= 0x0050" in c["cause"] for c in of("web")), of("web")
assert all("cause" in c for x in b for c in x["code"] if "web" in str(x)), "one without a cause"
' "$work/asm"
seq 40 | sed 's/.*/o& &: tcp port & and ip[&:2] = 1/' >"$work/many"
"$dpf" asm --json -f "$work/many" >"$work/asm"
check asm_names_the_cause_in_each_of_several_blocks python3 -c '
import json, sys
b = json.load(open(sys.argv[1]))["blocks"]
assert len(b) > 3 and all("cause" in c or c["text"][:3] == "xor" for x in b for c in x["code"]), len(b)
' "$work/asm"
check stats_has_every_figure sh -c "[ \$('$dpf' stats -f '$work/rules' | wc -l) -eq 14 ]"

set --
for port in $(seq 1000); do set -- "$@" "host 10.0.0.1 and tcp port $port"; done
check stats_of_1000_ports_has_no_residual sh -c '
	"$0" stats "$@" | awk "\$1 == \"filters\" { f = \$2 } \$1 == \"residual\" { r = \$2 }
		END { exit !(f == 1000 && r == 0) }"' "$dpf" "$@"

json() { # json STATUS ARGUMENT... - the output is one JSON value
	wanted=$1
	shift
	"$dpf" "$@" >"$work/json" 2>"$work/err"
	[ $? -eq "$wanted" ] && python3 -m json.tool "$work/json" >"$work/log" 2>&1 &&
		echo "ok rules_json: $1" ||
		echo "not ok rules_json: $1 - $(head -n 1 "$work/log")$(head -n 1 "$work/err")"
}
json 0 match --json -r "$work/micro" tcp ''
json 0 demux --json -f "$work/rules" -r "$work/micro" -w "$out"
json 0 explain --json -f "$work/rules" -r "$work/micro"
json 1 lint --json -f "$work/takes"
json 0 lint --json -f "$work/quiet"
json 1 lint --json "vlan 2 or vlan 3"
json 0 stats --json arp
json 0 ir --json 'tcp port 80' arp
json 0 dot --json 'tcp port 80' arp
json 0 dot --json -d 'tcp port 80' arp
json 0 svg --json 'tcp port 80' arp
json 0 asm --json 'tcp port 80' arp
json 0 bench --json -r "$work/micro" arp
full() { "$dpf" ir 'tcp port 80' >/dev/full; [ $? -eq 2 ]; }
[ ! -e /dev/full ] || check says_2_when_the_output_is_full full

# marks COLUMN LENGTH MESSAGE EXPRESSION - where an expression is wrong
marks() {
	"$dpf" ir -- "$4" >/dev/null 2>"$work/err"
	code=$?
	mark=$(awk -v n="$(($1 + 2))" -v l="$2" 'BEGIN { printf "%*s", n, "^"; while (--l > 0) printf "~" }')
	if [ $code -eq 2 ] && grep -q "^dpf: column $1: .*$3" "$work/err" &&
		[ "$(sed -n 3p "$work/err")" = "$mark" ]; then
		echo "ok rules_marks: $4"
	else
		echo "not ok rules_marks: $4 - $(tr '\n' '|' <"$work/err")"
	fi
}
marks 5 3 'expected .src' 'tcp prt 80'
marks 9 1 'ends here' 'tcp port'
marks 6 12 'unknown host' 'host nowhere.test'
marks 14 3 'unknown port' 'port http or htp'
marks 1 13 'rejects all' 'icmp and vlan'
marks 7 1 'ends here' 'tcp[13'
marks 7 1 '1, 2 or 4' 'tcp[0:3] = 1'
marks 12 1 'expected .).' '(tcp or udp'
marks 16 1 'expected' 'tcp port 80 and'
marks 11 1 'comparison' 'ip[0] & 15'
marks 9 3 'expected' 'tcp and and'
marks 1 1 'not a word' '#'
marks 5 3 'the end' 'tcp udp'
marks 5 3 'expected .host' 'src and tcp'
marks 4 1 'expected' 'ip['
# libpcap's own errors, which have no place: the primitive that it refuses, or the word in it.
marks 8 18 'illegal link layer' 'ip and ether host 1.2.3.4'
marks 16 5 'illegal port' 'tcp port 80 or 70000'
marks 17 5 'illegal port' 'tcp port (80 or 70000)'
marks 21 4 'illegal qualifier' 'tcp port 80 and arp port 80'
marks 20 2 'mask length' 'ip or net 10.0.0.0/33'
marks 21 1 'Mask syntax' 'ip or host 10.0.0.0/8'
marks 13 4 'greater than' 'ip and vlan 5000'
marks 8 14 'division' 'udp or tcp[0] / 0 = 1'
marks 16 3 'applied to host' 'tcp port 5 and tcp host 10.0.0.1'
marks 8 5 'rejects all' 'ip and 1 = 2'
marks 8 1 'expected' 'ip and 5'
marks 25 3 'expected' 'tcp port 80 and vlan or 443'
"$dpf" ir "$(printf 'tcp port 80\nand tcp prt 1')" 2>"$work/err"
check mark_of_the_second_line sh -c "sed 1d '$work/err' | tr '\n' '|' | grep -qFx '  and tcp prt 1|          ^~~|'"
marks 801 3 '200 deep' "$(printf 'not %.0s' $(seq 300))tcp and and"
printf '\n\nweb 7:  tcp prt 80\n' >"$work/bad"
refuses column_in_a_rule 'bad:3:13: expected' stats -f "$work/bad"
"$dpf" ir --json 'tcp prt "80' >"$work/out" 2>"$work/err"
[ $? -eq 2 ] && check json_of_an_error python3 -c '
import json, sys
e = json.load(open(sys.argv[1]))
assert (e["line"], e["column"], e["length"], e["expression"]) == (0, 5, 3, "tcp prt \"80"), e' "$work/err" ||
	echo "not ok rules_json_of_an_error - status"

# The completion and the manual know every command and no other.
"$dpf" --help | sed -n 's/.* dpf \([a-z]*\) .*/\1/p' | sort >"$work/verbs"
bash -c 'complete() { :; }; . dpf/tool/dpf.bash; COMP_WORDS=(dpf ""); COMP_CWORD=1; _dpf
	printf "%s\n" "${COMPREPLY[@]}"' | grep -v help | sort >"$work/completed"
check completion_knows_every_command cmp "$work/verbs" "$work/completed"
check completion_completes bash -c 'complete() { :; }; . dpf/tool/dpf.bash
	COMP_WORDS=(dpf replay --mb); COMP_CWORD=2; _dpf; [ "${COMPREPLY[*]}" = --mbps ]'
# Every option in the usage is offered for its command.
"$dpf" --help | sed 's/^usage:/      /' | awk '/^ *dpf / { verb = $2 } { for (i = 1; i <= NF; i++) if (match($i, /^[[|]*-[-a-zA-Z]+/)) {
	o = $i; sub(/^[[|]*/, "", o); sub(/[^-a-zA-Z].*/, "", o); if (verb ~ /^[a-z]+$/) print verb, o } }' | sort -u >"$work/options"
while read -r verb option; do
	bash -c 'complete() { :; }; . dpf/tool/dpf.bash; COMP_WORDS=(dpf "$1" "$2"); COMP_CWORD=2; _dpf
		printf "%s\n" "${COMPREPLY[@]}"' - "$verb" "$option" | grep -qx -e "$option" || echo "$verb $option"
done <"$work/options" >"$work/missing"
check completion_knows_every_option sh -c "cat '$work/missing'; [ -s '$work/options' ] && [ ! -s '$work/missing' ]"
while read -r verb; do
	grep -q "^\.SS .*$verb" docs/man/dpf.1 || echo "$verb"
done <"$work/verbs" >"$work/missing"
check manual_knows_every_command sh -c "cat '$work/missing'; [ ! -s '$work/missing' ]"
