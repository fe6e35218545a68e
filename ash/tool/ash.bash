# Completion of the command ash in bash: source it, or install it as
# /usr/share/bash-completion/completions/ash. SPDX-License-Identifier: ISC
_ash() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]-}

	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W 'check run asm bench exec load list unload' -- "$word"))
		return
	fi
	case $before in
	-r | -w | -k) COMPREPLY=($(compgen -f -- "$word")) && return ;;
	-n) [ "$verb" = bench ] && COMPREPLY=($(compgen -f -- "$word")) && return ;;
	-a) COMPREPLY=($(compgen -A hostname -- "$word")) && return ;;
	-p | -b | -N | -f | -s | --program | --mem) return ;;
	esac
	case $verb in
	check) COMPREPLY=($(compgen -W '-p --json' -- "$word")) ;;
	run) COMPREPLY=($(compgen -W '-p -r -w -b -q --interp --json' -- "$word")) ;;
	asm) COMPREPLY=($(compgen -W '-p' -- "$word")) ;;
	bench) COMPREPLY=($(compgen -W '-p -r -n --json' -- "$word")) ;;
	exec) COMPREPLY=($(compgen -W '--interp --program --mem' -- "$word")) ;;
	load) COMPREPLY=($(compgen -W '-k -a -p -N -f -o -s' -- "$word")) ;;
	list) COMPREPLY=($(compgen -W '-k -a --json' -- "$word")) ;;
	unload) COMPREPLY=($(compgen -W '-k -a' -- "$word")) ;;
	esac
	case $verb in
	check | run | asm | bench | load)
		[[ $word == -* ]] || COMPREPLY+=($(compgen -f -X '!*.o' -- "$word") $(compgen -d -- "$word"))
		;;
	esac
}
complete -F _ash ash
