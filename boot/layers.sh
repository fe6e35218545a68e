#!/bin/sh
# boot/layers.sh - the architecture, as a test: arrows between rooms go downward only.
#
#   ABI (kernel/include/exo) <- dpf, ash <- kernel
#   ABI, dpf <- libnet <- apps          kernel and libnet never meet
#
# The hosted tools and the tests of a leaf library may use any host library.
# SPDX-License-Identifier: ISC
cd "$(dirname "$0")/.." || exit 1

# sources ROOM... - the C files of the rooms that have the room's own rank
sources() {
	git ls-files "$@" | grep -E '\.[chS]$' | grep -vE '^([a-z]+/(tool|test|handlers)|ash/include)/'
}

# allow NAME PATTERN FILE... - every #include of the files matches PATTERN
allow() {
	name=$1 pattern=$2
	shift 2
	bad=$(grep -nE '^#include' "$@" /dev/null | grep -vE "#include [<\"]($pattern)" | head -n 3)
	if [ -z "$bad" ]; then
		echo "ok $name"
	else
		echo "not ok $name - $(echo "$bad" | tr '\n' ' ')"
	fi
}

plain='std(int|def|bool|arg|noreturn|align)\.h|limits\.h'

allow abi_includes_only_itself "exo/|std(int|def|bool)\.h" $(sources kernel/include/exo)
allow dpf_includes_only_the_abi_and_itself "exo/|dpf/|$plain" $(sources dpf)
[ -z "$(sources ash)" ] ||
	allow ash_includes_only_the_abi_the_encoder_and_itself "exo/|ash/|dpf/x86|$plain" $(sources ash)
allow kernel_includes_nothing_above_it "exo/|dpf/|ash/|kernel/|$plain" \
	$(sources kernel | grep -v '^kernel/include/')

forbid() {
	name=$1 pattern=$2
	shift 2
	bad=$(grep -nE "^#include [<\"]($pattern)" "$@" /dev/null | head -n 3)
	if [ -z "$bad" ]; then
		echo "ok $name"
	else
		echo "not ok $name - $(echo "$bad" | tr '\n' ' ')"
	fi
}

# The top level is a fixed list of rooms; a stray file is a mistake.
rooms='Makefile|kernel|dpf|ash|libnet|apps|pcap-tests|boot|docs|README\.md|LICENSE|\..*'
stray=$(git ls-files | cut -d/ -f1 | sort -u | grep -vxE "$rooms" | tr '\n' ' ')
[ -z "$stray" ] && echo "ok the_top_level_holds_the_rooms_only" ||
	echo "not ok the_top_level_holds_the_rooms_only - $stray"

forbid libnet_never_includes_the_kernel 'kernel/|apps/' $(git ls-files libnet)
forbid apps_never_include_the_kernel 'kernel/' $(git ls-files apps)

# Every header of the ABI compiles alone.
for header in kernel/include/exo/*.h; do
	printf '#include "exo/%s"\n' "$(basename "$header")" |
		${CC:-gcc} -std=gnu11 -Ikernel/include -Wall -Werror -fsyntax-only -x c - ||
		alone="$alone $header"
done
[ -z "$alone" ] && echo "ok abi_headers_compile_alone" ||
	echo "not ok abi_headers_compile_alone -$alone"

# Errors have names; but newlib's stubs report as POSIX does.
bare=$(git ls-files kernel dpf ash libnet | grep -E '\.c$' |
	grep -vE '/(tool|test|handlers)/|libnet/exos/newlib.c' | xargs grep -nE 'return -[0-9]' | head -n 3)
[ -z "$bare" ] && echo "ok errors_have_names" || echo "not ok errors_have_names - $bare"
