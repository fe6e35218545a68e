# apps/: one folder for each program. SPDX-License-Identifier: ISC

# --- ktest: the kernel's in-guest tests, a first program ---
KTEST_SRC := $(addprefix apps/ktest/,main.c child.c page_test.c stlb_test.c protect_test.c cap_test.c env_test.c \
               trap_test.c cpu_test.c transfer_test.c transfer.S \
               revoke_test.c device_test.c net_test.c pair_test.c fragment_test.c ash_test.c handler.c helper_test.c wire.c starve_test.c \
               schedule_test.c pager_test.c pipe_test.c lrpc_test.c errors_test.c aged_test.c fuzz_test.c) $(SCHEDULE_SRC) $(PAGER_SRC) $(IPC_SRC) dpf/build.c \
               libnet/exos/first.S libnet/exos/gates.S libnet/exos/context.c libnet/calls.c
KTEST_OBJ := $(addsuffix .o,$(addprefix $(B)/u/,$(basename $(KTEST_SRC))))
$(B)/u/apps/ktest/errors_test.o: CFLAGS += -I$(B)
$(B)/u/apps/ktest/errors_test.o: $(B)/syscall_errors.def

# A first program is a flat image (exo/image.h).
$(B)/ktest.elf: libnet/exos/first.ld $(KTEST_OBJ)
	@$(ULINK) -o $@ -Wl,-T $^ $(NEWLIB)/lib/libc.a
$(B)/%.img: $(B)/%.elf ; objcopy -O binary $< $@
ALL += $(B)/ktest.img

# --- init: the first program of the appliance ---
INIT_OBJ := $(call exos_objects,apps/init/main.c libnet/exos/first.S libnet/exos/spawn.c \
              libnet/exos/elf.c $(EXOS_LIB))
$(B)/init.elf: libnet/exos/first.ld $(INIT_OBJ)
	@$(ULINK) -o $@ -Wl,-T $^ $(NEWLIB)/lib/libc.a
ALL += $(B)/init.img

# --- The programs that it starts; a file goes to the program before it ---
$(eval $(call program,ipd,$(B)/u/apps/ipd/main.o $(OWNER_LIB)))
$(eval $(call program,httpd,$(addprefix $(B)/u/tenant/apps/httpd/,main.o server.o answer.o request.o tar.o) $(TENANT_LIB)))
$(eval $(call program,echo,$(B)/u/tenant/apps/echo/main.o $(HANDLER_LIB) $(TENANT_LIB)))
$(eval $(call program,console,$(addprefix $(B)/u/apps/console/,main.o command.o line.o) $(B)/u/libnet/share.o))
$(eval $(call program,probe,$(B)/u/tenant/apps/probe/main.o $(TENANT_LIB)))
$(eval $(call program,busy,$(B)/u/apps/busy/main.o))
$(eval $(call program,ashd,$(addprefix $(B)/u/tenant/apps/ashd/,main.o table.o) $(HANDLER_LIB) $(TENANT_LIB)))
$(eval $(call program,bridge,$(addprefix $(B)/u/,apps/bridge/main.o apps/bridge/judge.o apps/bridge/rules.o libnet/ring.o \
  libnet/exos/random.o $(DPF:.c=.o))))
$(eval $(call program,uart,$(addprefix $(B)/u/apps/uart/,main.o uart.o)))
# HANDLER: an object file that echo runs for its datagrams, such as build/handlers/udp_echo.o.
# ASH_KEY: the file with the key of those who may load handlers with `ash load`; else nobody may.
MODULES := $(addprefix $(B)/,init.img ipd.elf httpd.elf www.tar echo.elf) $(HANDLER) \
           $(ASH_KEY:%=$(B)/ashd.elf %) $(B)/console.elf
PROGRAMS += $(B)/init.elf
TESTS += "apps/echo/handler_test.sh $(B)/kernel.elf $(B)/handlers/udp_echo.o README.md $(MODULES)"
TESTS += "apps/echo/syn_test.sh $(B)/kernel.elf $(B)/handlers/syn_proxy.o $(MODULES)"
TESTS += "apps/ashd/load_test.sh $(B)/ash $(B)/kernel.elf $(B)/ashd.elf $(MODULES)"
TESTS += "apps/ashd/hostile_test.sh $(B)/ash $(B)/kernel.elf $(B)/ashd.elf $(MODULES)"
TESTS += "apps/probe/probe_test.sh $(B)/kernel.elf $(B)/init.img $(B)/ipd.elf $(B)/echo.elf $(B)/probe.elf"
TESTS += "apps/bridge/bridge_test.sh $(B)/dpf $(B)/kernel.elf $(B)/init.img $(B)/bridge.elf $(B)/console.elf"
TESTS += "apps/uart/uart_test.py $(B)/kernel.elf $(B)/init.img $(B)/uart.elf"

# --- httpd ---
HTTPD_TEST := $(B)/s/apps/httpd/test/request_test
$(HTTPD_TEST): %: %.o $(addprefix $(B)/s/apps/httpd/,answer.o request.o tar.o)
	$(CC) $(SFLAGS) -o $@ $^ -lcmocka
TESTS    += $(HTTPD_TEST)
TESTDEPS += $(HTTPD_TEST)
# The files it serves: an archive that is the same for the same files.
WWW := $(sort $(wildcard apps/httpd/www/*))
$(B)/www.tar: $(WWW)
	@tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C apps/httpd/www \
	  -cf $@ $(notdir $(WWW))
ALL += $(B)/www.tar

# --- bridge ---
BENCH += "apps/bridge/bench.py $(B)/dpf $(B)/kernel.elf $(B)/init.img $(B)/bridge.elf $(B)/console.elf"
BRIDGE_TEST := $(B)/s/apps/bridge/test/rules_test
$(BRIDGE_TEST): %: %.o $(B)/s/apps/bridge/rules.o ; $(CC) $(SFLAGS) -o $@ $^ -lcmocka
TESTS    += $(BRIDGE_TEST)
TESTDEPS += $(BRIDGE_TEST)

# --- console ---
CONSOLE_TEST := $(B)/s/apps/console/test/line_test
$(CONSOLE_TEST): %: %.o $(B)/s/apps/console/line.o ; $(CC) $(SFLAGS) -o $@ $^ -lcmocka
TESTS    += $(CONSOLE_TEST)
TESTDEPS += $(CONSOLE_TEST)

# --- kbench: the kernel's operations, counted in instructions ---
KBENCH_OBJ := $(addprefix $(B)/u/,$(addprefix apps/kbench/,main.o control.o memory.o ipc.o raw.o) \
                apps/ktest/child.o libnet/exos/first.o libnet/exos/gates.o libnet/exos/context.o) \
              $(call exos_objects,$(IPC_SRC))
$(B)/kbench.elf: libnet/exos/first.ld $(KBENCH_OBJ)
	@$(ULINK) -o $@ -Wl,-T $^ $(NEWLIB)/lib/libc.a
ALL += $(B)/kbench.img
# The Linux guest's rows, when there is one (boot/rules.mk).
LINUX_ROWS := $(if $(wildcard $(B)/linux/vmlinux),$(B)/linux.rows)
bench-kernel: $(B)/kernel.elf $(B)/kbench.img $(LINUX_ROWS)
	@mkdir -p $(B)/bench
	@timeout 120 boot/run.sh -1 -i -n none $(B)/kernel.elf $(B)/kbench.img > $(B)/bench/kernel.log || { cat $(B)/bench/kernel.log; exit 1; }
	@apps/kbench/table.py $(B)/bench/kernel.json $(LINUX_ROWS) < $(B)/bench/kernel.log
BENCH += "$(MAKE) -s bench-kernel"
.PHONY: bench-kernel
# With a second serial line, which goes nowhere, a PCI device that would be a bus master, and two
# interfaces that hear each other.
KTEST_RUN := timeout 120 boot/run.sh -1 -p hub=1 -p hub=1 -q -serial -q null -q -device -q edu $(B)/kernel.elf $(B)/ktest.img
TESTS += "$(KTEST_RUN)"
ktest: $(B)/kernel.elf $(B)/ktest.img ; @$(KTEST_RUN) </dev/null
.PHONY: ktest
# A kernel that has seen much, on a CPU of few features.
TESTS += "timeout 120 boot/run.sh -1 -a aged -p hub=1 -p hub=1 -q -cpu -q max,-sse4.2,-smep,-smap,-umip,-rdrand $(B)/kernel-aged.elf $(B)/ktest.img"
# A kernel that trusts its caller.
TESTS += "apps/ktest/careless_test.sh $(B)/kernel-careless.elf $(B)/ktest.img"
TESTS += "apps/ktest/alias_test.py -a address=10.0.2.15 $(B)/kernel.elf $(B)/raw.img"

# A long run of the hostile environments: make fuzz KFUZZ=SEED,ROUNDS
KFUZZ := 1,2000
kernel-fuzz: $(B)/kernel.elf $(B)/ktest.img ; boot/run.sh -1 -a fuzz=$(KFUZZ) $^
fuzz: kernel-fuzz
.PHONY: fuzz kernel-fuzz

# --- raw: ARP, ICMP echo and UDP echo without a library's stack; a first program ---
RAW_OBJ := $(addprefix $(B)/u/,apps/raw/main.o dpf/build.o libnet/ring.o libnet/checksum.o \
             libnet/exos/first.o libnet/exos/gates.o libnet/exos/context.o)
$(B)/raw.elf: libnet/exos/first.ld $(RAW_OBJ)
	@$(ULINK) -o $@ -Wl,-T $^ $(NEWLIB)/lib/libc.a
ALL += $(B)/raw.img
