#!/bin/sh
# boot/run.sh [OPTION...] KERNEL MODULE... - boot the appliance in QEMU, the one way there is.
#
# A MODULE is 'FILE' or 'FILE NAME'; the first one is the first program. The console is
# standard input and output. Needs no root and changes nothing on the host.
#
#   -n NET     user (default): QEMU's own network, with forwarded ports; tap=NAME: an
#              existing tap; stream=PATH: frames through the unix socket PATH, on which
#              somebody listens; none
#   -m MB      memory (default 64)          -a TEXT   kernel command line
#   -x         boot by iPXE, over TFTP      -1        end, where the machine would restart
#   -e MAC     the interface's address
#   -p NET     one more interface, whose queue pair a program may own: tap=NAME, stream=PATH, or
#              hub=N, on which all with the same number hear each other; at most three
#   -f PORT[:HOST]  with -n user: forward port HOST of 127.0.0.1, or a free one, to this one of
#              the appliance, TCP and UDP, and say which; at most three
#   -i         one virtual nanosecond for each instruction, and no waiting
#   -g         let gdb drive QEMU through standard input; needs -l
#   -l FILE    console to FILE only         -w FILE   capture the frames
#   -q OPTION  one more word for QEMU
#
# With -n user, HTTP_PORT and ECHO_PORT (UDP and TCP) are the ports forwarded on 127.0.0.1;
# where one is not set, the first free port from 8080 or 7007 on is taken, and said.
#
# Ctrl-C and SIGTERM end QEMU. Status: 0 ended from outside or by the guest with status 0;
# N the guest ended with status N (7: a kernel panic, followed by its backtrace with
# names); 125 QEMU could not start; 124 bad usage.
# SPDX-License-Identifier: ISC
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 125

say() { echo "boot/run.sh: $*" >&2; }

die() {
	say "$*"
	exit 124
}

net=user memory=64 cmdline= ipxe= deterministic= gdb= log= capture=
restart=reset extra= mac= forwards= pairs= npairs=0 next_lock=6
# add_pair NET
add_pair() {
	npairs=$((npairs + 1))
	[ "$npairs" -le 3 ] || die "-p: three more interfaces are the most"
	case $1 in
	tap=?*) wire="tap,id=pair$npairs,ifname=${1#tap=},script=no,downscript=no" ;;
	stream=?*) wire="stream,id=pair$npairs,server=off,addr.type=unix,addr.path=${1#stream=}" ;;
	hub=?*) wire="hubport,id=pair$npairs,hubid=${1#hub=}" ;;
	*) die "-p $1: tap=NAME, stream=PATH or hub=N" ;;
	esac
	pairs="$pairs -netdev $wire -device virtio-net-pci,netdev=pair$npairs,disable-legacy=on,romfile="
}

while getopts n:m:a:xe:f:p:1igl:w:q: option; do
	case $option in
	n) net=$OPTARG ;;
	m) memory=$OPTARG ;;
	a) cmdline=$OPTARG ;;
	x) ipxe=yes ;;
	e) mac=,mac=$OPTARG ;;
	f) forwards="$forwards $OPTARG" ;;
	p) add_pair "$OPTARG" ;;
	1) restart=shutdown ;;
	i) deterministic=yes ;;
	g) gdb=yes ;;
	l) log=$OPTARG ;;
	w) capture=$OPTARG ;;
	q) extra="$extra $OPTARG" ;;
	*) die "see the head of boot/run.sh for the options" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || die "usage: boot/run.sh [OPTION...] KERNEL MODULE..."
[ -z "$gdb" ] || [ -n "$log" ] || die "-g needs -l FILE: standard input is gdb's"
kernel=$1
shift
for file in "$kernel" "$@"; do
	[ -r "${file%% *}" ] || die "cannot read ${file%% *}: run make"
done
command -v qemu-system-x86_64 >/dev/null || die "no qemu-system-x86_64: run boot/deps.sh"

work=$(mktemp -d) || exit 125
qemu= claims= lock_name=${TMPDIR:-/tmp}/exonet-port-
trap 'rm -rf "$work"; give_up_claims' EXIT
trap '[ -z "$qemu" ] || kill "$qemu" 2>/dev/null' HUP INT TERM

# port_taken PROTOCOL PORT - something on this host is bound to it
port_taken() {
	cat "/proc/net/$1" "/proc/net/${1}6" 2>/dev/null |
		awk -v port="$(printf ':%04X' "$2")" '
			substr($2, length($2) - 4) == port && ($4 == "0A" || $4 == "07") { hit = 1 }
			END { exit !hit }'
}

# claim FD PORT - keep the port from every other runner, until this one ends: from choosing
# it to QEMU's binding it some time goes by
claim() {
	(: >>"$lock_name$2") 2>/dev/null || return 1
	eval "exec $1>>\"\${lock_name}$2\"" && flock -n "$1" && claims="$claims $2"
}
give_up_claims() { for port in $claims; do rm -f "$lock_name$port"; done; }

# choose VARIABLE FD DEFAULT PROTOCOL... - the port that the user asked for, or a free one
choose() {
	variable=$1 lock=$2 wanted=$3
	eval "port=\${$1-}"
	shift 3
	if [ -n "$port" ]; then
		case $port in *[!0-9]*) die "$variable=$port is no port" ;; esac
		[ "$port" -ge 1 ] && [ "$port" -le 65535 ] || die "$variable=$port is no port"
	fi
	for try in ${port:-$(seq "$wanted" $((wanted + 200)))}; do
		free=$try
		for protocol; do
			port_taken "$protocol" "$try" && free=
		done
		[ -n "$free" ] && claim "$lock" "$try" && break
		free=
	done
	[ -n "$free" ] || die "port ${port:-$wanted} is taken: choose another with $variable=N"
	[ -n "$port" ] || [ "$free" = "$wanted" ] || [ "$variable" = FORWARD_PORT ] ||
		say "port $wanted is taken, using $free (choose with $variable=N)"
	eval "$variable=$free"
}

# forward_port GUEST HOST - HOST may be empty: any that is free
forward_port() {
	[ "$next_lock" -le 8 ] || die "-f: three ports are the most"
	FORWARD_PORT=$2
	choose FORWARD_PORT "$next_lock" $(($1 + 10000)) tcp udp
	next_lock=$((next_lock + 1))
	for protocol in tcp udp; do
		netdev="$netdev,hostfwd=$protocol:127.0.0.1:$FORWARD_PORT-:$1"
	done
	say "port $1 at 127.0.0.1 port $FORWARD_PORT"
}

user_network() {
	choose HTTP_PORT 4 8080 tcp
	choose ECHO_PORT 5 7007 tcp udp
	netdev="user,id=net,hostfwd=tcp:127.0.0.1:$HTTP_PORT-:80"
	netdev="$netdev,hostfwd=tcp:127.0.0.1:$ECHO_PORT-:7,hostfwd=udp:127.0.0.1:$ECHO_PORT-:7"
	for forward in $forwards; do
		forward_port "${forward%:*}" "$([ "$forward" = "${forward%:*}" ] || echo "${forward#*:}")"
	done
	say "web server at http://127.0.0.1:$HTTP_PORT/"
	say "echo at 127.0.0.1 port $ECHO_PORT, TCP and UDP; Ctrl-C ends"
}

case $net in
user) user_network ;;
tap=?*) netdev="tap,id=net,ifname=${net#tap=},script=no,downscript=no" ;;
stream=?*) netdev="stream,id=net,server=off,addr.type=unix,addr.path=${net#stream=}" ;;
none) netdev= ;;
*) die "-n $net: user, tap=NAME, stream=PATH or none" ;;
esac
[ -z "$ipxe" ] || [ "$net" = user ] || die "-x boots from QEMU's TFTP server: it needs -n user"

# Lay out what the TFTP server offers: the boot script and the files that it names.
tftp_root() {
	mkdir "$work/tftp" && cp "$kernel" "$work/tftp/kernel.elf" || exit 125
	{
		echo '#!ipxe'
		echo "kernel kernel.elf $cmdline"
		n=0
		for module; do
			cp "${module%% *}" "$work/tftp/module$n" || exit 125
			words=${module#"${module%% *}"}
			[ -n "$words" ] || words=" $(basename "$module")"
			echo "module module$n$words"
			n=$((n + 1))
		done
		echo boot
	} >"$work/tftp/boot.ipxe"
}

initrd() {
	list=
	for module; do
		case $module in *,*) die "a module's name may not hold a comma: $module" ;; esac
		list="$list${list:+,}$module"
	done
}

[ $# -le 16 ] || die "$# modules, the kernel takes 16"
if [ -n "$ipxe" ]; then
	tftp_root "$@"
	netdev="$netdev,tftp=$work/tftp,bootfile=boot.ipxe"
	set -- -boot n
	rom=
else
	initrd "$@"
	set -- -kernel "$kernel" -initrd "$list" ${cmdline:+-append "$cmdline"}
	rom=,romfile=
fi
[ -z "$netdev" ] ||
	set -- "$@" -netdev "$netdev" -device "virtio-net-pci,netdev=net,disable-legacy=on$mac$rom"
[ -z "$capture" ] || set -- "$@" -object "filter-dump,id=dump,netdev=net,file=$capture"
[ -z "$deterministic" ] || set -- "$@" -icount shift=0,sleep=off
[ -z "$gdb" ] || set -- "$@" -gdb stdio -S
if [ -n "$log" ]; then
	console="file,id=console,path=$log"
else
	log=$work/log
	console="stdio,id=console,signal=on,logfile=$log"
fi

# In the background with our standard input, so that a signal reaches us while it runs.
# Should we be killed, setpriv has QEMU end too.
exec 3<&0
# Devices that nobody uses are left out: the machine starts in two thirds of the time.
machine=q35,smm=off,sata=off,smbus=off,vmport=off
setpriv --pdeathsig TERM qemu-system-x86_64 -accel tcg -cpu max -machine "$machine" \
	-m "$memory" -nodefaults -no-user-config -display none -action "reboot=$restart" \
	-pidfile "$work/pid" -chardev "$console" -serial chardev:console \
	-device isa-debug-exit,iobase=0xf4,iosize=1 "$@" $pairs $extra <&3 &
qemu=$!
exec 3<&-
while :; do
	wait "$qemu"
	status=$?
	kill -0 "$qemu" 2>/dev/null || break
done

# The device turns the guest's status N into 2N + 1; QEMU's own failures are 1 as well.
grep -q . "$log" 2>/dev/null && started=yes || started=
case $status in
0 | 143) status=0 ;;
*) [ -n "$started" ] && [ $((status % 2)) -eq 1 ] && status=$((status / 2)) || status=125 ;;
esac
if grep -q '^panic: ' "$log" 2>/dev/null; then
	say "the kernel panicked:"
	"$here/symbolise.sh" "$kernel" '^panic: ' <"$log"
fi
exit "$status"
