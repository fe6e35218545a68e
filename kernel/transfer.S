/* kernel/transfer.S - protected control transfer (SOSP '95, section 5.4).
 *
 * The register file is the message: rdx, rbx, rbp, rsi, r8, r9, r10, r12..r15 arrive as
 * the caller had them. What the kernel sets: rax, the caller's id, which nobody can
 * forge; rcx, r11, which syscall takes; rdi and rsp, 0.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/entry.h"

	.text

/* sys_call - transfer control to an environment, which runs on our slices until it returns,
 * by a sys_call or sys_send to us; that arrives at our own entry.
 *   to  id of an environment; it checks by rax who we are
 * Does not return, unless
 *   -E_INVAL  there is no such environment, or it has no such entry
 *   -E_AGAIN  it is busy: exo_envpage.open is 0, and it is not waiting for us to return
 * If the callee ends instead of returning, our next slice begins with UPCALL_CALLEE_DIED. */
	.globl sys_call
sys_call:
	mov $EP_SYNC_ENTRY, %r11d
	jmp transfer

/* sys_send - transfer control to an environment for the rest of this slice. As sys_call, but
 * arrives at its async_entry, and our later slices are our own. */
	.globl sys_send
sys_send:
	mov $EP_ASYNC_ENTRY, %r11d

/* edi: id; r11: the entry's offset in the environment page. syscall_entry has copied r10
 * to rcx, so that rcx is free, as is rax. Stack: return address, rflags, rip; then
 * struct cpu. */
transfer:
	mov %edi, %eax
	and $0xfff, %eax
	cmp $ENV_MAX, %eax
	jae invalid
	imul $ENV_SIZE, %rax, %rax
	lea envs(%rax), %rcx        /* the callee */
	cmp %edi, ENV_ID(%rcx)
	jne invalid
	mov 24 + CPU_ENV(%rsp), %rdi /* the caller */
	cmp %rcx, %rdi
	je invalid
	mov ENV_PAGE(%rcx), %rax
	mov (%rax, %r11), %rax      /* the entry */
	cmp user_top, %rax
	jae invalid
	test %rax, %rax
	jz invalid
	push %rax
	mov ENV_ID(%rdi), %eax
	cmp %eax, ENV_LENT(%rcx)
	je 2f
	cmpl $0, ENV_LENT(%rcx)     /* it waits for somebody else */
	jne busy
	mov ENV_PAGE(%rcx), %rax
	cmpl $0, EP_OPEN(%rax)
	je busy
	cmp $EP_SYNC_ENTRY, %r11d
	jne 1f
	mov ENV_ID(%rcx), %eax
	mov %eax, ENV_LENT(%rdi)
	jmp 1f
2:	movl $0, ENV_LENT(%rcx)     /* it waits for us: this is the return */

1:	pop %r11                    /* Commit: nothing below can fail. */
	mov %rcx, 24 + CPU_ENV(%rsp)
	mov ENV_PAGE(%rcx), %rax
	mov %rax, 24 + CPU_ENVPAGE(%rsp)
	movl $0, EP_OPEN(%rax)
	movl $1, EP_MASKED(%rax)
	mov ENV_CR3(%rcx), %rax
	mov %rax, 24 + CPU_CR3(%rsp)
	mov %rax, %cr3
	fxrstor64 fpu_initial
	mov ENV_ID(%rdi), %eax
	mov %r11, %rcx
	xor %edi, %edi
	xor %esp, %esp
	mov $USER_FLAGS, %r11d
	sysretq

busy:	add $8, %rsp
	mov syscall_again, %rax
	ret
invalid:
	mov syscall_invalid, %rax
	ret

	.section .note.GNU-stack, "", @progbits
