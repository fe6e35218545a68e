# ash/: application-specific handlers. ASH is the library, linked into the kernel and the
# host tool; the rest is hosted.
# SPDX-License-Identifier: ISC
ASH := ash/decode.c ash/interp.c ash/run.c ash/helper.c ash/compile.c ash/emit_alu.c ash/emit_mem.c

# The library compiles freestanding and needs nothing but itself and the encoder.
$(B)/k/ash/ash.o: $(ASH:%.c=$(B)/k/%.o) $(B)/k/dpf/x86.o ; $(LD) -r -o $@ $^
ALL += $(B)/k/ash/ash.o

ASH_HOST := $(ASH) dpf/x86.c ash/tool/host.c
$(B)/ash: $(ASH_HOST:%.c=$(B)/h/%.o) $(B)/h/ash/tool/main.o ; $(CC) -o $@ $^
ALL += $(B)/ash

ASH_TEST_BINS := $(B)/s/ash/test/conform_test $(B)/s/ash/test/fuzz_test
$(ASH_TEST_BINS): $(B)/s/ash/test/%_test: $(B)/s/ash/test/%_test.o \
		$(B)/s/ash/test/checker.o $(ASH_HOST:%.c=$(B)/s/%.o)
	$(CC) $(SFLAGS) -o $@ $(filter %.o,$^) -lcapstone
TESTDEPS += $(ASH_TEST_BINS)
TESTS += $(ASH_TEST_BINS)
TESTS += "ash/test/exec_test.sh $(B)/ash"

# A long run: make fuzz FUZZ='PROGRAMS SEED'
FUZZ ?= 1000000 7
ash-fuzz: $(B)/s/ash/test/fuzz_test ; $< $(FUZZ)
fuzz: ash-fuzz
.PHONY: fuzz ash-fuzz
