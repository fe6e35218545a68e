#!/usr/bin/env python3
# ash/test/bench.py ASH DIRECTORY OUT [DPDK] - every handler that ships, in every engine, over frames
# made here; prints what `ash bench` prints, and writes OUT/ash.json. SPDX-License-Identifier: ISC
import json, math, os, struct, subprocess, sys
from frames import *

ash, directory, out = sys.argv[1:4]
dpdk = ["-d", *sys.argv[4:]] if sys.argv[4:] else []
os.makedirs(out, exist_ok=True)


def query(name):
    wire = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"
    return udp(struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0) + wire + b"\0\1\0\1", 53)


request = b"\x08\0\0\0\0\1\0\1" + bytes(56)
frames = {
    "udp_echo": [udp(bytes(18), 7, source=4000 + k) for k in range(16)],
    "icmp_echo": [ethernet(ipv4(request, 1, ident=k)) for k in range(16)],
    "increment": [udp(struct.pack("!II", k, 1), 2000) for k in range(16)],
    "dns": [query(name) for name in ("www.example.test", "ns.example.test", "no.example.test",
                                     "example.org")],
    "limit": [udp(b"", 9, sender=f"10.1.0.{k}") for k in range(16)],
    "cache": [udp(b"\0\1\0\0\0\1\0\0" + text, 11211) for text in
              [b"set k 0 0 64\r\n" + bytes(64) + b"\r\n"] + [b"get k\r\n"] * 15],
    "balance": [tcp(16, to="10.0.0.100", source=1000 + k) for k in range(16)],
    "syn_cookie": [tcp(2, source=1000 + k) for k in range(16)],
    "offload": [udp(struct.pack("!I", k * 1024) + bytes(1024), 2002) for k in range(16)],
    "syn_proxy": [tcp(2, source=1000 + k, options=b"\2\4\5\xb4") for k in range(16)],
    "checksum": [ethernet(bytes(range(256)) * 5 + bytes(206), kind=0x88b5)],
    "loads": [ethernet(bytes(1486), kind=0x88b5)],
    "mix": [ethernet(bytes(46), kind=0x88b5)],
}
results = []
for name in sorted(frames):
    obj = f"{directory}/{name}.o"
    if not os.path.exists(obj):
        continue
    capture = f"{out}/{name}.pcap"
    write_capture(capture, frames[name])
    command = [ash, "bench", obj, "-r", capture, "-n", f"{directory}/{name}.so", "--json",
               *dpdk, *(["-p", "balance_nat"] if name == "balance" else [])]
    results.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
columns = ("return_ns", "ash_ns", "sandbox_off_ns", "gcc_ns", "linux_code_ns", "linux_ns", "dpdk_ns",
           "interpreter_ns")
print(f"{'handler, ns a frame':20}" + "".join(f"{c[:-3]:>13}" for c in columns) + "    load us")
for r in results:
    print(f"{r['program']:20}" + "".join(f"{r[c]:13.1f}" if c in r else f"{'-':>13}" for c in columns)
          + f"{r['load_ns'] / 1000:11.1f}")
print(f"{'instructions a frame':20}" + "".join(f"{c:>13}" for c in ("return", "ash", "sandbox_off", "gcc", "linux_code")))
for r in results:
    print(f"{r['program']:20}" + "".join(f"{r[c + '_steps']:13.1f}" for c in ("return", "ash", "sandbox_off", "gcc", "linux_code")
                                         if c + "_steps" in r))
shipped = [r for r in results if r["program"] not in ("loads", "checksum", "mix")]
mean = math.exp(sum(math.log(r["ash_ns"] / r["sandbox_off_ns"]) for r in shipped) / len(shipped))
for r in results:
    if "linux_code_ns" in r:
        print(f"{r['program']}: {r['ash_ns'] / r['linux_code_ns']:.2f} times the time of Linux's code, both called in the same loop")
    if r.get("linux_ns", 0) <= 0 and "linux_ns" in r:
        print(f"{r['program']}: too short for Linux's clock, one run at a time")
    elif "linux_ns" in r:
        print(f"{r['program']}: {r['beside_linux_ns'] / r['linux_ns']:.2f} times Linux's time in the kernel, both without entry")
for engine, title in (("linux", "Linux"), ("dpdk", "DPDK")):
    skipped = {}
    for r in results:
        if engine in r:
            skipped.setdefault(r[engine], []).append(r["program"])
    for why, programs in skipped.items():
        print(f"{title} not run, {why}: {', '.join(programs)}")
long = next(r for r in results if r["program"] == "mix")
print(f"load of {long['instructions']} instructions: {long['load_ns'] / 1000:.0f} us")
worst = max(results, key=lambda r: r["ash_ns"] / r["sandbox_off_ns"])
print(f"the most that sandbox and budget cost: {worst['program']}, "
      f"{100 * worst['ash_ns'] / worst['sandbox_off_ns'] - 100:.0f} %")
counted = [r for r in shipped if r["ash_steps"] and r["sandbox_off_steps"]]  # where stepping is allowed
if counted:
    steps = math.exp(sum(math.log(r["ash_steps"] / r["sandbox_off_steps"]) for r in counted) / len(counted))
    print(f"sandbox and budget: {100 * steps - 100:.1f} % more instructions (geometric mean over the shipped handlers)")
print(f"sandbox and budget cost {100 * mean - 100:.1f} % (geometric mean over the shipped handlers)")
with open(f"{out}/ash.json", "w") as file:
    json.dump({"engines": results, "sandbox_ratio": mean}, file, indent=1)
