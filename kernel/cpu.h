/* kernel/cpu.h - one CPU: its state, its descriptor tables, and privileged instructions.
 *
 * All mutable state that a second CPU would have a copy of is in struct cpu.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/entry.h"

struct env;
struct stlb;

struct cpu {
	/* entry.S and transfer.S know these. */
	uint64_t user_rsp; /* the interrupted rsp, during a system call */
	uint64_t stack;    /* top of the kernel stack: this structure's address */
	struct exo_envpage *envpage; /* running environment's, through the direct map */
	struct env *env;       /* running; NULL: none */
	uint64_t cr3;          /* loaded */
	struct stlb *stlb;     /* the software TLB */
	uint64_t charged;      /* time stamp up to which cycles have been charged */
	bool slice_over;       /* the running slice has ended: every further tick is excess */
	uint64_t slice_end;    /* time stamp at which it ends */
	volatile uint32_t *timer; /* the register that arms it, with ticks */
	uint32_t slice_ticks;  /* of a slice */

	uint32_t overran;      /* id of who ran at the last tick past its end, or at its end */
	bool halted;           /* nobody is willing, the CPU waits for an interrupt */
};
_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "entry.S");
_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "entry.S");
_Static_assert(offsetof(struct cpu, envpage) == CPU_ENVPAGE, "entry.S");
_Static_assert(offsetof(struct cpu, env) == CPU_ENV, "entry.S");
_Static_assert(offsetof(struct cpu, cr3) == CPU_CR3, "entry.S");
_Static_assert(offsetof(struct cpu, stlb) == CPU_STLB, "entry.S");
_Static_assert(offsetof(struct cpu, charged) == CPU_CHARGED, "transfer.S");
_Static_assert(offsetof(struct cpu, slice_over) == CPU_OVER, "transfer.S");
_Static_assert(offsetof(struct cpu, slice_end) == CPU_SLICE_END, "transfer.S");
_Static_assert(offsetof(struct cpu, timer) == CPU_TIMER, "transfer.S");
_Static_assert(offsetof(struct cpu, slice_ticks) == CPU_SLICE_TICKS, "transfer.S");
_Static_assert(sizeof(struct cpu) <= CPU_SIZE, "entry.S");

/* Registers as the gates push them, rising addresses. */
struct trap {
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* The CPU we run on: its structure lies above the stack we stand on. */
static inline struct cpu *cpu(void)
{
	uint64_t sp = (uint64_t)__builtin_frame_address(0);

	return (struct cpu *)((sp & ~(uint64_t)(KSTACK_SIZE - 1)) + KSTACK_SIZE - CPU_SIZE);
}

/* Set up descriptor tables, control registers and the system call gate. */
void cpu_init(void);

/* entry.S */
_Noreturn void enter_user(uint64_t rip, uint64_t argument);
void cpu_idle(void);

/* Load the initial floating-point state and null selectors: nothing of the last
 * environment's remains in registers that enter_user does not clear. */
void cpu_clean(void);

/* 64 random bits from the CPU. False if it has no generator. */
bool cpu_random(uint64_t *value);

/* Has it the instruction crc32 (SSE4.2)? */
bool cpu_has_crc32(void);

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void load_cr3(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

/* Forget every translation but the global ones. */
static inline void flush_tlb(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
}

static inline void invlpg(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
