#!/bin/sh
# boot/check.sh COMMAND... - run each command, a test program that prints TAP
# ("ok ..." / "not ok ..." lines), and add up the results.
# A command that ends with a failing status and no "not ok" line, or that
# prints no TAP line at all, counts as one failure: a crash is never silent.
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

for command in "$@"; do
	printf '== %s\n' "$command"
	sh -c "$command" >"$log" 2>&1 </dev/null
	status=$?
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	if [ "$bad" -eq 0 ] && { [ $status -ne 0 ] || [ "$ok" -eq 0 ]; }; then
		echo "not ok - $command: exit status $status, $ok results" >>"$log"
		bad=1
	fi
	[ "$bad" -eq 0 ] || cat "$log"
	printf '   %d passed, %d failed\n' "$ok" "$bad"
	passed=$((passed + ok)) failed=$((failed + bad))
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
