/* apps/ktest/transfer.S - both ends of a protected control transfer, for the tests.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"

	.set number, 0
#define S(n, name, text, ...) .set SYS_##name, number; .set number, number + 1;
#include "exo/syscalls.def"
#undef S

#define MASKED (EXO_ENVPAGE + 40)
#define PENDING (EXO_ENVPAGE + 44)
#define RUNNING 44 /* in struct exo_info */
#define OPEN   (EXO_ENVPAGE + 248)
#define KTEST_KEPT 0x20400008 /* KTEST_SHARED, second word */

	.text

/* long transfer_call(uint32_t to, uint64_t m[4]): sys_call with rdx, rbx, r8, r15 = m[0..3],
 * which become what comes back. Returns the caller's id as it arrives with the return, or
 * an error, or 0 when the callee has died (start_entry must be transfer_died). */
	.globl transfer_call
transfer_call:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	movl $1, MASKED
	mov %rsi, message
	mov %rsp, stack
	mov (%rsi), %rdx
	mov 8(%rsi), %rbx
	mov 16(%rsi), %r8
	mov 24(%rsi), %r15
	mov $SYS_call, %eax
	syscall
	jmp 1f
	.globl transfer_returned
transfer_returned:
	mov stack, %rsp
	mov message, %rsi
	mov %rdx, (%rsi)
	mov %rbx, 8(%rsi)
	mov %r8, 16(%rsi)
	mov %r15, 24(%rsi)
1:	movl $0, MASKED
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.globl transfer_died
transfer_died:
	mov stack, %rsp
	xor %eax, %eax
	jmp 1b

/* A server: adds 1, 2, 3, 4 to the message and returns it. */
	.globl transfer_serve
transfer_serve:
	add $1, %rdx
	add $2, %rbx
	add $3, %r8
	add $4, %r15
	mov %eax, %edi
	movl $1, OPEN
	mov $SYS_call, %eax
	syscall
	ud2

/* Tells the caller, in rdx, who runs. */
	.globl transfer_who_runs
transfer_who_runs:
	mov $EXO_INFO + RUNNING, %rdx
	mov (%rdx), %edx
	mov %eax, %edi
	movl $1, OPEN
	mov $SYS_call, %eax
	syscall
	ud2

/* Keeps the message, and who sent it, in the page that all share; goes on in a later slice. */
	.globl transfer_keep
transfer_keep:
	mov %rdx, KTEST_KEPT
	mov %rax, KTEST_KEPT + 8
	xor %edi, %edi
	mov $SYS_yield, %eax
	syscall

/* Sleeps, for a moment, whether the environment was asleep or not; its main thread goes on. */
	.globl transfer_sleep
transfer_sleep:
	xor %edi, %edi
	xor %esi, %esi
	mov $1, %edx
	mov $SYS_wait, %eax
	syscall
	ud2

/* Sleeps for a moment in the caller's slices, as its main thread, and returns. */
	.globl transfer_nap
transfer_nap:
	mov %eax, napped_for
	movq $1f, EXO_ENVPAGE + 16  /* start_entry */
	rdtsc
	shl $32, %rdx
	or %rax, %rdx
	add $10000000, %rdx
	xor %edi, %edi
	xor %esi, %esi
	mov $SYS_wait, %eax
	syscall
	ud2
1:	mov napped_for, %edi
	mov $SYS_call, %eax
	syscall
	ud2

/* Runs until it is told that the slice is over, and goes on in a later one. */
	.globl transfer_overtime
transfer_overtime:
	movl $0, PENDING
1:	pause
	testl $1, PENDING           /* UPCALL_SLICE_END */
	jz 1b
	xor %edi, %edi
	mov $SYS_yield, %eax
	syscall
	ud2

/* Returns when something is pending; asks only where it begins. */
	.globl transfer_await, transfer_await_end
transfer_await:
	cmpl $0, PENDING
	jne transfer_await_end
1:	jmp 1b
transfer_await_end:
	ret

/* Servers that end, and that never return. */
	.globl transfer_crash, transfer_hang
transfer_crash:
	ud2
transfer_hang:
	jmp transfer_hang

/* void transfer_yield(uint32_t to): yield with a secret in every register. */
	.globl transfer_yield
transfer_yield:
	mov $0x5ec7e7, %ebx
	mov %ebx, %edx
	mov %ebx, %esi
	mov %ebx, %ebp
	mov %ebx, %r8d
	mov %ebx, %r9d
	mov %ebx, %r10d
	mov %ebx, %r12d
	mov %ebx, %r13d
	mov %ebx, %r14d
	mov %ebx, %r15d
	mov %ebx, %esp
	movq %rbx, %xmm3
	mov $0x23, %eax
	mov %eax, %fs
	mov $SYS_yield, %eax
	syscall
	ud2

/* A start_entry: adds up in transfer_seen what is in the registers, and goes on. */
	.globl transfer_look
transfer_look:
	or %rbx, %rax
	or %rdx, %rax
	or %rsi, %rax
	or %rbp, %rax
	or %rsp, %rax
	or %r8, %rax
	or %r9, %rax
	or %r10, %rax
	or %r12, %rax
	or %r13, %rax
	or %r14, %rax
	or %r15, %rax
	movq %xmm3, %rdx
	or %rdx, %rax
	mov %fs, %edx
	or %rdx, %rax
	or %rax, transfer_seen
	xor %eax, %eax
	jmp context_start

	.bss
	.globl transfer_seen
transfer_seen:
	.skip 8
napped_for:
	.skip 8
message:
	.skip 8
stack:
	.skip 8

	.section .note.GNU-stack, "", @progbits
