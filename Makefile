# SPDX-License-Identifier: ISC
# One Makefile, no recursion: each room lists its files in ROOM/rules.mk, the
# compilers and the pattern rules are here.
#   make          everything            make run     boot the appliance in QEMU
#   make test     every test            make gdb     the same, halted for gdb
#   make bench    print the figures     make clean   remove build/
#
# One list of sources, several trees:
#   build/k  ring 0, freestanding       build/u  ring 3, against newlib
#   build/h  host tools, -O2            build/s  host tests, sanitizers on

B       := build
CC      := gcc
CFLAGS  := -std=c11 -g -MMD -MP -I. -Ikernel/include -Wall -Wextra -Werror -Wshadow \
           -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
KFLAGS  := -O2 -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
           -fno-stack-protector -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
           -fno-tree-loop-distribute-patterns
HFLAGS  := -O2 -D_GNU_SOURCE
SFLAGS  := -O1 -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=all \
           -fno-omit-frame-pointer

# Words with double quotes, for use inside double quotes: a command in TESTS or BENCH.
quoted = $(subst ",',$(1))

.DEFAULT_GOAL := all

# Every room adds to these lists:
#   ALL    what `make` builds
#   TESTS  commands run by `make test`; each prints TAP (ok / not ok lines)
#   BENCH  commands run by `make bench`
ALL     :=
TESTS   := boot/layers.sh
BENCH   :=

# In the order of the rooms' layers: a list must be complete before it is used.
include $(addsuffix /rules.mk,dpf ash kernel libnet apps pcap-tests boot docs)

all: $(ALL)

# Bring the packages first, then build and run everything in a second make, so
# that what the first one installed is seen by the second one's rules.
test:
	@boot/deps.sh
	@$(MAKE) --no-print-directory check
check: $(ALL) $(TESTDEPS)
	@boot/check.sh $(TESTS)

bench: $(ALL) $(BENCHDEPS)
	@set -e; for b in $(BENCH); do sh -c "$$b"; done

clean: ; rm -rf $(B)

$(B)/k/%.o: %.c ; @mkdir -p $(@D); $(CC) $(CFLAGS) $(KFLAGS) -c -o $@ $<
$(B)/k/%.o: %.S ; @mkdir -p $(@D); $(CC) $(CFLAGS) $(KFLAGS) -c -o $@ $<
$(B)/h/%.o: %.c ; @mkdir -p $(@D); $(CC) $(CFLAGS) $(HFLAGS) -c -o $@ $<
$(B)/s/%.o: %.c ; @mkdir -p $(@D); $(CC) $(CFLAGS) $(SFLAGS) -c -o $@ $<

.PHONY: all test check bench clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
