#!/bin/sh
# dpf/test/bench_test.sh DPF - the bench in short: every engine is measured or named as skipped,
# in every workload; the results have the shape that docs/dpf.md says. Prints TAP.
# SPDX-License-Identifier: ISC
. "$(dirname "$0")/head.sh"

gunzip -c pcap-tests/traces/http_get.pcap.gz >"$work/trace"
"$dpf" bench --quick -w "$work" "$work/trace" >"$work/table" 2>"$work/said" || {
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
check("shapes_are_measured", sum(line.startswith("shapes ") for line in open(work + "/table")) == 2)
change = json.load(open(work + "/dpf-change.json"))
check("changes_are_measured", [c["filters"] for c in change] == [1, 10] and all(c["bytes_per_filter"] for c in change))
svg = xml.dom.minidom.parse(work + "/dpf.svg")
check("the_plot_is_svg", svg.documentElement.tagName == "svg" and "portrange 0-6000" in svg.toxml())
END
"$dpf" bench --quick --json -w "$work" -r "$work/trace" 'udp or icmp' 'tcp port 80' 'ip' >"$work/own" 2>"$work/said"
python3 - "$work" $? <<'END'
import json, sys
work = sys.argv[1]
try:
    rows, kept = json.load(open(work + "/own")), json.load(open(work + "/dpf.json"))
    engines = {"dpf", "dpf-burst", "dpf-interp", "libpcap", "linux-jit", "linux-hashmap", "rte_bpf", "rte_acl", "hand"}
    good = {r["engine"] for r in rows} == engines and len(rows) == len(engines) and \
        all(r["filters"] == 3 and r["workload"] == "trace" for r in rows) and \
        all("skipped" in r or r["ns_per_packet"] >= 0 and r["verdicts_equal"] for r in rows) and \
        kept == [r for r in rows if "skipped" not in r]
except ValueError as why:
    good = False
print(("ok" if good and sys.argv[2] == "0" else "not ok") + " own_expressions_meet_every_engine")
END
"$dpf" bench --quick --json >"$work/own" 2>"$work/said" && python3 -m json.tool "$work/own" >/dev/null &&
	echo "ok the_standard_workloads_are_json_too" || echo "not ok the_standard_workloads_are_json_too"
mkdir "$work/alone"
cp "$dpf" "$work/alone/dpf"
"$work/alone/dpf" bench --quick -r "$work/trace" ip >"$work/own" 2>&1 &&
	[ "$(grep -c '^trace .*rte_bpf .*skipped .*dpf-dpdk.so cannot be loaded' "$work/own")" = 1 ] &&
	grep -q '^trace  *1  hand .* ns' "$work/own" &&
	echo "ok an_engine_that_is_not_there_is_named" || echo "not ok an_engine_that_is_not_there_is_named"
"$dpf" bench --instructions --quick -r "$work/trace" ip >"$work/own" 2>&1 &&
	grep -q '^trace  *1  dpf  *25.00 instructions' "$work/own" &&
	echo "ok instructions_are_counted" || echo "not ok instructions_are_counted - $(grep ' dpf ' "$work/own")"
for wrong in "-r $work/trace" "-r $work/trace tcpp" "$work/absent" "-w $work/absent"; do
	"$dpf" bench --quick $wrong >"$work/own" 2>&1
	if [ $? = 2 ] && grep -q "^dpf: " "$work/own"; then
		echo "ok refuses $(echo "$wrong" | sed "s|$work/||")"
	else
		echo "not ok refuses $wrong - $(tail -n 1 "$work/own")"
	fi
done
