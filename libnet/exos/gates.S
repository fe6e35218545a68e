/* libnet/exos/gates.S - saving and restoring, in ring 3. See context.h, exo/env.h.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"

/* Offsets in struct exo_envpage, as context.c asserts. */
#define MASKED     (EXO_ENVPAGE + 40)
#define PENDING    (EXO_ENVPAGE + 44)
#define ACTIVE     (EXO_ENVPAGE + 48)
#define EXCEPTION  (EXO_ENVPAGE + 56)
#define UPCALL     (EXO_ENVPAGE + 144)
#define RAX        0
#define RCX        8
#define RDX        16
#define CAUSE      24
#define ERROR      32
#define ADDRESS    40
#define FRAME      48

#define EXCEPTION_STACK 8192

	.macro PUSH_REST
	push %rbx
	push %rsi
	push %rdi
	push %rbp
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.macro POP_REST
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rbx
	.endm

	.macro PUSH_FRAME save
	push \save + FRAME + 32
	push \save + FRAME + 24
	push \save + FRAME + 16
	push \save + FRAME + 8
	push \save + FRAME
	.endm

	/* rsp points to a frame: note it, and where it leads. Changes no register. */
	.macro SET_RESUME
	mov %rsp, resume_frame
	push (%rsp)
	pop resume_rip
	push 24(%rsp)
	pop resume_rsp
	.endm

	.text

/* long context_switch(a, b, c, number): a system call that ends the slice, upcalls masked. Returns
 * its error, or 0 in a later slice; upcalls are masked then. */
	.globl context_switch
context_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, context_rsp
	mov %ecx, %eax
	syscall                     /* only an error goes on behind it */

/* start_entry: go on where the last slice ended. rax is 0. */
	.globl context_start
context_start:
	mov context_rsp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

/* upcall_entry: save everything on the stack that was interrupted. */
	.globl context_upcall_entry
context_upcall_entry:
	PUSH_FRAME UPCALL
	mov UPCALL + RAX, %rax
	mov UPCALL + RCX, %rcx
	mov UPCALL + RDX, %rdx
again:	push %rax
	push %rcx
	push %rdx
	PUSH_REST
	cld
	mov %rsp, %rbp
	sub $512, %rsp
	and $-64, %rsp
	fxsave64 (%rsp)
	call context_upcall
	fxrstor64 (%rsp)
	mov %rbp, %rsp
	POP_REST
	pop %rdx
	pop %rcx
	pop %rax

/* Unmask and return, as one step: the kernel restarts an interrupted run of these at the
 * first, with the general registers as they are. Not iretq: the frame would have to be
 * on a stack that both may use, and QEMU 7.2 pops it with supervisor accesses, which SMAP
 * refuses in ring 3; this is also the cheaper sequence. */
resume:	SET_RESUME
	.globl context_resume_lo, context_resume_hi
context_resume_lo:
	mov resume_frame, %rsp
	movl $1, MASKED
	cmpl $0, PENDING
	jne again
	push 16(%rsp)
	popfq
	movl $0, MASKED
	mov resume_rsp, %rsp
	jmp *resume_rip
context_resume_hi:

/* exception_entry: rax, rcx, rdx are in the save area. The handler runs masked, on the
 * exception stack; on top of what is there, if the exception came from there. */
	.globl context_exception_entry
context_exception_entry:
	mov MASKED, %edx
	movl $1, MASKED
	mov %rsp, %rax
	sub $exception_stack, %rax
	cmp $EXCEPTION_STACK, %rax
	jbe 1f
	mov $exception_stack + EXCEPTION_STACK, %esp
1:	push %rdx                   /* masked, as it was */
	PUSH_FRAME EXCEPTION
	push EXCEPTION + ADDRESS
	push EXCEPTION + ERROR
	push EXCEPTION + CAUSE
	push EXCEPTION + RAX
	push EXCEPTION + RCX
	push EXCEPTION + RDX
	PUSH_REST
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	sub $512, %rsp
	and $-64, %rsp
	fxsave64 (%rsp)
	call context_exception
	fxrstor64 (%rsp)
	mov %rbp, %rsp
	POP_REST
	pop %rdx
	pop %rcx
	pop %rax
	lea 24(%rsp), %rsp          /* cause, error, address */
	movl $0, ACTIVE
	cmpl $0, 40(%rsp)
	je resume
	SET_RESUME
	push 16(%rsp)
	popfq
	mov resume_rsp, %rsp
	jmp *resume_rip

	.bss
	.balign 64
exception_stack:
	.skip EXCEPTION_STACK
context_rsp:
	.skip 8
resume_frame:
	.skip 8
resume_rsp:
	.skip 8
resume_rip:
	.skip 8

	.section .note.GNU-stack, "", @progbits
