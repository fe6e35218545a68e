/* libnet/exos/lrpc_gates.S - both ends of a call. On the way: rdi server, r9 number, rsi, rdx, r10, r8
 * arguments; on the way back: rsi result. See lrpc.h. SPDX-License-Identifier: ISC */
#include "exo/layout.h"

	.set number, 0
#define S(n, name, text, ...) .set SYS_##name, number; .set number, number + 1;
#include "exo/syscalls.def"
#undef S

#define MASKED     (EXO_ENVPAGE + 40)
#define SYNC_ENTRY (EXO_ENVPAGE + 232)
#define OPEN       (EXO_ENVPAGE + 248)
#define STACK      16384

	.text

	/* Save as context_switch does: if a slice of ours begins before the server returns,
	 * context_start goes on at `woken`. Nobody else may call meanwhile, and what returns comes to `back`. */
	.macro LEAVE_FOR back
	push %rdi
	push OPEN
	push $woken
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, context_rsp
	movl $0, OPEN
	movl $\back, SYNC_ENTRY
	mov %rcx, %r10
	.endm

/* long lrpc_call(server, a, b, c, d, number), upcalls masked. */
	.globl lrpc_call
lrpc_call:
	LEAVE_FOR returned
	xor %ebp, %ebp              /* ours are none of its business */
	xor %ebx, %ebx
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	mov $SYS_call, %eax
	syscall
	mov %rax, %rsi              /* an error */
returned:
	mov context_rsp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	add $8, %rsp
	mov %rsi, %rax
leave:	pop %rcx
	mov %ecx, OPEN
	pop %rdi
	movl $lrpc_entry, SYNC_ENTRY
	ret

/* long lrpc_trusting(server, a, b, c, d, number): the same; the saved registers are for `woken` only. */
	.globl lrpc_trusting
lrpc_trusting:
	LEAVE_FOR trusted
	mov $SYS_call, %eax
	syscall
	mov %rax, %rsi
trusted:
	mov context_rsp, %rsp
	add $56, %rsp
	mov %rsi, %rax
	jmp leave

/* If the server lives, it is its turn; context_switch leaves the stack as LEAVE_FOR did. */
woken:	mov 8(%rsp), %edi
	sub $8, %rsp
	call lrpc_over
	add $8, %rsp
	test %rax, %rax
	jnz leave
	mov 8(%rsp), %edi
	mov $SYS_yield, %ecx
	call context_switch
	jmp woken

/* Where calls arrive; rax: the caller. What its main thread has saved is kept: the procedure may
 * yield. The caller sees no register of ours but the result. */
	.globl lrpc_entry
lrpc_entry:
	mov $stack_top, %esp
	push context_rsp
	push %rax
	mov %eax, %edi
	mov %r10, %rcx
	cmp lrpc_count, %r9
	jae 2f
	mov lrpc_table, %rax
	call *(%rax, %r9, 8)
1:	mov %rax, %rsi
	pop %rdi
	pop context_rsp
	xor %edx, %edx
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	movl $1, MASKED
	movl $1, OPEN
	mov $SYS_call, %eax
	syscall
	xor %edi, %edi              /* the caller has ended: our main thread goes on, in a later slice */
	mov $SYS_yield, %eax
	syscall
	ud2
2:	call lrpc_unknown
	jmp 1b

	.bss
	.balign 16
	.skip STACK
stack_top:

	.section .note.GNU-stack, "", @progbits
