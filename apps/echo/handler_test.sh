#!/bin/sh
# apps/echo/handler_test.sh KERNEL HANDLER BROKEN MODULE... - the appliance with a handler for
# echo's datagrams: the module HANDLER goes behind echo's; then with BROKEN, which is no handler, in
# its place. QEMU's user network; no root. Prints TAP. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/appliance.sh
kernel=$1 handler=$2 broken=$3
shift 3

# boot FILE - with FILE behind echo's module
boot() {
	appliance_start "$kernel" $(for m; do
		[ "$m" = "$file" ] || echo "$m"
		case $m in */echo.elf) echo "$file" ;; esac
	done)
	wait_for 60 grep -q 'echo at' "$work/runner"
	port=$(sed -n 's/.*echo at 127.0.0.1 port \([0-9]*\),.*/\1/p' "$work/runner")
	wait_for 120 echoes_tcp
}
echoes_tcp() { [ "$(echo word | timeout 60 nc -N -w 30 127.0.0.1 "$port")" = word ]; }
# A datagram may be lost; a lost one is sent again.
echoes_udp() {
	for _ in 1 2 3 4 5; do
		[ "$(printf '%s' "$1" | timeout 20 nc -u -w 1 127.0.0.1 "$port")" != "$1" ] || return 0
	done
	return 1
}
long=$(head -c 1200 /dev/zero | tr '\0' x)
# counted COLUMN - some filter of echo's has a number there
counted() {
	ask 60 dpf 'installed$' | awk -v c="$1" '$2 == "echo" && $c > 0 { n++ } END { exit !n }'
}
balance() { ask 60 stat '^pages ' >"$work/stat" && balanced "$work/stat"; }

file=$handler
boot "$@"
check the_handler_echoes echoes_udp datagram
check the_handler_echoes_long_datagrams echoes_udp "$long"
check the_library_echoes_tcp_beside_it echoes_tcp
check the_handler_is_counted counted 7
check every_frame_is_counted_once balance
check the_handler_never_aborts eval '! counted 8'
check the_owner_can_be_ended ask 60 'kill echo' '^ended echo'
check the_machine_goes_on balance
appliance_stop
check ends_without_a_panic test "$appliance_status" -eq 0

file=$broken
boot "$@"
check without_a_handler_the_library_echoes echoes_udp datagram
check a_broken_handler_is_said said 'echo: the handler is not to be had'
check and_nothing_is_handled eval '! counted 7'
