/* kernel/start.S - from the multiboot loader to kernel_main in 64-bit mode.
 *
 * Multiboot 1 (specification 0.6.96) with the a.out address fields, so that loaders
 * which do not read 64-bit ELF take the image as a flat run of bytes.
 * SPDX-License-Identifier: ISC */
#include "kernel/entry.h"

#define KVMA       0xffffffff80000000
#define PHYS(sym)  (sym - KVMA)
#define MB_MAGIC   0x1badb002
#define MB_FLAGS   0x00010003 /* page-aligned modules, memory map, address fields */
#define MB_LOADED  0x2badb002

	.section .multiboot, "ax"
	.balign 4
multiboot_header:
	.long MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)
	.long PHYS(multiboot_header), PHYS(image_start), PHYS(data_end), PHYS(image_end)
	.long PHYS(boot_start)

	.text
	.code32
	.globl boot_start
boot_start:
	cli
	cld
	mov %eax, %ebp
	rdtsc
	mov %eax, PHYS(boot_tsc)
	mov %edx, PHYS(boot_tsc) + 4
	mov $PHYS(no_loader), %esi
	cmp $MB_LOADED, %ebp
	jne complain

	mov %ebx, %edi              /* the multiboot information, for kernel_main */
	mov $PHYS(no_long_mode), %esi
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb complain
	mov $0x80000001, %eax
	cpuid
	and $(1 << 29 | 1 << 20), %edx /* long mode, NX */
	cmp $(1 << 29 | 1 << 20), %edx
	jne complain

	/* The first GB, three times: identity, direct map, kernel image. */
	mov $PHYS(boot_pdpt) + 3, %eax
	mov %eax, PHYS(boot_pml4)
	mov %eax, PHYS(boot_pml4) + 256 * 8
	mov %eax, PHYS(boot_pml4) + 511 * 8
	mov $PHYS(boot_pd) + 3, %eax
	mov %eax, PHYS(boot_pdpt)
	mov %eax, PHYS(boot_pdpt) + 510 * 8
	mov $PHYS(boot_pd), %ebx
	mov $0x83, %eax             /* present, writable, 2 MB */
1:	mov %eax, (%ebx)
	add $8, %ebx
	add $0x200000, %eax
	cmp $0x40000083, %eax
	jne 1b

	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3
	mov $0x20, %eax             /* PAE */
	mov %eax, %cr4
	mov $0xc0000080, %ecx       /* EFER: LME, NXE, SCE */
	mov $0x901, %eax
	xor %edx, %edx
	wrmsr
	mov $0x80010001, %eax       /* PG, WP, PE; no cache disable */
	mov %eax, %cr0
	lgdt PHYS(boot_gdt_ptr)
	ljmp $8, $PHYS(boot64)

	/* Say what is wrong on the first serial port and stop. esi: text */
complain:
	mov $0x3f8, %edx
1:	lodsb
	test %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	mov $0xf4, %edx             /* ends QEMU with a failing status */
	mov $1, %al
	outb %al, %dx
	hlt
	jmp 2b

	.code64
boot64:
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	movabs $1f, %rax
	jmp *%rax
1:	mov $cpu0 + KSTACK_SIZE - CPU_SIZE, %rsp
	xor %ebp, %ebp
	mov %edi, %edi
	call kernel_main
	ud2

	.section .rodata
no_loader:
	.asciz "exonet: not started by a multiboot loader\r\n"
no_long_mode:
	.asciz "exonet: this CPU lacks 64-bit mode or no-execute pages\r\n"
	.balign 8
boot_gdt:
	.quad 0, 0x00af9b000000ffff
boot_gdt_ptr:
	.word 15
	.long PHYS(boot_gdt)

	.section .bss.page, "aw", @nobits
	.balign 4096
boot_pml4:	.skip 4096
boot_pdpt:	.skip 4096
boot_pd:	.skip 4096
	.globl boot_tsc
boot_tsc:	.skip 8
	.balign 4096

	.section .note.GNU-stack, "", @progbits
