/* kernel/transfer.S - protected control transfer (SOSP '95, section 5.4).
 *
 * The register file is the message: rdx, rbx, rbp, rsi, r8, r9, r10, r12..r15 arrive as
 * the caller had them. What the kernel sets: rax, the caller's id, which nobody can
 * forge, and rdi, the same; rcx, r11, which syscall takes; rsp, 0.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/entry.h"

	.text

/* edi: id. Stack: return address, rflags, rip; then struct cpu. rax, rcx, r11 are free, the
 * others are the message. The index in an id is its low bits; the comparison with
 * the whole id finds those that are none. */
	.macro TRANSFER entry, synchronous
	mov %edi, %eax
	and $ENV_MAX - 1, %eax
	shl $ENV_SHIFT, %eax
	cmp %edi, envs + ENV_ID(%rax)
	jne invalid
	mov envs + ENV_PAGE(%rax), %rcx
	mov \entry(%rcx), %r11
	cmp user_top, %r11
	jae invalid
	test %r11, %r11
	jz invalid
	cmp %rcx, 24 + CPU_ENVPAGE(%rsp)
	je invalid                  /* itself */
	cmpl $0, envs + ENV_LENT(%rax)
	jne returning
	cmpl $0, EP_OPEN(%rcx)
	je busy

	movl $0, EP_OPEN(%rcx)      /* Commit: nothing below can fail. */
	movl $1, EP_MASKED(%rcx)
	mov %rcx, 24 + CPU_ENVPAGE(%rsp)
	mov %edi, info + INFO_RUNNING
	mov 24 + CPU_ENV(%rsp), %rcx /* the caller */
	.if \synchronous
	mov %edi, ENV_LENT(%rcx)
	.endif
	mov ENV_ID(%rcx), %edi
	ARRIVE
	.endm

/* rax: the callee, from envs; edi: the caller's id; r11: the entry. */
	.macro ARRIVE
	lea envs(%rax), %rax
	mov %rax, 24 + CPU_ENV(%rsp)
	mov ENV_CR3(%rax), %rax
	mov %rax, 24 + CPU_CR3(%rsp)
	mov %rax, %cr3
	fxrstor64 fpu_initial
	mov %edi, %eax
	mov %r11, %rcx
	xor %esp, %esp
	mov $USER_FLAGS, %r11d
	sysretq
	.endm

/* sys_call - transfer control to an environment, which runs on our slices until it returns,
 * by a sys_call or sys_send to us; that arrives at our own entry.
 *   to  id of an environment; it checks by rax who we are
 * Does not return, unless
 *   -E_INVAL  there is no such environment, or it has no such entry
 *   -E_AGAIN  it is busy: exo_envpage.open is 0, and it is not waiting for us to return
 * If the callee ends instead of returning, our next slice begins with UPCALL_CALLEE_DIED. */
	.globl sys_call
sys_call:
	TRANSFER EP_SYNC_ENTRY, 1

/* sys_send - transfer control to an environment for the rest of this slice. As sys_call, but
 * arrives at its async_entry, and our later slices are our own. */
	.globl sys_send
sys_send:
	TRANSFER EP_ASYNC_ENTRY, 0

/* The callee waits for somebody to return. If it is us: */
returning:
	mov 24 + CPU_ENV(%rsp), %rdi
	mov ENV_ID(%rdi), %edi
	cmp %edi, envs + ENV_LENT(%rax)
	jne busy
	movl $0, envs + ENV_LENT(%rax)
	movl $0, EP_OPEN(%rcx)
	movl $1, EP_MASKED(%rcx)
	mov %rcx, 24 + CPU_ENVPAGE(%rsp)
	mov envs + ENV_ID(%rax), %ecx
	mov %ecx, info + INFO_RUNNING
	ARRIVE

busy:
	mov syscall_again, %rax
	ret
invalid:
	mov syscall_invalid, %rax
	ret

	.section .note.GNU-stack, "", @progbits
