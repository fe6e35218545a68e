/* kernel/entry.S - every way into the kernel, and the way back to ring 3.
 *
 * There is one kernel stack for each CPU and nothing stays on it: a call either returns
 * or ends in enter_user, which forgets the stack. struct cpu lies right above
 * the stack, so that after an entry from ring 3 it is at a known distance from rsp
 * and no gate needs swapgs.
 *
 * Interrupts are off in the kernel except while it waits in cpu_idle.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/entry.h"

	/* clac, noted so that a CPU without SMAP can have it patched away. */
	.macro CLEAR_AC
77:	clac
	.pushsection .clac_sites, "a"
	.quad 77b
	.popsection
	.endm

	/* With rax, rcx and rdx, which the ways in save themselves: what a C function may change. */
	.macro PUSH_ARGUMENTS
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	.endm
	.macro POP_ARGUMENTS
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	.endm

	.text

/* System call: rcx, r11 hold rip, rflags; rsp is still the caller's. Only al counts as the number:
 * a table for every value needs no comparison to guess wrong. Each call has a gate of its
 * own; those of transfer.S do without a stack. */
	.globl syscall_entry
syscall_entry:
	movzbl %al, %eax
	jmp *syscall_table(, %rax, 8)

/* The gate of a call in C. The address of syscall_entry is in a register of each CPU: it belongs to
 * one, and its gates find its stack by name. */
	.macro GATE arguments, name, label
	.balign 16
	.globl \label
\label:
	mov %rsp, cpu0 + KSTACK_SIZE - CPU_SIZE + CPU_USER_RSP(%rip)
	lea cpu0 + KSTACK_SIZE - CPU_SIZE(%rip), %rsp
	push %rcx
	push %r11
	.if \arguments > 3
	mov %r10, %rcx
	.endif
	call sys_\name
	pop %r11
	pop %rcx
	xor %edi, %edi              /* nothing of the kernel's stays in a register */
	xor %esi, %esi
	xor %edx, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	xor %r9d, %r9d
	pop %rsp                    /* rsp was the stack's top: struct cpu */
	sysretq
	.endm

	.macro C_GATE arguments, name
	.ifc \name, yield
	GATE \arguments, \name, yield_by_c /* what gate_yield leaves to it */
	.else
	.ifnc \name, call
	.ifnc \name, send
	GATE \arguments, \name, gate_\name
	.endif
	.endif
	.endif
	.endm

	C_GATE 0, none
#define S(n, name, text, ...) C_GATE n, name;
#include "exo/syscalls.def"
#undef S

/* void enter_user(rip, argument): begin a slice. Every register but rdi is cleared. */
	.globl enter_user
enter_user:
	mov %rdi, %rcx
	mov %rsi, %rdi
	mov $USER_FLAGS, %r11d
	xor %eax, %eax
	CLEAR_REGISTERS
	xor %esp, %esp
	sysretq

/* void cpu_idle(void): wait for one interrupt. Returns with interrupts off. */
	.globl cpu_idle
cpu_idle:
	sti
	hlt
	cli
	ret

/* Exceptions. From ring 3 the kernel stores three registers and the frame in the
 * environment's save area and jumps to its handler; the handler resumes by itself.
 * On entry: error code (or 0) pushed, as the CPU does. What comes before the slow path
 * touches the kernel's memory only, so that it can do without clac. A handler at 0 is none:
 * entering it faults again, and exception() reports the first fault. */
	.macro EXCEPTION vector, has_error=0
	.balign 16
exception_\vector:
	.if !\has_error
	push $0
	.endif
	push %rcx                   /* stack: rcx, error, rip, cs, rflags, rsp, ss, struct cpu */
	testb $3, 24(%rsp)
	jz 2f
	.if \vector == 14
	testb $1, 8(%rsp)           /* 0: the page is not present */
	jz refill
dispatch:
	.endif
	mov CPU_ENVPAGE + 56(%rsp), %rcx
	cmpl $0, EP_ACTIVE(%rcx)
	jne 2f
	mov %rdx, EP_SAVE + SAVE_RDX(%rcx)
	mov EP_EXCEPTION_ENTRY(%rcx), %rdx
	cmp user_top, %rdx          /* below it, iretq cannot fault */
	jae 1f
	mov %rax, EP_SAVE + SAVE_RAX(%rcx)
	pop EP_SAVE + SAVE_RCX(%rcx)
	pop EP_SAVE + SAVE_ERROR(%rcx)
	movq $\vector, EP_SAVE + SAVE_CAUSE(%rcx)
	mov (%rsp), %rax
	mov %rax, EP_SAVE + SAVE_RIP(%rcx)
	mov %rdx, (%rsp)
	mov 16(%rsp), %rdx
	mov %rdx, EP_SAVE + SAVE_RFLAGS(%rcx)
	mov 24(%rsp), %rdx
	mov %rdx, EP_SAVE + SAVE_RSP(%rcx)
	movq $USER_FLAGS, 16(%rsp)
	movl $1, EP_ACTIVE(%rcx)
	.if \vector == 14
	mov %cr2, %rdx
	mov %rdx, EP_SAVE + SAVE_ADDRESS(%rcx)
	.else
	xor %edx, %edx
	.endif
	mov %rax, %rcx
	mov $\vector, %eax
	iretq
1:	mov EP_SAVE + SAVE_RDX(%rcx), %rdx
2:	pop %rcx
	push %rax
	mov $\vector, %eax
	jmp exception_fatal
	.endm

	EXCEPTION 0
	EXCEPTION 1
	EXCEPTION 3
	EXCEPTION 4
	EXCEPTION 5
	EXCEPTION 6
	EXCEPTION 7
	EXCEPTION 9
	EXCEPTION 10, 1
	EXCEPTION 11, 1
	EXCEPTION 12, 1
	EXCEPTION 13, 1
	EXCEPTION 14, 1
	EXCEPTION 15
	EXCEPTION 16
	EXCEPTION 17, 1
	EXCEPTION 19
	EXCEPTION 20
	EXCEPTION 21, 1

/* A page is not present. If the software TLB has the mapping (stlb.h) and its table is the one
 * looked up last, copy it there and repeat the access. */
refill:
	mov CPU_ENV + 56(%rsp), %rcx
	cmpl $0, ENV_SPILLED(%rcx)
	je dispatch
	push %rax
	push %rdx
	mov %cr2, %rdx
	xor ENV_SPACE(%rcx), %rdx
	shr $12, %rdx               /* the tag */
	mov %edx, %eax
	and $STLB_ENTRIES - 1, %eax
	shl $3, %eax
	add CPU_STLB + 72(%rsp), %rax
	cmp %rdx, (%rax)
	jne 1f
	xor ENV_TABLE_TAG(%rcx), %rdx /* the index in that table */
	cmp $511, %rdx
	ja 2f
	mov STLB_E(%rax), %rax
	test %rax, %rax
	jz 1f
	mov ENV_TABLE(%rcx), %rcx
	mov %rax, (%rcx, %rdx, 8)
	incq info + INFO_REFILLS
	pop %rdx
	pop %rax
	pop %rcx
	add $8, %rsp
	iretq
1:	pop %rdx
	pop %rax
	jmp dispatch

2:	PUSH_ARGUMENTS              /* the table must be found, or made */
	CLEAR_AC
	cld
	mov %cr2, %rdi
	call pt_refill
	test %al, %al
	POP_ARGUMENTS
	pop %rdx
	pop %rax
	jz dispatch
	pop %rcx
	add $8, %rsp
	iretq

/* No handler, a fault in the handler, or a fault of the kernel's own. Stack, from rsp: rax,
 * error, rip, cs, rflags, rsp, ss. eax: vector. */
exception_fatal:
	CLEAR_AC
	push %rcx
	push %rdx
	PUSH_ARGUMENTS
	cld
	mov %rsp, %rdi
	mov %eax, %esi
	call exception
	jmp resume                  /* a handler's fault: it goes on where it must */

/* Interrupts: transparent to the environment, unless the C code below turns the
 * frame into an upcall. */
	.macro INTERRUPT vector
interrupt_\vector:
	push $0
	push %rax
	mov $\vector, %eax
	jmp interrupt_common
	.endm

	INTERRUPT 0x20
	INTERRUPT 0x21
	INTERRUPT 0x22
	INTERRUPT 0x23
	INTERRUPT 0x2f

/* The same for each line that an environment may own, at equal distances. */
#define IRQ_STUB 16
	.balign IRQ_STUB
interrupt_irq:
	.set vector, VEC_IRQ
	.rept IRQ_LINES
	push $0
	push %rax
	mov $vector, %eax
	jmp interrupt_common
	.balign IRQ_STUB
	.set vector, vector + 1
	.endr

interrupt_common:
	CLEAR_AC
	push %rcx
	push %rdx
	PUSH_ARGUMENTS
	cld
	mov %rsp, %rdi
	mov %eax, %esi
	call interrupt
resume:	POP_ARGUMENTS
	pop %rdx
	pop %rcx
	pop %rax
	add $8, %rsp
	iretq

/* NMI, double fault, machine check: stacks of their own, and the end. */
	.macro LAST_WORDS vector, has_error=0
exception_\vector:
	.if !\has_error
	push $0
	.endif
	push %rax
	mov $\vector, %eax
	jmp exception_fatal
	.endm

	LAST_WORDS 2
	LAST_WORDS 8, 1
	LAST_WORDS 18

	.section .rodata
	.balign 8
	.globl user_top
user_top:
	.quad EXO_USER_TOP

syscall_table:
#define S(n, name, text, ...) .quad gate_##name;
#include "exo/syscalls.def"
#undef S
	.rept 256 - (. - syscall_table) / 8
	.quad gate_none
	.endr

/* What the IDT is made of: entry points by vector, 0 where there is none. */
	.globl vector_table
vector_table:
	.quad exception_0, exception_1, exception_2, exception_3
	.quad exception_4, exception_5, exception_6, exception_7
	.quad exception_8, exception_9, exception_10, exception_11
	.quad exception_12, exception_13, exception_14, exception_15
	.quad exception_16, exception_17, exception_18, exception_19
	.quad exception_20, exception_21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	.quad interrupt_0x20, interrupt_0x21, interrupt_0x22, interrupt_0x23, 0, 0, 0, 0
	.quad 0, 0, 0, 0, 0, 0, 0, interrupt_0x2f
	.set stub, interrupt_irq
	.rept IRQ_LINES
	.quad stub
	.set stub, stub + IRQ_STUB
	.endr

	.section .note.GNU-stack, "", @progbits
