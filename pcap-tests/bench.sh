#!/bin/sh
# pcap-tests/bench.sh DPF - time the engines of `dpf bench` on some of the traces: one
# expression, and all of the table's at once. Prints, asserts nothing.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")" || exit 1
case $1 in /*) dpf=$1 ;; *) dpf=../$1 ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

for name in wrk tcp_echo tls; do
	gunzip -c "traces/$name.pcap.gz" >"$work/pcap"
	set --
	while IFS="$(printf '\t')" read -r _ expression; do
		set -- "$@" "$expression"
	done <"traces/$name.counts"
	echo "dpf bench, $name, tcp port 80:"
	"$dpf" bench -r "$work/pcap" -- 'tcp port 80'
	echo "dpf bench, $name, $# expressions:"
	"$dpf" bench -r "$work/pcap" -- "$@"
done
