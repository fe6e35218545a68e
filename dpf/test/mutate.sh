#!/bin/sh
# dpf/test/mutate.sh TREE COMPILE OBJECT... - would the tests notice? Each mutation of
# dpf/test/mutations.txt is compiled (`COMPILE -c -o FILE SOURCE`) and linked with the tests' objects in
# TREE (build/s), in place of the original among the library's OBJECTs. The tests are run until one
# fails, or takes 20 seconds of processor. Prints TAP: a mutation that none notices is not ok.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
tree=$1 compile=$2
shift 2
library=$*
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/dpf"

# link TEST - with the mutant in place of the original
link() {
	objects=$(printf '%s\n' $library "$tree/dpf/tool/host.o" | grep -vx "$tree/${file%.c}.o")
	case $1 in
	fuzz/bpf_target) objects="$objects $tree/dpf/test/fuzz/main.o $tree/dpf/test/fuzz/target.o $tree/dpf/tool/native.o" ;;
	esac
	$compile -o "$work/test" "$tree/dpf/test/$1.o" $objects "$work/mutant.o" -lcmocka -lpcap -lcapstone 2>"$work/log"
}

# fails TEST ARGUMENT... - the mutant does not pass it
fails() {
	test=$1
	shift
	link "$test" || { echo "not ok mutate_links: $test - $(tail -n 1 "$work/log")"; exit 1; }
	(ulimit -t 20; exec "$work/test" "$@") >"$work/out" 2>&1 && ! grep -q '^not ok' "$work/out" || killer=$test
	[ -n "$killer" ]
}

grep -v '^#' dpf/test/mutations.txt | while read -r name file script; do
	sed "$script" "$file" >"$work/$file"
	if cmp -s "$file" "$work/$file"; then
		echo "not ok mutation: $name - the script changes nothing in $file"
		continue
	fi
	$compile -w -c -o "$work/mutant.o" "$work/$file" 2>"$work/log" || {
		echo "not ok mutation: $name - does not compile: $(grep -m 1 error "$work/log")"
		continue
	}
	killer=
	fails guard_test || fails dpf_test || fails fuzz/bpf_target bpf dpf/test/fuzz/kept/bpf/* ||
		fails fuzz_test 100000 || fails churn_test || fails block_test
	[ -n "$killer" ] && echo "ok mutation: $name # seen by $killer" ||
		echo "not ok mutation: $name - no test fails"
done
