# apps/ashd/load.sh - for tests to source, after boot/appliance.sh: an appliance that takes
# handlers. The caller has set $work, $ash, $kernel and $ashd. SPDX-License-Identifier: ISC

new_key() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# boot_with_key OPTIONS MODULE... - with more options of boot/run.sh, and ashd before the last
# module; sets $load_port, and returns when it answers
boot_with_key() {
	options=$1
	shift
	new_key >"$work/key"
	appliance_start -f 1996 $options "$kernel" $(while [ $# -gt 1 ]; do
		echo "$1"
		shift
	done; echo "$ashd $work/key $1")
	wait_for 60 grep -q 'echo at' "$work/runner"
	port_of 1996 load_port
	wait_for 120 remote list >/dev/null 2>&1
}

# port_of PORT VARIABLE - where it is forwarded to
port_of() { eval "$2=\$(sed -n 's/.*port $1 at 127.0.0.1 port \([0-9]*\)\$/\1/p' \"$work/runner\")"; }

# remote COMMAND ARGUMENT... - of the tool
remote() {
	command=$1
	shift
	"$ash" "$command" "$@" -k "$work/key" -a "127.0.0.1:$load_port"
}
