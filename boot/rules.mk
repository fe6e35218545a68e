# boot/: running the appliance in QEMU. SPDX-License-Identifier: ISC

# What the loader hands over: the kernel, and what apps/ lists in MODULES, the first program
# first, each "FILE" or "FILE NAME". PROGRAMS are the ELF files whose symbols gdb should know.
APPLIANCE = $(B)/kernel.elf $(MODULES)

run: deps ; @$(MAKE) --no-print-directory boot-run
run-ipxe: deps ; @$(MAKE) --no-print-directory boot-run RUN=-x
boot-run: $(ALL) ; @boot/run.sh $(RUN) $(ASH_KEY:%=-f 1996:1996) $(APPLIANCE)
deps: ; @boot/deps.sh

# Stop at the kernel's first instruction (physical, 32-bit) and go on to its C code.
$(B)/gdb.cmd: boot/rules.mk apps/rules.mk
	@mkdir -p $(@D); { \
	echo 'set pagination off'; echo 'set confirm off'; \
	echo 'file $(B)/kernel.elf'; \
	for p in $(PROGRAMS); do echo "add-symbol-file $$p"; done; \
	echo 'target remote | exec boot/run.sh -g -n user -l $(B)/gdb.log $(APPLIANCE)'; \
	echo 'hbreak *((unsigned long)&boot_start - 0xffffffff80000000)'; echo continue; \
	echo 'hbreak kernel_main'; echo continue; \
	} > $@
gdb: $(ALL) $(B)/gdb.cmd
	@echo 'The console goes to $(B)/gdb.log.'; gdb -q -nx -x $(B)/gdb.cmd

# The runner is tested with first programs: one that ends by itself, one that stays.
TESTS += boot/test/check_test.sh "boot/test/run_test.sh $(B)/kernel.elf $(B)/ktest.img" \
         "boot/test/tty_test.py boot/run.sh -a address=10.0.2.15 $(B)/kernel.elf $(B)/raw.img"

# The tests and figures of the whole, once there is a whole: MODULES names it.
ifneq ($(MODULES),)
TESTDEPS += $(B)/gdb.cmd
TESTS += "boot/test/gdb_test.sh $(B)/gdb.cmd" "boot/test/serve_test.sh $(call quoted,$(APPLIANCE))" "boot/test/net_test.sh $(call quoted,$(APPLIANCE))"
BENCH += "boot/bench.py $(call quoted,$(APPLIANCE))"
endif

.PHONY: run run-ipxe boot-run deps gdb

# --- A Linux guest under the same QEMU, for the bench alone: `make linux-guest` builds it once ---
LINUX_FLAGS := -std=c11 -g -O2 -D_GNU_SOURCE -static -I. -Ikernel/include -Wall -Wextra -Werror -Wshadow \
               -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
linux-guest: ; @boot/deps.sh linux
$(B)/linux-rows: boot/linux/rows.c ; $(CC) $(LINUX_FLAGS) -o $@ $^
$(B)/linux-xdp: boot/linux/xdp.c $(ASH_OBJECT) ; $(CC) $(LINUX_FLAGS) -o $@ $^
# Version 3 of the instruction set is the last that Linux 6.1 knows.
$(B)/reflect.o: ash/test/obj/reflect.c ash/include/handler.h ; $(CLANG) $(filter-out -M%,$(BPFFLAGS)) -mcpu=v3 -c -o $@ $<
# An initramfs: /init, and what it reads.
$(B)/linux-rows.cpio: $(B)/linux-rows ; @boot/linux/initramfs.sh $(B)/linux/gen_init_cpio init=$< >$@
$(B)/linux-xdp.cpio: $(B)/linux-xdp $(B)/reflect.o
	@boot/linux/initramfs.sh $(B)/linux/gen_init_cpio init=$< handler=$(B)/reflect.o >$@
# The same operations as kbench's.
$(B)/linux.rows: $(B)/linux/vmlinux $(B)/linux-rows.cpio
	@timeout 300 boot/run.sh -1 -i -n none $(LINUX_MACHINE) $^ >$@ </dev/null
# -erms: Linux then clears pages by words, which is what our kernel does.
LINUX_MACHINE := -m 256 -q "-cpu max,-erms" -a "console=ttyS0 quiet"

$(B)/count.so: boot/count.c ; $(CC) $(filter-out -M%,$(CFLAGS)) -O2 -D_GNU_SOURCE -shared -fPIC -o $@ $<
BENCHDEPS += $(B)/count.so
bench-linux: linux-guest ; @$(MAKE) --no-print-directory bench-linux-built
bench-linux-built: $(ALL) $(addprefix $(B)/,linux/vmlinux linux-xdp.cpio count.so reflect.o)
	@mkdir -p $(B)/bench
	@boot/linux/bench.py $(B)/bench/linux.json $(B)/linux/vmlinux $(B)/linux-xdp.cpio $(B)/kernel.elf \
	  $(addprefix $(B)/,init.img ipd.elf echo.elf reflect.o console.elf)
ifneq ($(wildcard $(B)/linux/vmlinux),)
BENCH += "$(MAKE) --no-print-directory bench-linux-built"
else
BENCH += "echo 'beside a Linux guest: not measured, there is none (make linux-guest builds it)'"
endif
.PHONY: linux-guest bench-linux bench-linux-built
