# libnet/: the library OS. Paths of lwIP and newlib come from build/deps.mk,
# which boot/deps.sh writes; make runs it when that file is missing or older.
# SPDX-License-Identifier: ISC
ifneq ($(MAKECMDGOALS),clean)
include $(B)/deps.mk
endif
$(B)/deps.mk: boot/deps.sh ; @boot/deps.sh

# --- The trees ---
# build/u is ring 3 against newlib. What includes lwIP's headers is compiled
# once for each of its two configurations (libnet/port/options.h), below
# build/u/tenant and build/u/owner, and for host tests below build/s/...
UFLAGS := -O2 -mno-red-zone -fno-pic -fno-pie -nostdinc -isystem $(NEWLIB)/include \
          -isystem $(shell $(CC) -print-file-name=include 2>/dev/null) -ffunction-sections \
          -fdata-sections -fno-stack-protector -fcf-protection=none \
          -fno-asynchronous-unwind-tables -flto=auto -fno-fat-lto-objects
# Programs are optimised whole, as the kernel is; what the C library calls is compiled apart.
$(B)/u/libnet/exos/newlib.o: UFLAGS += -fno-lto
ULINK := $(CC) $(UFLAGS) -no-pie -static -nostdlib -Wl,-z,noexecstack,--gc-sections,--build-id=none
LWIP_INCLUDE := -isystem $(LWIP)/src/include -Ilibnet/port
# lwIP's own sources: untouched, and not held to our warnings. -MD, because a header
# that a system header includes (lwipopts.h) is none of ours to -MMD.
LWIP_FLAGS := -std=gnu11 -g -MD -MP -I. -Ikernel/include $(LWIP_INCLUDE) -w

$(B)/u/%.o: %.c ; @mkdir -p $(@D); $(CC) $(CFLAGS) $(UFLAGS) -c -o $@ $<
$(B)/u/%.o: %.S ; @mkdir -p $(@D); $(CC) $(CFLAGS) $(UFLAGS) -c -o $@ $<

# $(call lwip_tree,TREE,CONFIGURATION,FLAGS)
define lwip_tree
$(B)/$(1)/$(2)/%.o: %.c
	@mkdir -p $$(@D); $$(CC) $$(CFLAGS:-MMD=-MD) $(3) -Ilibnet/port/$(2) $$(LWIP_INCLUDE) -c -o $$@ $$<
$(B)/$(1)/$(2)/lwip/%.o: $$(LWIP)/src/%.c
	@mkdir -p $$(@D); $$(CC) $$(LWIP_FLAGS) $(3) -Ilibnet/port/$(2) -c -o $$@ $$<
endef
$(eval $(call lwip_tree,u,tenant,$(UFLAGS)))
$(eval $(call lwip_tree,u,owner,$(UFLAGS)))
$(eval $(call lwip_tree,s,tenant,$(SFLAGS)))
$(eval $(call lwip_tree,s,owner,$(SFLAGS)))

# --- The lists ---
LWIP_SRC := $(addprefix core/,def inet_chksum init ip mem memp netif pbuf stats sys tcp \
              tcp_in tcp_out timeouts udp) \
            $(addprefix core/ipv4/,dhcp etharp icmp igmp ip4 ip4_addr ip4_frag) \
            $(addprefix core/ipv6/,ethip6 icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6) \
            netif/ethernet
PURE     := heap share ring checksum copysum siphash
# The composer of copysum's loop.
FUSION   := ash/dilp_gen ash/emit_alu ash/emit_value dpf/x86
STACK    := interface port/port

# A program: its start, and what newlib needs. PROGRAM links one: $(call program,NAME,OBJECTS)
EXOS_SRC := libnet/exos/crt0.S libnet/exos/start.c
EXOS_LIB := $(addprefix libnet/exos/,context.c gates.S memory.c newlib.c)
# A program's own scheduler, and its policies (exos/schedule.h).
SCHEDULE_SRC := $(addprefix libnet/exos/,schedule.c stride.c lottery.c deadline.c)
# Pipes, shared memory, procedure calls (exos/pipe.h, shm.h, lrpc.h).
IPC_SRC := $(addprefix libnet/exos/,shm.c pipe.c lrpc.c lrpc_gates.S)
# Paging by the program itself, and its policies (exos/pager.h).
PAGER_SRC := $(addprefix libnet/exos/,pager.c replace.c)
exos_objects = $(addprefix $(B)/u/,$(addsuffix .o,$(basename $(1))))
define program
$(B)/$(1).elf: libnet/exos/program.ld $(call exos_objects,$(EXOS_SRC) $(EXOS_LIB)) $(2)
	@$(ULINK) -o $$@ -Wl,-T $$^ $(NEWLIB)/lib/libc.a
ALL += $(B)/$(1).elf
PROGRAMS += $(B)/$(1).elf
endef

tenant_of = $(addprefix $(B)/$(1)/tenant/,$(addprefix lwip/,$(LWIP_SRC:=.o)) \
              $(addprefix libnet/,$(STACK:=.o) tenant.o)) \
            $(addprefix $(B)/$(1)/libnet/,$(PURE:=.o)) $(FUSION:%=$(B)/$(1)/%.o)

owner_of  = $(addprefix $(B)/$(1)/owner/,$(addprefix lwip/,$(LWIP_SRC:=.o) core/dns.o) \
              $(addprefix libnet/,$(STACK:=.o) resident.o nic.o)) \
            $(addprefix $(B)/$(1)/libnet/,$(PURE:=.o)) $(FUSION:%=$(B)/$(1)/%.o)
# What a program links beside its own objects to use the interface.
TENANT_LIB := $(call tenant_of,u) $(B)/u/tenant/libnet/stack.o $(B)/u/tenant/libnet/session.o $(B)/u/tenant/libnet/nic.o \
              $(B)/u/libnet/exos/random.o $(B)/u/dpf/build.o
HANDLER_LIB := $(B)/u/libnet/handler.o $(B)/u/libnet/syn_proxy.o $(ASH_OBJECT:%.c=$(B)/u/%.o)
OWNER_LIB  := $(call owner_of,u) $(B)/u/libnet/exos/random.o $(B)/u/dpf/build.o

# --- Host tests: the sources each exercises, with the sanitizers on ---
$(B)/s/libnet/test/heap_test:     $(B)/s/libnet/heap.o
$(B)/s/libnet/test/elf_test:      $(B)/s/libnet/exos/elf.o
$(B)/s/libnet/test/share_test:    $(B)/s/libnet/share.o
$(B)/s/libnet/test/ring_test:     $(B)/s/libnet/ring.o
$(B)/s/libnet/test/checksum_test: $(B)/s/libnet/checksum.o
$(B)/s/libnet/test/copysum_test:  $(addprefix $(B)/s/,libnet/copysum.o libnet/checksum.o $(FUSION:=.o))
$(B)/s/libnet/test/siphash_test:  $(B)/s/libnet/siphash.o
$(B)/s/tenant/libnet/test/tenant_test: $(call tenant_of,s) $(B)/s/tenant/libnet/session.o

LIBNET_TESTS := $(addprefix $(B)/s/libnet/test/,heap_test elf_test share_test ring_test \
                  checksum_test copysum_test siphash_test) $(B)/s/tenant/libnet/test/tenant_test
$(LIBNET_TESTS): %: %.o ; $(CC) $(SFLAGS) -o $@ $^ -lcmocka
TESTS    += $(LIBNET_TESTS)
TESTDEPS += $(LIBNET_TESTS)
