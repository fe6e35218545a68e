# ash/: application-specific handlers. ASH is the library, linked into the kernel and the
# host tool; the rest is hosted.
# SPDX-License-Identifier: ISC
ASH := $(addprefix ash/,decode.c interp.c run.c frame.c helper.c compile.c emit_alu.c emit_guard.c emit_mem.c \
       emit_run.c emit_value.c dilp.c dilp_gen.c)
# The loader of objects: as free-standing, but not for the kernel.
ASH_OBJECT := ash/elf.c ash/object.c

# The library compiles freestanding and needs nothing but itself and the encoder.
$(B)/k/ash/ash.o: $(ASH:%.c=$(B)/k/%.o) $(B)/k/dpf/x86.o ; $(LD) -r -o $@ $^
ALL += $(B)/k/ash/ash.o

ASH_HOST := $(ASH) dpf/x86.c ash/tool/host.c
ASH_TOOL := $(ASH_HOST) $(ASH_OBJECT) dpf/tool/times.c dpf/tool/steps.c \
            $(addprefix ash/tool/,main.c exec.c object.c lines.c check.c capture.c run.c \
            asm.c text.c bench.c peers.c linux.c remote.c) dpf/tool/bench/ebpf.c \
            $(addprefix dpf/,bpf.c filter.c lower.c path.c relate.c)
# The compiler once more, as bare_compile, with no sandbox in it: for the bench.
$(B)/%/ash/tool/bare-engine.o: $(addprefix $(B)/%/,ash/compile.o ash/emit_alu.o ash/emit_mem.o \
		ash/emit_run.o ash/emit_value.o ash/tool/bare.o)
	$(LD) -r -o $@ $^ && objcopy --redefine-sym ash_compile=bare_compile -G bare_compile $@
ASH_LIBS := -rdynamic -lpcap -lcapstone -lcrypto
$(B)/ash: $(ASH_TOOL:%.c=$(B)/h/%.o) $(B)/h/ash/tool/bare-engine.o ; $(CC) -o $@ $^ $(ASH_LIBS)
$(B)/ash-checked: $(ASH_TOOL:%.c=$(B)/s/%.o) $(B)/s/ash/tool/bare-engine.o
	$(CC) $(SFLAGS) -o $@ $^ $(ASH_LIBS)
ALL += $(B)/ash
TESTDEPS += $(B)/ash-checked

ASH_TEST_BINS := $(addprefix $(B)/s/ash/test/,conform_test fuzz_test adversary_test)
$(ASH_TEST_BINS): $(B)/s/ash/test/%_test: $(B)/s/ash/test/%_test.o \
		$(B)/s/ash/test/checker.o $(B)/s/ash/test/pipeline.o $(ASH_HOST:%.c=$(B)/s/%.o)
	$(CC) $(SFLAGS) -o $@ $(filter %.o,$^) -lcapstone
TESTDEPS += $(ASH_TEST_BINS)
TESTS += $(ASH_TEST_BINS)
ASH_DILP := ash/test/pipeline.o $(ASH:%.c=%.o) dpf/x86.o
$(B)/s/ash/test/dilp_test: $(addprefix $(B)/s/,ash/test/dilp_test.o $(ASH_DILP))
	$(CC) $(SFLAGS) -o $@ $^
$(B)/h/ash/test/dilp_bench: $(addprefix $(B)/h/,ash/test/dilp_bench.o dpf/tool/times.o $(ASH_DILP)) ; $(CC) -o $@ $^
$(B)/s/ash/test/helper_test: $(addprefix $(B)/s/,ash/test/helper_test.o $(ASH:%.c=%.o) dpf/x86.o)
	$(CC) $(SFLAGS) -o $@ $^
TESTDEPS += $(B)/s/ash/test/dilp_test $(B)/s/ash/test/helper_test
TESTS += $(B)/s/ash/test/dilp_test $(B)/s/ash/test/helper_test
TESTS += "ash/test/exec_test.sh $(B)/ash"

# Handlers, as users compile them.
CLANG := clang-19
BPFFLAGS := -target bpf -mcpu=v4 -O2 -ffreestanding -g -std=c11 -Wall -Wextra -Werror \
            -I ash/include -I kernel/include -MMD -MP
$(B)/bpf/%.o: %.c ; @mkdir -p $(@D); $(CLANG) $(BPFFLAGS) -c -o $@ $<

ASH_OBJ := $(patsubst %.c,$(B)/bpf/%.o,$(wildcard ash/test/obj/*.c))
TESTDEPS += $(ASH_OBJ)
TESTS += "ash/test/object_test.sh $(B)/ash-checked"
ASH_OBJECT_FUZZ := $(B)/s/ash/test/object_fuzz_test
$(ASH_OBJECT_FUZZ): $(B)/s/ash/test/object_fuzz_test.o $(B)/s/ash/tool/lines.o \
		$(ASH:%.c=$(B)/s/%.o) $(ASH_OBJECT:%.c=$(B)/s/%.o) $(B)/s/dpf/x86.o
	$(CC) $(SFLAGS) -o $@ $^
TESTDEPS += $(ASH_OBJECT_FUZZ)
TESTS += "$(ASH_OBJECT_FUZZ) $(B)/bpf/ash/test/obj/everything.o"

# The handlers that ship; and the same C for the host, to compare speeds with.
ASH_HANDLERS := $(patsubst ash/handlers/%.c,$(B)/handlers/%.o,$(wildcard ash/handlers/*.c))
$(B)/handlers/%.o: ash/handlers/%.c ; @mkdir -p $(@D); $(CLANG) $(BPFFLAGS) -c -o $@ $<
$(B)/handlers/%.so: ash/handlers/%.c
	@mkdir -p $(@D); $(CC) -std=c11 -O2 -Wall -Wextra -shared -fPIC -MMD -MP -MF $@.d -I ash/tool/native \
		-I ash/include -I kernel/include -o $@ $<
# Programs that are there for the bench alone.
ASH_BENCHED := $(addprefix $(B)/handlers/,loads checksum mix)
$(ASH_BENCHED:=.o): $(B)/handlers/%.o: $(B)/bpf/ash/test/obj/%.o ; @mkdir -p $(@D); cp $< $@
$(ASH_BENCHED:=.so): $(B)/handlers/%.so: ash/test/obj/%.c
	@mkdir -p $(@D); $(CC) -std=c11 -O2 -shared -fPIC -I ash/tool/native -I ash/include \
		-I kernel/include -o $@ $<
# DPDK's engine, where libdpdk-dev is there: a library for `ash bench -d`.
ASH_DPDK := $(if $(wildcard /usr/include/dpdk/rte_bpf.h),$(B)/ash-dpdk.so)
$(B)/ash-dpdk.so: ash/tool/dpdk.c ash/tool/peer.h
	@mkdir -p $(@D); $(CC) $(filter-out -M%,$(CFLAGS)) $(HFLAGS) -isystem /usr/include/dpdk \
		-isystem /usr/include/x86_64-linux-gnu/dpdk -include rte_config.h -DALLOW_EXPERIMENTAL_API \
		-march=corei7 -shared -fPIC -o $@ $< -lrte_bpf -lrte_eal
BENCHDEPS += $(ASH_DPDK)
ALL += $(ASH_HANDLERS)
BENCHDEPS += $(ASH_HANDLERS) $(ASH_HANDLERS:.o=.so) $(ASH_BENCHED:=.o) $(ASH_BENCHED:=.so)
BENCHDEPS += $(B)/h/ash/test/dilp_bench
BENCH += "mkdir -p $(B)/bench && $(B)/h/ash/test/dilp_bench $(B)/bench/dilp.json"
BENCH += "python3 -B ash/test/bench.py $(B)/ash $(B)/handlers $(B)/bench $(ASH_DPDK)"
TESTS += "python3 -B ash/test/handlers_test.py $(B)/ash-checked $(B)/handlers"

# A long run: make fuzz FUZZ='PROGRAMS SEED'
FUZZ ?= 1000000 7
ash-fuzz: $(B)/s/ash/test/fuzz_test ; $< $(FUZZ)
fuzz: ash-fuzz
.PHONY: fuzz ash-fuzz
