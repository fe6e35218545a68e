#!/bin/sh
# apps/ashd/hostile_test.sh ASH KERNEL ASHD MODULE... - hostile handlers, loaded into a running
# appliance whose memory is compared from outside (hostile.py). ASHD goes before the last module.
# QEMU's user network; no root. Prints TAP. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
. boot/appliance.sh
. apps/ashd/load.sh
ash=$1 kernel=$2 ashd=$3
shift 3

balance() { ask 60 stat '^pages ' >"$work/stat" && balanced "$work/stat"; }
serves() { curl -s -f -m 120 "http://127.0.0.1:$http_port/" | cmp - apps/httpd/www/index.html; }

boot_with_key "-f 2001 -q -qmp -q unix:$work/qmp,server=on,wait=off" "$@"
port_of 2001 port
http_port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)/.*|\1|p' "$work/runner")
python3 -B apps/ashd/hostile.py "$ash" "$work/key" "$kernel" "$work/qmp" "$load_port" "$port" \
	build/bpf/ash/test/obj/hostile.o build/bpf/ash/test/obj/huge.o
check every_frame_is_counted_once balance
check the_other_programs_serve serves
appliance_stop
check ends_without_a_panic test "$appliance_status" -eq 0
