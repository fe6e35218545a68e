# kernel/: the exokernel, one ELF that a multiboot loader takes.
# SPDX-License-Identifier: ISC
KERNEL_SRC := $(addprefix kernel/,start.S entry.S boot.c cap.c code.c copysum.c cpu.c env.c filter.c \
                first.c handler.c info.c kmap.c log.c main.c net.c page.c panic.c pci.c power.c pt.c \
                revoke.c ring.c sched.c siphash.c string.c sys.c sys_cap.c sys_env.c sys_net.c \
                sys_page.c timer.c transfer.S trap.c upcall.c user.c virtio.c virtio_net.c wait.c \
                window.c)
KERNEL_OBJ := $(addsuffix .o,$(addprefix $(B)/k/,$(basename $(KERNEL_SRC))))

$(B)/kernel.elf: kernel/kernel.ld $(KERNEL_OBJ) $(DPF:%.c=$(B)/k/%.o) $(ASH:%.c=$(B)/k/%.o)
	$(LD) -z noexecstack -nostdlib -z max-page-size=16384 -o $@ -T $^
	@nm -n $@ > $(B)/kernel.sym
ALL += $(B)/kernel.elf
