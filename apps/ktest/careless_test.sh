#!/bin/sh
# apps/ktest/careless_test.sh KERNEL KTEST - a kernel that reads, or runs, what is the user's (KERNEL
# holds kernel/test/power.c) panics by SMAP, or SMEP; on a CPU without them it ends as if nothing were.
# Prints TAP. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# ends NAME WHAT CPU STATUS PATTERN - the machine ends so, and says so
ends() {
	timeout 120 boot/run.sh -1 -n none -a "careless=$2" -q -cpu -q "$3" "$kernel" "$ktest" \
		>"$work/console" 2>&1 </dev/null
	status=$?
	if [ $status -eq "$4" ] && grep -q "$5" "$work/console"; then
		echo "ok $1"
	else
		echo "not ok $1 - status $status: $(tail -n 3 "$work/console" | tr '\r\n' '  ')"
	fi
}

kernel=$1 ktest=$2
# Of a page that is there: 1; fetched as an instruction: 11 (Intel SDM vol. 3, 4.7).
ends smap_stops_a_kernel_that_reads_user_memory read max 7 '^panic: exception 14 in the kernel: error 1 '
ends smep_stops_a_kernel_that_runs_user_memory run max 7 '^panic: exception 14 in the kernel: error 11 '
ends nothing_but_smap_stops_such_a_read read max,-smap 0 '^# careless: read'
ends nothing_but_smep_stops_such_a_run run max,-smep 0 '^# careless: run'
