/* kernel/entry.h - constants that entry.S and C share; the C side asserts them.
 * SPDX-License-Identifier: ISC */
#pragma once

#define KSTACK_SIZE 16384
#define CPU_SIZE    512 /* struct cpu lies above the stack, at its top */

/* Offsets in struct cpu. */
#define CPU_USER_RSP 0
#define CPU_STACK    8
#define CPU_ENVPAGE  16

#define CPU_ENV      24
#define CPU_CR3      32
#define CPU_STLB     40
#define CPU_CHARGED  48
#define CPU_OVER     56
#define CPU_SLICE_END   64
#define CPU_TIMER       72
#define CPU_SLICE_TICKS 80

/* For the assembler: nothing of the kernel's is left in the registers of one who enters ring 3, but
 * for rax, rcx, rdi and r11, which the ways in set. */
#define CLEAR_REGISTERS                                                                   \
	xor %ebx, %ebx; xor %edx, %edx; xor %esi, %esi; xor %ebp, %ebp; xor %r8d, %r8d;   \
	xor %r9d, %r9d; xor %r10d, %r10d; xor %r12d, %r12d; xor %r13d, %r13d;             \
	xor %r14d, %r14d; xor %r15d, %r15d

/* Offsets in struct exo_info. */
#define INFO_SLICE_CYCLES 32
#define INFO_SLICE_NOW 40
#define INFO_RUNNING 44
#define INFO_REFILLS 112

/* struct stlb: entries, and where their array is. */
#define STLB_ENTRIES 4096
#define STLB_E (8 * STLB_ENTRIES)

/* Offsets in struct env, and its size. */
#define ENV_ID   0
#define ENV_LENT 4
#define ENV_PAGE 8
#define ENV_CR3  16
#define ENV_SPACE 24
#define ENV_TABLE_TAG 32
#define ENV_TABLE 40
#define ENV_SPILLED 48
#define ENV_PUB   80
#define ENV_AWAKE 88
#define ENV_SHIFT 11
#define ENV_SIZE (1 << ENV_SHIFT) /* by alignment */
#define ENV_MAX  64
#define SLICE_MAX 64
#define SLICE_END 1 /* UPCALL_SLICE_END */

/* Offsets in struct exo_envpage. */
#define EP_EXCEPTION_ENTRY 0
#define EP_START_ENTRY     16
#define EP_MASKED          40
#define EP_PENDING         44
#define EP_ACTIVE          48
#define EP_SAVE            56
#define EP_SYNC_ENTRY      232
#define EP_ASYNC_ENTRY     236
#define EP_OPEN            248

/* Offsets in struct exo_env. */
#define PUB_EXCESS 10
#define PUB_CYCLES 32
#define PUB_SLICES 40
#define PUB_DEBT   48

/* Offsets in struct exo_save. */
#define SAVE_RAX     0
#define SAVE_RCX     8
#define SAVE_RDX     16
#define SAVE_CAUSE   24
#define SAVE_ERROR   32
#define SAVE_ADDRESS 40
#define SAVE_RIP     48
#define SAVE_RFLAGS  64
#define SAVE_RSP     72

#define USER_FLAGS 0x202 /* IF and the bit that is always one */

/* Selectors; user ones are in exo/layout.h. sysret wants user SS, then CS. */
#define KERNEL_CS 0x08
#define KERNEL_SS 0x10
#define USER_SS   0x23
#define USER_CS   0x2b
#define TSS_SEL   0x30

/* Interrupt vectors. */
#define VEC_TIMER    0x20
#define VEC_CONSOLE  0x21
#define VEC_NIC      0x22
#define VEC_PAIR     0x23 /* of every other interface */
#define VEC_SPURIOUS 0x2f
#define VEC_IRQ      0x30 /* and on: lines of the I/O APIC that environments own */
#define IRQ_LINES    24
#define VEC_COUNT    (VEC_IRQ + IRQ_LINES)
