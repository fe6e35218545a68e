#!/bin/sh
# boot/test/serve_test.sh KERNEL MODULE... - real clients use the booted appliance through
# QEMU's user network: no root. The files served are those of apps/httpd/www. Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/appliance.sh
idle=
also_stop() { [ -z "$idle" ] || kill $idle; }
www=apps/httpd/www

# boot OPTION... KERNEL MODULE... - and wait until both servers answer
boot() {
	appliance_start "$@"
	wait_for 60 grep -q 'echo at' "$work/runner"
	web=$(sed -n 's,.*\(http://127.0.0.1:[0-9]*\)/$,\1,p' "$work/runner")
	echo_port=$(sed -n 's/.*echo at 127.0.0.1 port \([0-9]*\),.*/\1/p' "$work/runner")
	wait_for 120 serves || { show_console 40; return 1; }
}
get() { curl -s -f -m 120 "$web$1" -o "$work/got"; }
serves() { get / && [ "$(echo_tcp up)" = up ]; }
status_of() { curl -s -m 120 -o /dev/null -w '%{http_code}' "$@"; }
echo_tcp() { printf '%s\n' "$1" | timeout 120 nc -N -w 60 127.0.0.1 "$echo_port"; }
equal() { [ "$1" = "$2" ]; }
gets() { get "/$1" && cmp "$work/got" "$www/$1"; }
has_status() { wanted=$1; shift; echo "$(status_of "$@")" | grep -qx -e "$wanted"; }

# A datagram may be lost; a lost one is sent again.
echo_udp() {
	for _ in 1 2 3 4 5; do
		answer=$(printf '%s' "$1" | timeout 20 nc -u -w 2 127.0.0.1 "$echo_port")
		[ "$answer" != "$1" ] || return 0
	done
	return 1
}
echo_all() {
	timeout 240 nc -N 127.0.0.1 "$echo_port" <"$1" >"$work/back"
	cmp "$1" "$work/back"
}
raw() { printf "$1" | timeout 120 nc -w 10 127.0.0.1 "${web##*:}"; }
answers() { raw "$1" | head -n 1 | grep -q "^HTTP/1.[01] $2"; }
one_connection() {
	equal "$(curl -s -m 120 -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' \
		"$web/" "$web/absent" "$web/style.css")" '1 0 0 '
}
at_once() {
	for n in $(seq 24); do
		curl -s -f -m 240 -o "$work/got.$n" "$web/" &
		clients="${clients-} $!"
	done
	wait $clients
	for n in $(seq 24); do cmp "$work/got.$n" "$www/index.html" || return 1; done
}
counted() { ask 60 stat '^pages ' >"$work/stat" && balanced "$work/stat"; }
lists() { ask 60 "$1" "$2"; }

boot "$@"
check boots_and_serves serves
check serves_the_page_as_it_is gets index.html
check serves_the_root_as_the_index get / 
check serves_another_file gets style.css
check an_absent_file_is_404 has_status 404 "$web/absent"
check a_path_upwards_is_no_file has_status '40[04]' --path-as-is "$web/../../etc/passwd"
check head_is_answered has_status 200 -I "$web/"
check keeps_the_connection one_connection
check nonsense_is_400 answers 'what is this\r\n\r\n' 400
check a_method_unknown_is_an_error answers 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n' '[45]'
check http_1_1_without_host_is_400 answers 'GET / HTTP/1.1\r\n\r\n' 400
check a_line_that_never_ends_is_an_error answers "GET /$(head -c 20000 /dev/zero | tr '\0' a)" 4
check pipelined_requests_are_answered_in_order equal 2 \
	"$(raw 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
		grep -ac '^HTTP/1.1 200')"
check clients_at_once_are_all_served at_once
check echoes_tcp equal "$(echo_tcp 'a line')" 'a line'
check echoes_udp echo_udp datagram
head -c 300000 /dev/urandom >"$work/random"
check echoes_a_long_stream_unharmed echo_all "$work/random"

# Somebody who asks half a question and waits.
mkfifo "$work/half"
exec 7<>"$work/half"
printf 'GET / HT' >&7
nc 127.0.0.1 "${web##*:}" <&7 >/dev/null 2>&1 &
idle=$!
check a_slow_client_does_not_stop_others get /
kill $idle
exec 7<&-

# As many as it has places, who never come to an end of what they ask for: no one keeps a place for ever.
boot/test/hold.py "${web##*:}" 64 >"$work/held" 2>/dev/null &
idle=$!
wait_for 60 eval '[ "$(grep -c held "$work/held")" -ge 64 ]'
check clients_that_hold_all_places_do_not_stop_others wait_for 60 get /
check bodies_that_never_end_lose_their_places wait_for 120 eval '[ "$(grep -c again "$work/held")" -ge 32 ]'
kill $idle
idle=

check console_helps lists help '^help '
for program in first ipd httpd echo console; do
	check "console_lists_$program" lists ps " $program "
done
check console_shows_the_lease lists ip '^ipv4  10.0.2.15'
check console_shows_filters lists dpf 'installed$'
check every_frame_is_counted_once counted
check a_wrong_command_is_said lists 'no_such_command' '.'
check a_wrong_kill_is_said lists 'kill nobody' '^kill: '

check ends_the_web_server lists 'kill httpd' '^ended httpd'
check its_end_is_seen lists ps ' httpd  *ended'
check echo_still_serves_tcp equal "$(echo_tcp still)" still
check echo_still_serves_udp echo_udp still
check the_dead_port_does_not_answer has_status 000 "$web/"
check every_frame_is_counted_once_still counted
check console_ends_the_machine lists off '.*'
wait_for 120 eval '! appliance_running'
appliance_stop
check it_ended_with_success equal "$appliance_status" 0

boot "$@"
check ends_echo lists 'kill echo' '^ended echo'
check the_web_server_still_serves gets index.html
appliance_stop

# Through the network boot ROM; and again after a restart.
boot -x "$@"
check serves_after_network_boot gets index.html
appliance_stop
check ends_without_a_panic equal "$appliance_status" 0

# Something that is no program in the place of one: the others serve.
echo 'this is no program' >"$work/echo.elf"
for file; do
	case $file in
	*/echo.elf) file=$work/echo.elf ;;
	*"/echo.elf "*) file="$work/echo.elf ${file#* }" ;;
	esac
	shift
	set -- "$@" "$file"
done
appliance_start "$@"
wait_for 60 grep -q 'echo at' "$work/runner"
web=$(sed -n 's,.*\(http://127.0.0.1:[0-9]*\)/$,\1,p' "$work/runner")
wait_for 120 get /
check the_web_server_serves_beside_a_broken_module gets index.html
check a_broken_module_is_named said 'echo'
appliance_stop
