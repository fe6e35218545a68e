# Completion of the command dpf in bash: source it, or install it as
# /usr/share/bash-completion/completions/dpf. SPDX-License-Identifier: ISC
_dpf() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]-}
	local verbs='match demux explain lint stats ir dot svg asm exec replay bench help'

	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "$verbs" -- "$word"))
		return
	fi
	case $before in
	-r | -f) COMPREPLY=($(compgen -f -- "$word")) && return ;;
	-w) COMPREPLY=($(compgen -d -- "$word")) && return ;;
	-y)
		COMPREPLY=($(compgen -W 'EN10MB RAW IPV4 IPV6 LINUX_SLL LINUX_SLL2 NULL LOOP' -- "$word"))
		return
		;;
	-c | --cachefile) [ "$verb" = replay ] && COMPREPLY=($(compgen -f -- "$word")) && return ;;
	-T | --timer) COMPREPLY=($(compgen -W 'nano select gtod' -- "$word")) && return ;;
	-i | -I)
		[ "$verb" = replay ] && COMPREPLY=($(compgen -W "$(cd /sys/class/net && echo *)" -- "$word"))
		return
		;;
	esac
	local meaning='--strict-meaning --libpcap-compat'
	case $verb in
	match) COMPREPLY=($(compgen -W "$meaning --json -r" -- "$word")) ;;
	bench)
		COMPREPLY=($(compgen -W "$meaning --json --instructions --quick -r -w" -- "$word"))
		[[ $word == -* ]] || COMPREPLY+=($(compgen -f -- "$word"))
		;;
	demux) COMPREPLY=($(compgen -W "$meaning --json -f -r -w" -- "$word")) ;;
	explain) COMPREPLY=($(compgen -W "$meaning --json -f -r -y" -- "$word")) ;;
	lint | stats | svg | asm) COMPREPLY=($(compgen -W "$meaning --json -f -y" -- "$word")) ;;
	dot) COMPREPLY=($(compgen -W "$meaning --json -d -f -y" -- "$word")) ;;
	ir) COMPREPLY=($(compgen -W "$meaning --json -d -dd -ddd -f -y" -- "$word")) ;;
	exec) COMPREPLY=($(compgen -W '--json --interp' -- "$word")) ;;
	replay)
		COMPREPLY=($(compgen -W '--json -i --intf1 -I --intf2 -c --cachefile -T
			--timer --unique-ip -K --preload-pcap -x --multiplier -p --pps --pps-multi -M --mbps -t
			--topspeed -l --loop --loopdelay-ms -L --limit --duration' -- "$word"))
		[[ $word == -* ]] || COMPREPLY+=($(compgen -f -- "$word"))
		;;
	esac
}
complete -F _dpf dpf
