/* libnet/exos/gates.S - saving and restoring, in ring 3. See context.h, exo/env.h.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"

	.set number, 0
#define S(n, name, text, ...) .set SYS_##name, number; .set number, number + 1;
#include "exo/syscalls.def"
#undef S

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
#define FAULT_STACK     4096
#define EXCEPTION_TOP   (exception_stack + EXCEPTION_STACK)
#define FAULT_TOP       (fault_stack + FAULT_STACK)
#define PAGE_FAULT      14

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

/* Go on after context_yield. rax: its result. */
yielded:
	cmpl $0, context_depth
	jne 1f
	movl $0, MASKED
	cmpl $0, PENDING
	jne 2f
1:	ret
2:	mov %rax, %rdi
	jmp context_unmasked

/* long context_yield(to): what context_mask, context_switch and context_unmask do, in fewer
 * instructions. */
	.globl context_yield
context_yield:
	push $yielded
	movl $1, MASKED
	mov $SYS_yield, %ecx

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
	movq $1f, resume_way
	.globl context_resume_lo, context_resume_hi
context_resume_lo:
	jmp *resume_way
1:	mov resume_frame, %rsp
	movl $1, MASKED
	cmpl $0, PENDING
	jne again
	push 16(%rsp)
	popfq
	movl $0, MASKED
	mov resume_rsp, %rsp
	jmp *resume_rip
after_fault:                        /* the same, of what is still in the save area */
	movl $1, MASKED
	cmpl $0, PENDING
	jne upcall_first
	mov $FAULT_TOP, %esp
	push EXCEPTION + FRAME + 16
	popfq
	movl $0, MASKED
	mov EXCEPTION + FRAME + 24, %rsp
	jmp *EXCEPTION + FRAME
context_resume_hi:

/* Something has come up: on the exception stack, as after an exception. */
upcall_first:
	mov EXCEPTION + FRAME + 24, %rsp
	cmp $exception_stack, %rsp
	jb 1f
	cmp $EXCEPTION_TOP, %rsp
	jbe 2f
1:	mov $EXCEPTION_TOP, %esp
2:	PUSH_FRAME EXCEPTION
	jmp again

/* exception_entry, with a handler for page faults: that runs masked on a stack of its own, and the
 * save area keeps the frame, rax, rcx and rdx; it uses no floating-point register. */
	.globl context_fault_entry
context_fault_entry:
	cmp $PAGE_FAULT, %eax
	jne context_exception_entry
	mov $FAULT_TOP, %esp
	push MASKED
	movl $1, MASKED
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	mov %rdx, %rdi
	mov EXCEPTION + ERROR, %rsi
	call *context_fault_handler
	test %al, %al
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	jz 2f
	mov EXCEPTION + RAX, %rax
	mov EXCEPTION + RCX, %rcx
	mov EXCEPTION + RDX, %rdx
	movl $0, ACTIVE
	cmpl $0, (%rsp)
	jne 1f
	movq $after_fault, resume_way
	jmp context_resume_lo
1:	push EXCEPTION + FRAME + 16 /* it was masked, and stays so */
	popfq
	mov EXCEPTION + FRAME + 24, %rsp
	jmp *EXCEPTION + FRAME
2:	mov (%rsp), %edx
	mov EXCEPTION + FRAME + 24, %rsp
	jmp 3f

/* exception_entry: rax, rcx, rdx are in the save area. The handler runs masked, on the
 * exception stack; on top of what is there, if the exception came from there. */
	.globl context_exception_entry
context_exception_entry:
	mov MASKED, %edx
	movl $1, MASKED
3:	mov %rsp, %rax
	sub $exception_stack, %rax
	cmp $EXCEPTION_STACK, %rax
	jbe 1f
	mov $EXCEPTION_TOP, %esp
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
fault_stack:
	.skip FAULT_STACK
	.globl context_rsp
context_rsp:
	.skip 8
resume_frame:
	.skip 8
resume_rsp:
	.skip 8
resume_rip:
	.skip 8
resume_way:                         /* how the resume range goes on */
	.skip 8

	.section .note.GNU-stack, "", @progbits
