/* kernel/transfer.S - protected control transfer (SOSP '95, section 5.4), and the short way to
 * yield to somebody.
 *
 * The register file is the message: rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r12..r15 arrive as
 * the caller had them. What the kernel sets: rax, the caller's id, which nobody can
 * forge; rcx, r11, which syscall takes; rsp, 0.
 *
 * These gates use no stack: rsp is the caller's until they are done. rcx keeps the way back until
 * nothing can fail. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/entry.h"

#define CPU(field) cpu0 + KSTACK_SIZE - CPU_SIZE + field

	.text

/* rax = where in envs the one is whose id edi is: the index is its low bits, and comparing all of
 * it finds ids that are nobody's. */
	.macro FIND nobody
	mov %edi, %eax
	and $ENV_MAX - 1, %eax
	shl $ENV_SHIFT, %eax
	cmp %edi, envs + ENV_ID(%rax)
	jne \nobody
	.endm

	.macro ENTER page
	movl $1, EP_MASKED(\page)
	mov \page, CPU(CPU_ENVPAGE)
	.endm

/* Load what FIND has found. rax is changed. */
	.macro LOAD
	mov %edi, info + INFO_RUNNING
	lea envs(%rax), %rax
	mov %rax, CPU(CPU_ENV)
	mov ENV_CR3(%rax), %rax
	mov %rax, CPU(CPU_CR3)
	mov %rax, %cr3
	fxrstor64 fpu_initial
	.endm

	.macro TO_USER
	mov $USER_FLAGS, %r11d
	xor %esp, %esp
	sysretq
	.endm

/* edi: id. An entry is 32 bits long: no address that sysret could stumble over. */
	.macro TRANSFER entry, synchronous
	FIND invalid
	mov envs + ENV_PAGE(%rax), %r11
	cmpl $0, envs + ENV_LENT(%rax)
	jne returning
	cmpl $0, EP_OPEN(%r11)
	je busy

	movl $0, EP_OPEN(%r11)      /* Commit: nothing below can fail. */
	mov \entry(%r11), %ecx
	ENTER %r11
	mov CPU(CPU_ENV), %r11      /* the caller */
	.if \synchronous
	mov %edi, ENV_LENT(%r11)
	.endif
	LOAD
	mov ENV_ID(%r11), %eax
	TO_USER
	.endm

/* sys_call - transfer control to an environment, which runs on our slices until it returns,
 * by a sys_call or sys_send to us; that arrives at our own entry.
 *   to  id of an environment; it checks by rax who we are
 * Does not return, unless
 *   -E_INVAL  there is no such environment
 *   -E_AGAIN  it is busy: exo_envpage.open is 0, and it is not waiting for us to return
 * If the callee ends instead of returning, our next slice begins with UPCALL_CALLEE_DIED. */
	.globl sys_call, gate_call
sys_call:
gate_call:
	TRANSFER EP_SYNC_ENTRY, 1

/* sys_send - transfer control to an environment for the rest of this slice. As sys_call, but
 * arrives at its async_entry, and our later slices are our own. Fails as that does: -E_INVAL,
 * -E_AGAIN. */
	.globl sys_send, gate_send
sys_send:
gate_send:
	TRANSFER EP_ASYNC_ENTRY, 0

/* The callee waits for somebody to return. If it is us: */
returning:
	mov CPU(CPU_ENV), %r11
	mov ENV_ID(%r11), %r11d
	cmp %r11d, envs + ENV_LENT(%rax)
	jne busy
	movl $0, envs + ENV_LENT(%rax)
	mov envs + ENV_PAGE(%rax), %rcx
	movl $0, EP_OPEN(%rcx)
	ENTER %rcx
	mov EP_SYNC_ENTRY(%rcx), %ecx
	LOAD
	mov %r11d, %eax
	TO_USER

busy:
	mov syscall_again, %rax
	mov $USER_FLAGS, %r11d
	sysretq
invalid:
	mov syscall_invalid, %rax
	mov $USER_FLAGS, %r11d
	sysretq

	.macro NOW                  /* rax = the time stamp; rdx is changed */
	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	.endm

/* Charge the time up to rax to who gives up the CPU. */
	.macro CHARGE
	mov CPU(CPU_ENV), %rcx
	mov ENV_PUB(%rcx), %rcx
	mov %rax, %rdx
	sub CPU(CPU_CHARGED), %rdx
	add %rdx, PUB_CYCLES(%rcx)
	mov %rax, CPU(CPU_CHARGED)
	.endm

/* Jump to start_entry, r8, of the one at r9 in envs, whose page is rsi and whose id is edi. */
	.macro START
	mov %r9, %rax
	ENTER %rsi
	LOAD
	mov EP_PENDING(%rsi), %edi
	mov %r8, %rcx
	xor %eax, %eax              /* as enter_user and cpu_clean do */
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	CLEAR_REGISTERS
	TO_USER
	.endm

/* sys_yield to an environment that is known to be willing: it has run, and has not gone to sleep
 * since. Everything else is for C. A start_entry of 0 faults in ring 3, as it should. */
	.globl gate_yield
gate_yield:
	FIND yield_to_next
	cmpl $0, envs + ENV_AWAKE(%rax)
	je yield_by_c
	cmpb $0, CPU(CPU_OVER)      /* there is nothing left to give */
	jne yield_by_c
	mov envs + ENV_PAGE(%rax), %rsi
	mov EP_START_ENTRY(%rsi), %r8
	cmp user_top, %r8
	jae yield_by_c

	mov %rax, %r9               /* Commit. */
	NOW
	CHARGE
	START

/* To nobody: to the next position in the vector, if there is nothing else to look after, and if its
 * owner is known to be willing, lends its slices to nobody and owes nothing. What sched_run does
 * of that. All registers but edi are free: such a call does not return. */
yield_to_next:
	test %edi, %edi
	jnz yield_by_c
	NOW
	cmp net_due, %rax
	jae yield_by_c
	mov net_polled, %ecx
	or revoke_asked, %ecx
	jnz yield_by_c
	mov info + INFO_SLICE_NOW, %r11d
	lea 1(%r11), %ecx
	mov sched_owned, %rdx
	ror %cl, %rdx
	bsf %rdx, %rdx
	jz yield_by_c
	add %ecx, %edx
	and $SLICE_MAX - 1, %edx
	mov slices(, %rdx, 8), %r10d /* its owner, who is alive */
	mov %r10d, %r9d
	and $ENV_MAX - 1, %r9d
	shl $ENV_SHIFT, %r9d
	cmpl $0, envs + ENV_AWAKE(%r9)
	je yield_by_c
	cmpl $0, envs + ENV_LENT(%r9)
	jne yield_by_c
	mov envs + ENV_PUB(%r9), %rbx
	movzwl PUB_EXCESS(%rbx), %ecx
	or PUB_DEBT(%rbx), %rcx
	jnz yield_by_c
	mov envs + ENV_PAGE(%r9), %rsi
	mov EP_START_ENTRY(%rsi), %r8
	test %r8, %r8
	jz yield_by_c
	cmp user_top, %r8
	jae yield_by_c

	mov %r10d, %edi             /* Commit. */
	cmp %edx, %r11d
	sbbq $-1, sched_rounds      /* one more, unless the position is further on */
	mov %edx, info + INFO_SLICE_NOW
	incq PUB_SLICES(%rbx)
	movb $0, CPU(CPU_OVER)
	andl $~SLICE_END, EP_PENDING(%rsi)
	mov CPU(CPU_TIMER), %rcx
	mov CPU(CPU_SLICE_TICKS), %edx
	mov %edx, (%rcx)
	CHARGE
	add info + INFO_SLICE_CYCLES, %rax
	mov %rax, CPU(CPU_SLICE_END)
	START

	.section .note.GNU-stack, "", @progbits
