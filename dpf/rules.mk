# dpf/: the packet classifier. DPF is the library, linked into the kernel, the host tool
# and (builders) libnet; the rest is hosted.
# SPDX-License-Identifier: ISC
DPF := $(addprefix dpf/,block.c bpf.c bpfgen.c build.c dpf.c filter.c gen.c genbytes.c genkey.c genload.c \
         gentest.c interp.c lower.c mirror.c overlap.c path.c relate.c set.c shape.c store.c table.c x86.c)

DPF_TESTS := x86 build dpf guard churn block adversary expression
DPF_TEST_BINS := $(DPF_TESTS:%=$(B)/s/dpf/test/%_test)

$(DPF_TEST_BINS): $(B)/s/dpf/test/%_test: $(B)/s/dpf/test/%_test.o $(DPF:%.c=$(B)/s/%.o) \
                  $(B)/s/dpf/tool/host.o
	$(CC) $(SFLAGS) -o $@ $(filter %.o,$^) -lcmocka -lcapstone -lpcap

TESTDEPS += $(DPF_TEST_BINS)
TESTS += $(DPF_TEST_BINS)

# The library compiles freestanding and needs nothing but itself.
$(B)/k/libdpf.o: $(DPF:%.c=$(B)/k/%.o) ; $(LD) -r -o $@ $^

# The command `dpf` on the host.
DPF_STRICT := code.c dissect.c strict.c strict_base.c strict_address.c strict_link.c strict_port.c strict_value.c
DPF_TOOL := $(addprefix dpf/tool/,main.c complain.c options.c capture.c rules.c filters.c job.c json.c lines.c \
              token.c syntax.c mark.c $(DPF_STRICT) \
              meaning.c hex.c host.c match.c demux.c explain.c lint.c stats.c ir.c graph.c merged.c tree.c dot.c \
              asm.c exec.c native.c program.c pace.c send.c split.c unique.c replay.c times.c steps.c bench.c \
              $(addprefix bench/,measure.c count.c results.c plot.c session.c change.c hand.c ours.c \
              ebpf.c linux_jit.c linux_hashmap.c dpdk_load.c))
$(B)/dpf: $(DPF_TOOL:%.c=$(B)/h/%.o) $(DPF:%.c=$(B)/h/%.o) ; $(CC) -o $@ $^ -lpcap -lcapstone -lm
$(B)/dpf-checked: $(DPF_TOOL:%.c=$(B)/s/%.o) $(DPF:%.c=$(B)/s/%.o)
	$(CC) $(SFLAGS) -o $@ $^ -lpcap -lcapstone -lm
ALL += $(B)/dpf
TESTDEPS += $(B)/dpf-checked
TESTS += "dpf/test/tool_test.sh $(B)/dpf-checked" "dpf/test/link_test.sh $(B)/dpf-checked" \
         "dpf/test/rules_test.sh $(B)/dpf-checked" "dpf/test/replay_test.sh $(B)/dpf-checked" \
         "dpf/test/strict_test.sh $(B)/dpf-checked"
$(B)/s/dpf/test/exec_test: $(B)/s/dpf/test/exec_test.o ; $(CC) $(SFLAGS) -o $@ $^ -lpcap
TESTDEPS += $(B)/s/dpf/test/exec_test
TESTS += "$(B)/s/dpf/test/exec_test $(B)/dpf-checked"
$(B)/s/dpf/test/syntax_test: $(addprefix $(B)/s/dpf/,test/syntax_test.o tool/token.o tool/syntax.o \
                             $(DPF_STRICT:%.c=tool/%.o))
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

# Fuzz targets. What they once found or learned is kept in dpf/test/fuzz/kept and run by
# `make test`; `make fuzz` goes on from there with libFuzzer, where clang has it.
FUZZ_SECONDS ?= 120
FUZZ_TARGETS := bpf filter capture
FUZZ_capture := dpf/tool/capture.c dpf/tool/filters.c dpf/tool/program.c dpf/tool/split.c $(addprefix dpf/tool/,rules.c mark.c complain.c \
                json.c token.c syntax.c $(DPF_STRICT))
FUZZ_COMMON := dpf/test/fuzz/target.c dpf/tool/host.c dpf/tool/native.c
fuzz_sources = dpf/test/fuzz/$(1)_target.c $(FUZZ_COMMON) $(FUZZ_$(1)) $(DPF)
define fuzz_target
$(B)/s/dpf/test/fuzz_$(1): $(patsubst %.c,$(B)/s/%.o,dpf/test/fuzz/main.c $(call fuzz_sources,$(1)))
	$(CC) $(SFLAGS) -o $$@ $$^ -lpcap
TESTDEPS += $(B)/s/dpf/test/fuzz_$(1)
TESTS += "$(B)/s/dpf/test/fuzz_$(1) $(1) dpf/test/fuzz/kept/$(1)/*"
$(B)/fuzz/dpf_$(1): $(call fuzz_sources,$(1)) $(wildcard dpf/*.h dpf/tool/*.h) dpf/test/fuzz/target.h
	@mkdir -p $(B)/fuzz
	clang -std=c11 -g -O1 -D_GNU_SOURCE -I. -Ikernel/include -fsanitize=fuzzer,address,undefined \
	  -fno-sanitize-recover=all -o $$@ $$(filter %.c,$$^) -lpcap
fuzz-dpf-$(1): $(B)/fuzz/dpf_$(1)
	@mkdir -p $(B)/fuzz/corpus_$(1)
	cd $(B)/fuzz && ./dpf_$(1) -max_total_time=$(FUZZ_SECONDS) -close_fd_mask=3 -max_len=8192 \
	  corpus_$(1) $(CURDIR)/dpf/test/fuzz/kept/$(1)
.PHONY: fuzz-dpf-$(1)
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_target,$(t))))
fuzz-dpf-libfuzzer:
	@if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	    clang -x c - -fsanitize=fuzzer -o /dev/null 2>/dev/null; \
	  then $(MAKE) --no-print-directory $(FUZZ_TARGETS:%=fuzz-dpf-%); \
	  else echo 'skipped: libFuzzer targets (no clang, or no libclang-rt)'; fi
fuzz: fuzz-dpf-libfuzzer
.PHONY: fuzz fuzz-dpf fuzz-dpf-libfuzzer

# Would the tests notice if a check went missing from the generated code? Minutes.
mutate: $(DPF_TEST_BINS) $(B)/s/dpf/test/fuzz_test $(B)/s/dpf/test/fuzz_bpf
	@boot/check.sh "dpf/test/mutate.sh $(B)/s '$(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(SFLAGS)' $(DPF:%.c=$(B)/s/%.o)"
.PHONY: mutate

# DPF and its peers: make bench-dpf. Figures in docs/dpf.md; results in build/bench. DPDK's
# engines are a library that `dpf bench` loads: built where libdpdk-dev is there; nothing else needs it.
DPDK := $(wildcard /usr/include/dpdk/rte_acl.h)
DPF_DPDK := $(if $(DPDK),$(B)/dpf-dpdk.so)
$(B)/dpf-dpdk.so: dpf/tool/bench/dpdk.c dpf/tool/times.c $(addprefix dpf/tool/bench/,bench.h headers.h)
	$(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(HFLAGS) -isystem $(dir $(DPDK)) -isystem /usr/include/x86_64-linux-gnu/dpdk \
	  -include rte_config.h -DALLOW_EXPERIMENTAL_API -march=corei7 -fPIC -shared -Wl,-z,defs -o $@ \
	  $(filter %.c,$^) -lrte_bpf -lrte_acl -lrte_eal -lrte_mbuf -lrte_mempool
ALL += $(DPF_DPDK)
TESTDEPS += $(DPF_DPDK)
TESTS += "dpf/test/bench_test.sh $(B)/dpf"
$(B)/bench/%.pcap: pcap-tests/traces/%.pcap.gz ; @mkdir -p $(@D); gunzip -c $< >$@
BENCH_TRACES ?= $(patsubst pcap-tests/traces/%.gz,$(B)/bench/%,$(wildcard pcap-tests/traces/*.pcap.gz))
bench-dpf-instructions: $(B)/dpf $(DPF_DPDK) ; @$< bench --instructions
bench-dpf: $(B)/dpf $(DPF_DPDK) $(BENCH_TRACES) ; @$< bench -w $(B)/bench $(BENCH_TRACES)
BENCH += "$(MAKE) --no-print-directory bench-dpf"
.PHONY: bench-dpf bench-dpf-instructions
