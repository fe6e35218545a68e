/* kernel/entry.S - every way into the kernel, and the way back to ring 3.
 *
 * There is one kernel stack for each CPU and nothing stays on it: a call either returns
 * or ends in enter_user, which forgets the stack. struct cpu lies right above
 * the stack, so that after an entry from ring 3 it is at a known distance from rsp
 * and no gate needs swapgs but the system call's, which has no stack to start with.
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

	.text

/* System call: rcx, r11 hold rip, rflags; rsp is still the caller's. */
	.globl syscall_entry
syscall_entry:
	swapgs
	mov %rsp, %gs:CPU_USER_RSP
	mov %gs:CPU_STACK, %rsp
	swapgs
	cmp syscall_count, %rax
	jae 1f
	push %rcx
	push %r11
	mov %r10, %rcx
	call *syscall_table(, %rax, 8)
	pop %r11
	pop %rcx
2:	mov CPU_USER_RSP(%rsp), %rsp /* rsp was the stack's top: struct cpu */
	xor %edi, %edi              /* nothing of the kernel's stays in a register */
	xor %esi, %esi
	xor %edx, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	xor %r9d, %r9d
	sysretq
1:	mov syscall_nosys, %rax
	jmp 2b

/* void enter_user(rip, argument): begin a slice. Every register but rdi is cleared. */
	.globl enter_user
enter_user:
	mov %rdi, %rcx
	mov %rsi, %rdi
	mov $USER_FLAGS, %r11d
	xor %eax, %eax
	xor %ebx, %ebx
	xor %edx, %edx
	xor %esi, %esi
	xor %ebp, %ebp
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
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
 * On entry: error code (or 0) pushed, as the CPU does. */
	.macro EXCEPTION vector, has_error=0
exception_\vector:
	.if !\has_error
	push $0
	.endif
	push %rax
	mov $\vector, %eax
	jmp exception_common
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

/* Stack, from rsp: rax, error, rip, cs, rflags, rsp, ss. eax: vector. */
exception_common:
	CLEAR_AC
	testb $3, 24(%rsp)
	jz exception_fatal
	push %rcx
	mov CPU_ENVPAGE + 64(%rsp), %rcx
	cmpl $0, EP_ACTIVE(%rcx)
	jne 1f
	mov %rdx, EP_SAVE + SAVE_RDX(%rcx)
	mov EP_EXCEPTION_ENTRY(%rcx), %rdx
	cmp user_top, %rdx          /* below it, iretq cannot fault */
	jae 2f
	test %rdx, %rdx
	jz 2f
	push 24(%rsp)
	pop EP_SAVE + SAVE_RIP(%rcx)
	mov %rdx, 24(%rsp)
	mov %rax, EP_SAVE + SAVE_CAUSE(%rcx)
	pop EP_SAVE + SAVE_RCX(%rcx)
	pop EP_SAVE + SAVE_RAX(%rcx)
	pop EP_SAVE + SAVE_ERROR(%rcx)
	push 16(%rsp)
	pop EP_SAVE + SAVE_RFLAGS(%rcx)
	push 24(%rsp)
	pop EP_SAVE + SAVE_RSP(%rcx)
	movq $USER_FLAGS, 16(%rsp)
	movl $1, EP_ACTIVE(%rcx)
	mov %cr2, %rdx
	mov %rdx, EP_SAVE + SAVE_ADDRESS(%rcx)
	mov EP_SAVE + SAVE_RIP(%rcx), %rcx
	iretq

2:	mov EP_SAVE + SAVE_RDX(%rcx), %rdx
1:	pop %rcx
/* No handler, a fault in the handler, or a fault of the kernel's own. */
exception_fatal:
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	cld
	mov %rsp, %rdi
	mov %eax, %esi
	call exception
	ud2

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
	INTERRUPT 0x2f

interrupt_common:
	CLEAR_AC
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	cld
	mov %rsp, %rdi
	mov %eax, %esi
	call interrupt
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
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
#define S(n, name, text, ...) .quad sys_##name;
#include "exo/syscalls.def"
#undef S
syscall_count:
	.quad (. - syscall_table) / 8

/* What the IDT is made of: entry points by vector, 0 where there is none. */
	.globl vector_table
vector_table:
	.quad exception_0, exception_1, exception_2, exception_3
	.quad exception_4, exception_5, exception_6, exception_7
	.quad exception_8, exception_9, exception_10, exception_11
	.quad exception_12, exception_13, exception_14, exception_15
	.quad exception_16, exception_17, exception_18, exception_19
	.quad exception_20, exception_21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	.quad interrupt_0x20, interrupt_0x21, interrupt_0x22, 0, 0, 0, 0, 0
	.quad 0, 0, 0, 0, 0, 0, 0, interrupt_0x2f

	.section .note.GNU-stack, "", @progbits
