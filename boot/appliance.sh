# boot/appliance.sh - for tests to source: boot the appliance, type at its console, end it.
#
# $work is a directory of the test's own, which goes with it. Every wait has a bound that only a
# hang reaches, and whatever was started ends with the shell: what the test starts by itself, its
# also_stop ends.
# SPDX-License-Identifier: ISC

# wait_for SECONDS COMMAND... - until the command succeeds; its last status
wait_for() {
	bound=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$bound" ] || return 1
		sleep 0.1
	done
}

# appliance_start OPTION... KERNEL MODULE... - options of boot/run.sh. The console goes to
# $work/console, what the runner says to $work/runner.
appliance_start() {
	appliance_stop
	rm -f "$work/keys"
	mkfifo "$work/keys"
	: >"$work/console"
	exec 8<>"$work/keys"
	boot/run.sh -1 "$@" <"$work/keys" >"$work/console" 2>"$work/runner" 8<&- &
	appliance=$!
}

appliance_running() { [ -n "$appliance" ] && kill -0 "$appliance" 2>/dev/null; }

# ask SECONDS COMMAND PATTERN - type a command; print what the console says until a line
# matches. 1: it never did.
ask() {
	before=$(wc -c <"$work/console")
	printf '%s\n' "$2" >&8
	wait_for "$1" said_since "$before" "$3" || return 1
	tail -c +$((before + 1)) "$work/console" | tr -d '\r'
}
said_since() { tail -c +$(($1 + 1)) "$work/console" | tr -d '\r' | grep -q -e "$2"; }
said() { tr -d '\r' <"$work/console" | grep -q -e "$1"; }

# appliance_stop - end it; its status in $appliance_status
appliance_stop() {
	[ -n "$appliance" ] || return 0
	kill "$appliance" 2>/dev/null
	wait "$appliance"
	appliance_status=$?
	appliance=
	exec 8>&-
}

# balanced FILE - the output of `stat`: received is the sum of all that follows it
balanced() {
	awk '/^received / {
		n = $2
		for (i = 4; i <= NF; i++)
			if ($i ~ /^[0-9]+$/)
				sum += $i
		found = n == sum && !/MISMATCH/
	}
	END { exit !found }' "$1"
}

# check NAME COMMAND... - one TAP line
check() {
	check_name=$1
	shift
	if "$@" >"$work/why" 2>&1; then
		echo "ok $check_name"
	else
		echo "not ok $check_name - $(echo "$* $(tail -n 2 "$work/why")" | tr '\n' ' ' | cut -c1-300)"
	fi
}

# The last lines of the console, as TAP comments: for a failure.
show_console() {
	tr -d '\r' <"$work/console" | tail -n "${1:-15}" | sed 's/^/# console: /'
	tail -n 3 "$work/runner" | sed 's/^/# runner: /'
}

also_stop() { :; }

appliance= appliance_status=
work=$(mktemp -d) || exit 1
trap 'appliance_stop; also_stop 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
