#!/bin/sh
# boot/test/check_test.sh - boot/check.sh adds up right and calls no failure a success; and
# boot/deps.sh says in one line what to do when it cannot go on. Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# adds_up NAME STATUS LAST-LINE COMMAND...
adds_up() {
	name=$1 status=$2 last=$3
	shift 3
	boot/check.sh "$@" >"$work/out" 2>&1
	got=$?
	if [ $got -eq "$status" ] && [ "$(tail -n 1 "$work/out")" = "$last" ]; then
		echo "ok check_$name"
	else
		echo "not ok check_$name - status $got, $(tail -n 1 "$work/out")"
	fi
}
adds_up adds_results 0 '3 passed, 0 failed' 'echo ok a' 'echo ok b; echo ok c'
adds_up counts_a_failure 1 '1 passed, 1 failed' 'echo ok a; echo not ok b'
adds_up counts_a_crash 1 '1 passed, 1 failed' 'echo ok a; kill -SEGV $$'
adds_up counts_a_failing_status 1 '1 passed, 1 failed' 'echo ok a; exit 3'
adds_up counts_silence 1 '0 passed, 1 failed' true
adds_up counts_an_absent_command 1 '0 passed, 1 failed' "$work/absent"
adds_up takes_nothing_at_all_for_no_success 1 '0 passed, 0 failed'
adds_up goes_on_after_a_failure 1 '1 passed, 1 failed' 'exit 1' 'echo ok a'

# A machine that lacks something, played by stand-ins for its commands.
mkdir "$work/bin" "$work/home"
for c in apt-get dpkg-query id; do
	printf '#!/bin/sh\n. %s/%s\n' "$work" "$c" >"$work/bin/$c"
	chmod 755 "$work/bin/$c"
done
echo 'echo 0' >"$work/id"
echo 'exit 0' >"$work/dpkg-query"     # no package is there
echo 'echo E: no route >&2; exit 100' >"$work/apt-get"

# says NAME WORDS - boot/deps.sh fails, with one line on standard error that has the words
says() {
	PATH=$work/bin:$PATH HOME=$work/home XDG_CACHE_HOME=$work/home \
		boot/deps.sh >/dev/null 2>"$work/err"
	if [ $? -ne 0 ] && [ "$(wc -l <"$work/err")" -eq 1 ] && grep -q "$2" "$work/err"; then
		echo "ok deps_$1"
	else
		echo "not ok deps_$1 - $(head -n 2 "$work/err" | tr '\n' ' ')"
	fi
}
says without_network_names_it 'check the network'
echo 'echo 1000' >"$work/id"
says without_root_says_what_to_run 'as root, run: apt-get update'
echo 'ID=debian VERSION_ID=11' >"$work/release"
OS_RELEASE=$work/release
export OS_RELEASE
says on_another_release_names_the_right_one "not 'debian 12 x86_64'"
