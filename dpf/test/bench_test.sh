#!/bin/sh
# dpf/test/bench_test.sh BENCH - the bench in short: every engine is measured or named as skipped,
# in every workload; the results have the shape that docs/dpf.md says. Prints TAP.
# SPDX-License-Identifier: ISC
. "$(dirname "$0")/head.sh"

"$dpf" -q -d "$work" pcap-tests/traces/http_get.pcap.gz >"$work/table" 2>"$work/said" || {
	echo "not ok bench_runs - $(tail -n 1 "$work/said")"
	exit 1
}
echo "ok bench_runs"
python3 - "$work" <<'END'
import collections, json, sys, xml.dom.minidom
work = sys.argv[1]
engines = ["dpf", "dpf-burst", "dpf-interp", "libpcap", "linux-jit", "linux-hashmap", "rte_bpf", "rte_acl", "hand"]
rows = json.load(open(work + "/dpf.json"))
def check(name, good, why=""):
    print(("ok " if good else "not ok ") + name + (" - " + why if why and not good else ""))
check("results_have_their_fields",
      all({"workload", "filters", "engine", "ns_per_packet", "verdicts_equal"} <= set(r) for r in rows))
check("no_time_without_equal_verdicts", all(r["verdicts_equal"] is True and r["ns_per_packet"] >= 0 for r in rows))
check("engines_and_workloads_have_their_names",
      {r["engine"] for r in rows} <= set(engines) and
      {r["workload"] for r in rows} == {"single", "sessions", "sessions-last", "sessions-miss", "trace"})
named = collections.Counter((r["workload"], r["filters"], r["engine"]) for r in rows)
for line in open(work + "/table"):
    if "  skipped  " in line:
        w, n, e = line.split()[:3]
        named[w, int(n), e] += 1
asked = {(w, n): count for (w, n, e), count in named.items() if e == "dpf"}
lost = [(w, n, e) for (w, n), count in asked.items() for e in engines if named[w, n, e] != count]
check("engines_are_measured_or_named_as_skipped", not lost, str(lost[:3]))
change = json.load(open(work + "/dpf-change.json"))
check("changes_are_measured", [c["filters"] for c in change] == [1, 10] and all(c["bytes_per_filter"] for c in change))
svg = xml.dom.minidom.parse(work + "/dpf.svg")
check("the_plot_is_svg", svg.documentElement.tagName == "svg" and "portrange 0-6000" in svg.toxml())
END
"$dpf" -q -e 'udp or icmp' -e 'ip6' -d "$work" pcap-tests/traces/http_get.pcap.gz >"$work/own" 2>&1
if [ $? = 0 ] && [ "$(grep -c '^trace  *1  dpf .*udp or icmp$' "$work/own")" = 1 ] &&
	[ "$(grep -c '^trace  *1  linux-jit .*ip6' "$work/own")" = 1 ] && ! grep -q sessions "$work/dpf.json"; then
	echo "ok own_expressions_meet_every_engine"
else
	echo "not ok own_expressions_meet_every_engine - $(tail -n 1 "$work/own")"
fi
for wrong in "-e tcp" "-e tcpp pcap-tests/traces/http_get.pcap.gz"; do
	"$dpf" -q $wrong >"$work/own" 2>&1
	if [ $? = 2 ] && grep -q "^dpf-bench: " "$work/own"; then
		echo "ok refuses $wrong"
	else
		echo "not ok refuses $wrong - $(tail -n 1 "$work/own")"
	fi
done
