# dpf/: the packet classifier. DPF is the library, linked into the kernel, the host tool
# and (builders) libnet; the rest is hosted.
# SPDX-License-Identifier: ISC
DPF := $(addprefix dpf/,bpf.c bpfgen.c build.c dpf.c filter.c gen.c interp.c lower.c mirror.c overlap.c path.c \
         relate.c set.c shape.c store.c table.c x86.c)

DPF_TESTS := x86 build dpf churn
DPF_TEST_BINS := $(DPF_TESTS:%=$(B)/s/dpf/test/%_test)

$(DPF_TEST_BINS): $(B)/s/dpf/test/%_test: $(B)/s/dpf/test/%_test.o $(DPF:%.c=$(B)/s/%.o) \
                  $(B)/s/dpf/tool/host.o
	$(CC) $(SFLAGS) -o $@ $(filter %.o,$^) -lcmocka -lcapstone -lpcap

TESTDEPS += $(DPF_TEST_BINS)
TESTS += $(DPF_TEST_BINS)

# The library compiles freestanding and needs nothing but itself.
$(B)/k/libdpf.o: $(DPF:%.c=$(B)/k/%.o) ; $(LD) -r -o $@ $^

# The command `dpf` on the host.
DPF_TOOL := $(addprefix dpf/tool/,main.c options.c capture.c rules.c filters.c job.c json.c lines.c \
              token.c syntax.c mark.c code.c dissect.c strict.c \
              meaning.c hex.c host.c match.c demux.c explain.c lint.c stats.c ir.c graph.c merged.c tree.c dot.c \
              asm.c exec.c native.c program.c pace.c send.c split.c unique.c replay.c bench.c)
$(B)/dpf: $(DPF_TOOL:%.c=$(B)/h/%.o) $(DPF:%.c=$(B)/h/%.o) ; $(CC) -o $@ $^ -lpcap -lcapstone
$(B)/dpf-checked: $(DPF_TOOL:%.c=$(B)/s/%.o) $(DPF:%.c=$(B)/s/%.o)
	$(CC) $(SFLAGS) -o $@ $^ -lpcap -lcapstone
ALL += $(B)/dpf
TESTDEPS += $(B)/dpf-checked
TESTS += "dpf/test/tool_test.sh $(B)/dpf-checked" "dpf/test/link_test.sh $(B)/dpf-checked" \
         "dpf/test/rules_test.sh $(B)/dpf-checked" "dpf/test/replay_test.sh $(B)/dpf-checked" \
         "dpf/test/strict_test.sh $(B)/dpf-checked"
$(B)/s/dpf/test/exec_test: $(B)/s/dpf/test/exec_test.o ; $(CC) $(SFLAGS) -o $@ $^ -lpcap
TESTDEPS += $(B)/s/dpf/test/exec_test
TESTS += "$(B)/s/dpf/test/exec_test $(B)/dpf-checked"
$(B)/s/dpf/test/syntax_test: $(addprefix $(B)/s/dpf/,test/syntax_test.o tool/token.o tool/syntax.o \
                             tool/code.o tool/dissect.o tool/strict.o)
	$(CC) $(SFLAGS) -o $@ $^ -lpcap
TESTDEPS += $(B)/s/dpf/test/syntax_test
TESTS += "$(B)/s/dpf/test/syntax_test dpf/test/expressions.txt"

# Random expressions and programs against libpcap: some in `make test`, more in `make fuzz`.
$(B)/s/dpf/test/fuzz_test: $(B)/s/dpf/test/fuzz_test.o $(B)/s/dpf/tool/host.o $(DPF:%.c=$(B)/s/%.o)
	$(CC) $(SFLAGS) -o $@ $^ -lpcap
TESTDEPS += $(B)/s/dpf/test/fuzz_test
TESTS += "$(B)/s/dpf/test/fuzz_test 100000"
fuzz-dpf: $(B)/s/dpf/test/fuzz_test ; $< 1000000 $(shell date +%s)
fuzz: fuzz-dpf
.PHONY: fuzz fuzz-dpf

# DPF and its peers: make bench-dpf. Figures in docs/dpf.md; results in build/bench. DPDK's
# engines are built where libdpdk-dev is there; nothing else needs it.
DPDK := $(wildcard /usr/include/dpdk/rte_acl.h)
DPF_BENCH := $(addprefix dpf/tool/bench/,main.c measure.c results.c plot.c session.c change.c \
               hand.c ours.c ebpf.c linux_jit.c linux_hashmap.c $(if $(DPDK),dpdk.c,dpdk_absent.c)) \
             dpf/tool/host.c dpf/tool/json.c
$(B)/h/dpf/tool/bench/dpdk.o: HFLAGS += -isystem $(dir $(DPDK)) -isystem /usr/include/x86_64-linux-gnu/dpdk \
                              -include rte_config.h -DALLOW_EXPERIMENTAL_API -march=corei7
$(B)/dpf-bench: $(DPF_BENCH:%.c=$(B)/h/%.o) $(DPF:%.c=$(B)/h/%.o)
	$(CC) -o $@ $^ -lpcap -lm $(if $(DPDK),-lrte_bpf -lrte_acl -lrte_eal -lrte_mbuf -lrte_mempool)
ALL += $(B)/dpf-bench
TESTDEPS += $(B)/dpf-bench
TESTS += "dpf/test/bench_test.sh $(B)/dpf-bench"
BENCH_TRACES ?= $(wildcard pcap-tests/traces/*.pcap.gz)
bench-dpf: $(B)/dpf-bench ; @mkdir -p $(B)/bench; $< -d $(B)/bench $(BENCH_TRACES)
BENCH += "$(MAKE) --no-print-directory bench-dpf"
.PHONY: bench-dpf
