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
