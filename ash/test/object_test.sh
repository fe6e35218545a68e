#!/bin/sh
# ash/test/object_test.sh ASH - objects that clang made: what loads, what is refused, and that
# the refusal names the line of C. Prints TAP. SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/../.." || exit 1
ash=$1
obj=build/bpf/ash/test/obj
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# says NAME STATUS PATTERN ARGUMENT... - both outputs together match the pattern
says() {
	name=$1 status=$2 pattern=$3
	shift 3
	"$ash" "$@" >"$work/said" 2>&1
	code=$?
	if [ $code -eq "$status" ] && grep -qE -- "$pattern" "$work/said"; then
		echo "ok $name"
	else
		echo "not ok $name - status $code, said: $(head -n 1 "$work/said")"
	fi
}

for engine in "" --interp; do
	says "everything_is_relocated${engine:+_interpreted}" 0 '^1 pass 0$' run $engine $obj/everything.o
	says "endless_handler_is_cut_short${engine:+_interpreted}" 0 'aborted 0 .*budget' run $engine $obj/endless.o
done
says budget_is_an_option 0 'charged 7, wakes 0$' run -b 7 $obj/endless.o
says check_names_program_and_sizes 0 'program everything: [0-9]+ instructions, [0-9]+ functions' check $obj/everything.o
says check_prints_json 0 '^\{"object":.*"program":"everything","instructions":[0-9]+.*\}$' check --json $obj/everything.o
says run_prints_json 0 '^\{"frame":1,"verdict":"pass","length":0,' run --json $obj/everything.o
says first_of_two_programs 0 '^1 consume 0$' run -p first $obj/two.o
says second_of_two_programs 0 '^1 pass 0$' run -p second $obj/two.o
says two_programs_must_be_named 1 'several programs' check $obj/two.o
says several_programs_are_listed 1 '^  -p second$' check $obj/two.o
says program_that_is_not_there 1 'no such program.*third' check -p third $obj/two.o
says undefined_symbol_is_named 1 'undefined.c:9: undefined symbol.*elsewhere' check $obj/undefined.o
says unknown_helper_is_named_by_line 1 'helper.c:9: no such helper' check $obj/helper.o
says refusal_shows_the_line 1 'return \(uint32_t\)no_such' check $obj/helper.o
says map_is_refused_by_name 1 'maps are not offered' check $obj/maps.o
says much_data_is_refused 1 'data take more than 1 MiB' check $obj/data.o
says pipelines_that_are_none_are_refused 1 'section ash.pipes is no list of pipelines' check $obj/pipes.o
says missing_file 1 'No such file' check $obj/nothing.o
says source_is_no_object 1 'not an object' check ash/test/obj/two.c
says directory_is_no_object 1 'cannot be read' check ash
head -c 3000 $obj/two.o >"$work/cut.o"
says object_cut_short 1 'damaged' check "$work/cut.o"
: >"$work/empty.o"
says empty_file 1 'not an object' check "$work/empty.o"
says host_object_is_refused 1 'not an object' check build/h/ash/elf.o
says fault_names_the_line_of_c 0 'aborted 0 \(wild.c:6: access outside .*, at 0x30000000\)' run $obj/wild.o
says fault_in_json 0 '"stop":"access outside the mapped window","where":"wild.c:6"' run --json $obj/wild.o
says effects_of_a_run_that_ends_well 0 'wakes 1, counter 3: 40$' run $obj/effects.o
says no_effects_of_one_that_is_stopped 0 'wakes 0$' run -b 30 $obj/effects.o
says asm_shows_the_line_of_c 0 '^; helper_time.c:9:  return' asm $obj/helper_time.o
says asm_shows_instruction_and_code 0 '^ +[0-9]+  r1 = \*\(u32 \*\)\(r1 \+24\) +[0-9a-f]+  lea r11d, ' asm $obj/helper_time.o
says asm_names_helpers 0 'call helper 1 ' asm $obj/helper_time.o
says bench_needs_frames 2 'needs frames' bench $obj/two.o
says no_object_is_a_usage_error 2 usage check
says unknown_option_is_a_usage_error 2 usage check --what $obj/two.o
says list_has_no_operand 2 usage list something
says load_needs_a_key 1 'which key' load -f arp -p first $obj/two.o
says load_links_first 1 'undefined.c:9: undefined symbol' load -f arp $obj/undefined.o
says budget_that_is_no_number 2 usage run -b many $obj/two.o

# The completion and the manual know every command and no other.
"$ash" --help 2>&1 | sed -n 's/.* ash \([a-z]*\) .*/\1/p' | sort >"$work/verbs"
bash -c 'complete() { :; }; . ash/tool/ash.bash; COMP_WORDS=(ash ""); COMP_CWORD=1; _ash
	printf "%s\n" "${COMPREPLY[@]}"' | sort >"$work/completed"
sed -n 's/^\.B ash \([a-z]*\)$/\1/p' docs/man/ash.1 | sort -u >"$work/manual"
cmp "$work/verbs" "$work/completed" && echo "ok completion_knows_every_command" ||
	echo "not ok completion_knows_every_command"
cmp "$work/verbs" "$work/manual" && echo "ok manual_knows_every_command" ||
	echo "not ok manual_knows_every_command"
# The page of the helpers has each, with its number.
sed -n 's/^\tX([A-Z]*, \([a-z]*\), "\1(.*/\1/p' kernel/include/exo/ash.h | awk '{ print NR, $1 }' >"$work/helpers"
sed -n 's/^\.B \([0-9]* [a-z]*\)(.*/\1/p' docs/man/ash-helpers.7 >"$work/manual"
[ -s "$work/helpers" ] && cmp "$work/helpers" "$work/manual" && echo "ok manual_knows_every_helper" ||
	echo "not ok manual_knows_every_helper"
