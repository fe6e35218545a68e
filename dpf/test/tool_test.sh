#!/bin/sh
# dpf/test/tool_test.sh DPF - the command line of the host tool: statuses, order, and captures
# that are damaged. Captures are written here, byte by byte. Prints TAP.
# SPDX-License-Identifier: ISC
. "$(dirname "$0")/head.sh"

# A pcap file of two frames: a broadcast ARP, and 60 bytes of a type nobody knows.
python3 - "$work" <<'END'
import struct, sys
arp = b"\xff" * 6 + b"\2\0\0\0\0\1" + bytes.fromhex("08060001080006040001") + bytes(20)
odd = b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + b"\x88\xb5" + bytes(46)
frames = (arp, odd)
def pcap(magic, link=1):
    out = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for f in frames:
        out += struct.pack("<IIII", 1, 2, len(f), len(f)) + f
    return out
def block(kind, body):
    size = 12 + (len(body) + 3) // 4 * 4
    return struct.pack("<II", kind, size) + body.ljust(size - 12, b"\0") + struct.pack("<I", size)
ng = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
ng += block(1, struct.pack("<HHI", 1, 0, 65535))
for f in frames:
    ng += block(6, struct.pack("<IIIII", 0, 0, 0, len(f), len(f)) + f)
for name, data in (("micro", pcap(0xa1b2c3d4)), ("nano", pcap(0xa1b23c4d)), ("ng", ng),
                   ("cut", pcap(0xa1b2c3d4)[:-7]), ("headless", pcap(0xa1b2c3d4)[:11]),
                   ("text", b"this is no capture\n"), ("empty", b""),
                   ("huge", pcap(0xa1b2c3d4)[:24] + struct.pack("<IIII", 1, 2, 1 << 31, 60))):
    open(f"{sys.argv[1]}/{name}", "wb").write(data)
END

# gives NAME STATUS OUTPUT ARGUMENT... - with escapes in OUTPUT
gives() {
	name=$1 status=$2 wanted=$(printf "$3")
	shift 3
	got=$(timeout 300 "$dpf" "$@" 2>"$work/err")
	code=$?
	if [ $code -ne "$status" ]; then
		echo "not ok tool_$name - status $code: $(head -n 1 "$work/err")"
	elif [ "$got" != "$wanted" ]; then
		echo "not ok tool_$name - says $(echo "$got" | head -n 3 | tr '\n' ' ')"
	elif [ $code -eq 2 ] && ! grep -q '^\(dpf\|usage\): ' "$work/err"; then
		echo "not ok tool_$name - no message: $(head -n 1 "$work/err")"
	else
		echo "ok tool_$name"
	fi
}
gives counts_in_order 0 '0\ttcp\n1\tarp\n2\t' match -r "$work/micro" tcp arp ''
gives counts_the_same_expression_twice 0 '1\tarp\n1\tarp' match -r "$work/micro" arp arp
gives reads_nanoseconds 0 '1\tarp\n2\t' match -r "$work/nano" arp ''
gives reads_pcapng 0 '1\tarp\n2\t' match -r "$work/ng" arp ''
gives reads_standard_input 0 '1\tarp' match -r - arp <"$work/micro"
gives takes_options_behind_an_expression 0 '1\tarp\n2\t' match arp -r "$work/micro" ''
gives ends_options_at_two_dashes 0 '2\t' match -r "$work/micro" -- ''
gives says_1_when_nothing_matches 1 '0\ttcp' match -r "$work/micro" tcp
gives counts_up_to_the_cut 2 '1\tarp\n1\t' match -r "$work/cut" arp ''
gives refuses_a_frame_of_2_gb 2 '0\t' match -r "$work/huge" ''
gives refuses_a_cut_file_header 2 '' match -r "$work/headless" ''
gives refuses_text 2 '' match -r "$work/text" ''
gives refuses_an_empty_file 2 '' match -r "$work/empty" ''
gives refuses_an_absent_file 2 '' match -r "$work/absent" ''
gives refuses_a_directory 2 '' match -r "$work" ''
gives refuses_an_expression_of_nonsense 2 '' match -r "$work/micro" arp 'tcp prt 80'
gives refuses_an_option_unknown 2 '' match -x "$work/micro" arp
gives refuses_a_second_capture 2 '' match -r "$work/micro" -r "$work/nano" arp
gives refuses_a_link_type_beside_a_capture 2 '' stats -y RAW -r "$work/micro" arp
gives wants_a_file 2 '' match arp
gives wants_an_expression 2 '' match -r "$work/micro"
gives wants_a_command 2 ''
gives refuses_a_command_unknown 2 '' tcpdump
gives bench_refuses_a_cut_file 2 '' bench -r "$work/cut" arp
gives asm_refuses_nonsense 2 '' asm 'tcp prt 80'

# Every command says how it is used, and that is no error; every message names its file.
for verb in $("$dpf" --help | sed -n 's/.* dpf \([a-z]*\) .*/\1/p'); do
	"$dpf" "$verb" --help 2>"$work/err" | grep -q "^usage: dpf $verb " && [ ! -s "$work/err" ] &&
		echo "ok tool_helps: $verb" || echo "not ok tool_helps: $verb"
done
for file in cut headless text empty absent; do
	"$dpf" match -r "$work/$file" '' 2>&1 >"$work/out" | grep -q "^dpf: $work/$file: " && echo "ok tool_names_file: $file" ||
		echo "not ok tool_names_file: $file"
done

# With --json, every error is one JSON object.
errs() {
	"$dpf" "$@" --json >"$work/out" 2>"$work/err" </dev/null
	code=$?
	python3 -c 'import json, sys; assert json.loads(open(sys.argv[1]).read())["error"]' "$work/err" 2>"$work/log" &&
		[ $code -eq 2 ] && echo "ok tool_errs_in_json: $*" ||
		echo "not ok tool_errs_in_json: $* - status $code: $(head -n 2 "$work/err" | tr '\n' ' ')"
}
echo 'a b: arp' >"$work/wrong"
printf 'a: ether[0] & 1 = 0\nb: ether[0] & 2 = 2\n' >"$work/overlap"
errs match --nonsense
errs match -r
errs exec arp
errs replay -i nowhere "$work/micro"
errs replay -i lo -p 0 "$work/micro"
errs nonsense
errs demux -f "$work/wrong" -r "$work/micro" -w "$work/d"
errs demux -f "$work/absent" -r "$work/micro" -w "$work/d"
errs demux -f "$work/overlap" -r "$work/micro" -w "$work/d"
errs explain -f "$work/overlap" 00
errs stats -y NOPE arp
errs svg 'tcp prt 80'
for file in cut headless text empty absent; do
	errs match -r "$work/$file" ''
done

# answers NAME OUTPUT INPUT [FLAG] - `dpf exec`; P stands for a program that returns X + A
sum=$(printf '4\n128 0 0 0\n7 0 0 0\n12 0 0 0\n22 0 0 0\n' | od -An -v -tx1 | tr -d ' \n')
answers() {
	got=$(printf "$3" | sed "s/P/$sum/" | timeout 300 "$dpf" exec ${4-} 2>&1)
	if [ $? -ne 0 ] || [ "$got" != "$(printf "$2")" ]; then
		echo "not ok tool_exec_$1 - $(echo "$got" | head -n 1)"
	else
		echo "ok tool_exec_$1"
	fi
}
answers returns_the_value 'a 120\nb 4294967294' 'a P 00 60\nb P ff 2147483647\n'
answers takes_an_empty_packet 'a 14\nb 14' 'a P  7\nb P - 7\n'
answers ends_without_a_newline 'a 14' 'a P - 7'
answers says_json '{"name":"a\\"","verdict":14}' 'a" P - 7\n' --json
answers passes_over_blank_lines 'a 14\nb 14' '\na P - 7\n \n\t\r\nb P - 7\r\n\n'
answers goes_on_after_errors 'a ERR the program is not hexadecimal\nb 14' 'a xx - 7\nb P - 7\n'
# The longest program: A becomes 1 more, again and again.
long=$({ echo 16384 && yes '4 0 0 1' | head -n 16383 && echo '22 0 0 0'; } | od -An -v -tx1 | tr -d ' \n')
for flag in '' --interp; do
	[ "$(printf 'a %s - 0\n' "$long" | "$dpf" exec $flag 2>&1)" = 'a 16383' ] || printf 'not '
	echo "ok tool_exec_runs_16384_instructions $flag"
done
# refuses PROGRAM WHY - its first wrong instruction is named, counted as `tcpdump -d` does
refuses() {
	got=$(printf "$1\n" | od -An -v -tx1 | tr -d ' \n' | sed 's/.*/a & 00 1/' | "$dpf" exec 2>&1)
	[ "$got" = "a ERR the program$2" ] || printf 'not '
	printf 'ok tool_exec_refuses: %s - %s\n' "$1" "$got"
}
apart=' is missing, or not four decimal numbers in range'
refuses '1\n52 0 0 0' "'s instruction (000), code 0x34, divides by the constant 0"
refuses '2\n148 0 0 0\n22 0 0 0' "'s instruction (000), code 0x94, divides by the constant 0"
refuses '2\n96 0 0 16\n22 0 0 0' "'s instruction (000), code 0x60, scratch memory has 16 words"
refuses '3\n0 0 0 1\n2 0 0 16\n22 0 0 0' "'s instruction (001), code 0x02, scratch memory has 16 words"
refuses '2\n21 1 0 0\n6 0 0 0' "'s instruction (000), code 0x15, jumps out of the program"
refuses '3\n21 1 0 0\n5 0 0 1\n6 0 0 0' "'s instruction (001), code 0x05, jumps out of the program"
refuses '2\n6 0 0 0\n0 0 0 0' "'s instruction (001), code 0x00, is the last one, and no return"
refuses '2\n0 0 0 0\n14 0 0 0' "'s instruction (001), code 0x0e, no instruction has this code"
refuses '1\n65535 0 0 0' "'s instruction (000), code 0xffff, no instruction has this code"
refuses '2\n6 0 0 0\n5 0 0 4294967295x' "'s instruction (001)$apart"
refuses '2\n6 0 0 0\n65536 0 0 0' "'s instruction (001)$apart"
refuses '1' "'s instruction (000)$apart"
refuses '0' ' has no instructions'
refuses '16385' ' has more than 16384 instructions'
refuses x ' does not begin with the number of its instructions'
for bad in 'a' 'a P' 'a P 00' 'a P 00 x' 'a P 00 4294967296' 'a P 0 1' 'a P 00 1 2' 'a P 00 '; do
	case $(echo "$bad" | sed "s/P/$sum/" | "$dpf" exec 2>&1) in
	'a ERR '*) echo "ok tool_exec_refuses_line: $bad" ;;
	*) echo "not ok tool_exec_refuses_line: $bad" ;;
	esac
done
head -c 5000000 /dev/zero | tr '\0' 0 | "$dpf" exec | grep -q 'ERR the line is longer' &&
	echo "ok tool_exec_refuses_a_line_too_long" || echo "not ok tool_exec_refuses_a_line_too_long"

"$dpf" asm 'tcp port 80' arp >"$work/out" 2>&1 && grep -q ' ret' "$work/out" &&
	! grep -qi 'invalid\|(bad)' "$work/out" && echo "ok tool_shows_machine_code" ||
	echo "not ok tool_shows_machine_code - $(head -n 1 "$work/out")"
"$dpf" asm 'tcp[0] / tcp[1] = 3' 2>&1 | awk '/^;.*div/ { near = 12 } near-- > 0 && / div /' | grep -q div &&
	echo "ok tool_shows_what_caused_machine_code" || echo "not ok tool_shows_what_caused_machine_code"
"$dpf" bench -r "$work/micro" arp '' 'ether broadcast' >"$work/out" 2>&1 &&
	[ "$(grep -c '^trace  *3  .* ns' "$work/out")" -ge 4 ] && echo "ok tool_compares_engines" ||
	echo "not ok tool_compares_engines - $(head -n 1 "$work/out")"
