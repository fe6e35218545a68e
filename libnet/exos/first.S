/* libnet/exos/first.S - start code of a first program: a flat image in read-only pages
 * (exo/image.h). It gets pages for its data, fills them from the image, and calls
 * first_main(slot of the first data page) on a stack of its own. Linked by first.ld.
 * SPDX-License-Identifier: ISC */
#include "exo/image.h"

	.set number, 0
#define S(n, name, text, ...) .set SYS_##name, number; .set number, number + 1;
#include "exo/syscalls.def"
#undef S
#define PAGE_ANY 0xffffffff
#define PROT_RW  3
#define FIRST_STACK 65536

	.section .first, "ax"
	.ascii EXO_FIRST_MAGIC
	.globl first_start
first_start:
	mov $SYS_page_alloc, %eax
	mov $PAGE_ANY, %edi
	mov $first_data_pages, %esi
	syscall
	test %rax, %rax
	js 1f
	mov %eax, %ebx              /* the slot; rbx survives a call */
	mov $SYS_page_map, %eax
	xor %edi, %edi              /* SLOT_SELF */
	mov $first_data, %esi
	mov %ebx, %edx
	mov $first_data_pages, %r10d
	mov $PROT_RW, %r8d
	syscall
	test %rax, %rax
	js 1f
	mov $first_data_image, %esi
	mov $first_data, %edi
	mov $first_data_bytes, %ecx
	rep movsb
	mov $first_stack + FIRST_STACK, %esp
	xor %ebp, %ebp
	mov %ebx, %edi
	call first_main
1:	mov %eax, %esi              /* over, with what main returned */
	mov $SYS_env_destroy, %eax
	xor %edi, %edi
	syscall
	jmp 1b

	.bss
	.balign 16
first_stack:
	.skip FIRST_STACK

	.section .note.GNU-stack, "", @progbits
