#!/bin/sh
# pcap-tests/host_test.sh DPF - on the host, each trace's frames match each expression as often
# as its table says (traces/NAME.counts: COUNT, tab, EXPRESSION). Prints TAP.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")" || exit 1
dpf=$1
case $dpf in /*) ;; *) dpf=../$dpf ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

for table in traces/*.counts; do
	name=$(basename "$table" .counts)
	gunzip -c "traces/$name.pcap.gz" >"$work/pcap"
	set --
	while IFS="$(printf '\t')" read -r count expression; do
		set -- "$@" "$expression"
	done <"$table"
	timeout 300 "$dpf" match -r "$work/pcap" -- "$@" >"$work/out" 2>"$work/err"
	if cmp -s "$work/out" "$table"; then
		echo "ok filters_match_as_recorded: $name"
	else
		echo "not ok filters_match_as_recorded: $name -" \
			"$(diff "$work/out" "$table" | sed -n 2,5p | tr '\n' ' ')$(head -n 1 "$work/err")"
	fi
done
