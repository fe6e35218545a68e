/* apps/kbench/raw.S - the kernel's ways in and out without a library: what is between two readings
 * of the clock is the kernel's, and the few instructions named here.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"

	.set number, 0
#define S(n, name, text, ...) .set SYS_##name, number; .set number, number + 1;
#include "exo/syscalls.def"
#undef S

#define EXCEPTION_ENTRY EXO_ENVPAGE
#define MASKED (EXO_ENVPAGE + 40)
#define ACTIVE (EXO_ENVPAGE + 48)
#define OPEN   (EXO_ENVPAGE + 248)

	.text

/* uint64_t raw_clock(void): between two readings one move apart. */
	.globl raw_clock
raw_clock:
	rdtsc
	mov %eax, %esi
	rdtsc
	sub %esi, %eax
	ret

/* uint64_t raw_null(void): the same with a system call (1 more, to load its number). */
	.globl raw_null
raw_null:
	push %r12
	rdtsc
	mov %eax, %r12d
	mov $SYS_null, %eax
	syscall
	rdtsc
	sub %r12d, %eax
	pop %r12
	ret

/* uint64_t raw_dispatch(void): from a breakpoint to the first instruction of its handler. */
	.globl raw_dispatch
raw_dispatch:
	mov EXCEPTION_ENTRY, %r8
	movq $1f, EXCEPTION_ENTRY
	rdtsc
	mov %eax, %esi
	int3
1:	rdtsc
	jmp 3f

/* uint64_t raw_fault(uint64_t va): the same from a page fault at va. */
	.globl raw_fault
raw_fault:
	mov EXCEPTION_ENTRY, %r8
	movq $2f, EXCEPTION_ENTRY
	rdtsc
	mov %eax, %esi
	movb $0, (%rdi)
2:	rdtsc
3:	sub %esi, %eax
	mov %r8, EXCEPTION_ENTRY
	movl $0, ACTIVE
	ret

/* uint64_t raw_touch(uint64_t va): a store that succeeds in the end (1 of its own). */
	.globl raw_touch
raw_touch:
	rdtsc
	mov %eax, %esi
	movb $0, (%rdi)
	rdtsc
	sub %esi, %eax
	ret

/* void raw_call(uint32_t to, uint64_t out[2]): from before the call to the callee's first
 * instruction (1 more, to load its number), and to the first after its return. */
	.globl raw_call
raw_call:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	movl $1, MASKED
	mov %rsi, results
	mov %rsp, stack
	rdtsc
	mov %eax, %r12d
	mov $SYS_call, %eax
	syscall
	ud2
	.globl raw_returned
raw_returned:
	rdtsc
	sub %r12d, %eax
	mov stack, %rsp
	mov results, %rsi
	mov %r13, (%rsi)
	mov %rax, 8(%rsi)
	movl $0, MASKED
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

/* The callee: 7 instructions of its own, up to and with the last move. */
	.globl raw_serve
raw_serve:
	mov %eax, %edi
	rdtsc
	mov %eax, %r13d
	sub %r12d, %r13d
	movl $1, OPEN
	mov $SYS_call, %eax
	syscall
	ud2

	.bss
results:
	.skip 8
stack:
	.skip 8

	.section .note.GNU-stack, "", @progbits
