# kernel/: the exokernel, one ELF that a multiboot loader takes.
# SPDX-License-Identifier: ISC
KERNEL_SRC := $(addprefix kernel/,start.S entry.S boot.c cap.c chain.c code.c copysum.c cpu.c device.c \
                env.c filter.c first.c fragment.c generation.c handler.c info.c kmap.c log.c main.c net.c page.c pair.c panic.c pci.c \
                pipes.c power.c pt.c revoke.c ring.c sched.c siphash.c stlb.c string.c tee.c sys.c sys_cap.c \
                sys_device.c sys_env.c sys_net.c sys_page.c sys_pair.c table.c timer.c transfer.S trap.c upcall.c user.c \
                virtio.c virtio_net.c wait.c \
                window.c)
KERNEL_OBJ := $(addsuffix .o,$(addprefix $(B)/k/,$(basename $(KERNEL_SRC))))

KERNEL_OBJ += $(DPF:%.c=$(B)/k/%.o) $(ASH:%.c=$(B)/k/%.o)
# For tests, a kernel whose objects have had nearly all of their generations.
AGED_OBJ := $(KERNEL_OBJ:%/kernel/generation.o=%/kernel/test/generation.o)
# And one that trusts its caller.
CARELESS_OBJ := $(KERNEL_OBJ:%/kernel/power.o=%/kernel/test/power.o)

# The kernel is optimised as one program: a tenth of its instructions. What gcc itself
# calls (memcpy and its like) must be there when that is done, so it is compiled apart.
KLTO := -flto=auto -fuse-linker-plugin
$(sort $(KERNEL_OBJ) $(AGED_OBJ) $(CARELESS_OBJ)): KFLAGS += $(KLTO)
$(B)/k/kernel/string.o: KFLAGS += -fno-lto

$(B)/kernel.elf: kernel/kernel.ld $(KERNEL_OBJ)
$(B)/kernel-aged.elf: kernel/kernel.ld $(AGED_OBJ)
$(B)/kernel-careless.elf: kernel/kernel.ld $(CARELESS_OBJ)
$(addprefix $(B)/,kernel.elf kernel-aged.elf kernel-careless.elf):
	@$(CC) $(KFLAGS) $(KLTO) -no-pie -nostdlib -static \
		-Wl,-z,noexecstack,-z,max-page-size=16384,--build-id=none -o $@ -Wl,-T $^
	@nm -n $@ > $(@:.elf=.sym)
ALL += $(addprefix $(B)/,kernel.elf kernel-aged.elf kernel-careless.elf)
