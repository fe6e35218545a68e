/* kernel/cpu.c - descriptor tables, control registers, the system call gate.
 *
 * Source: Intel SDM vol. 3, chapters 2, 3, 6, 7; AMD APM vol. 2, chapter 6 (syscall).
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/panic.h"

_Static_assert(USER_CS == EXO_USER_CS && USER_SS == EXO_USER_SS, "ABI");
_Static_assert(USER_CS == USER_SS + 8, "sysret loads SS from one selector, CS from the next");

enum { /* MSRs */
	EFER = 0xc0000080,
	STAR = 0xc0000081,
	LSTAR = 0xc0000082,
	SFMASK = 0xc0000084,
};

enum { /* RFLAGS cleared on a system call */
	FLAG_TF = 1 << 8,
	FLAG_IF = 1 << 9,
	FLAG_DF = 1 << 10,
	FLAG_NT = 1 << 14,
	FLAG_AC = 1 << 18,
};

enum { /* CR4 */
	CR4_PGE = 1 << 7,
	CR4_OSFXSR = 1 << 9,
	CR4_OSXMMEXCPT = 1 << 10,
	CR4_UMIP = 1 << 11,
	CR4_SMEP = 1 << 20,
	CR4_SMAP = 1 << 21,
};

struct gate {
	uint16_t offset_lo, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_hi, zero;
};
_Static_assert(sizeof(struct gate) == 16, "SDM 6.14.1");

struct __attribute__((packed)) tss {
	uint32_t zero0;
	uint64_t rsp[3];
	uint64_t zero1;
	uint64_t ist[7];
	uint64_t zero2;
	uint16_t zero3, iomap;
};
_Static_assert(sizeof(struct tss) == 104, "SDM 7.7");

struct __attribute__((packed)) table_ptr {
	uint16_t limit;
	uint64_t base;
};

enum { LAST_STACK = 4096 };

/* The first CPU's stack, with struct cpu in its last CPU_SIZE bytes. start.S knows it. */
extern struct cpu_stack {
	uint8_t stack[KSTACK_SIZE - CPU_SIZE];
	struct cpu cpu;
} __attribute__((aligned(KSTACK_SIZE))) cpu0;
struct cpu_stack cpu0;
_Static_assert(sizeof cpu0 == KSTACK_SIZE, "alignment fills it up");
_Static_assert(offsetof(struct cpu_stack, cpu) == KSTACK_SIZE - CPU_SIZE, "entry.S");

static uint8_t last_stacks[3][LAST_STACK] __attribute__((aligned(16)));
static struct gate idt[VEC_COUNT];
static struct tss tss;
static uint64_t gdt[] = {
	0,
	0x00af9b000000ffff, /* KERNEL_CS */
	0x00cf93000000ffff, /* KERNEL_SS */
	0,                  /* 32-bit user code: none */
	0x00cff3000000ffff, /* USER_SS */
	0x00affb000000ffff, /* USER_CS */
	0, 0,               /* TSS_SEL */
};
extern uint8_t fpu_initial[512]; /* transfer.S loads it, too */
uint8_t fpu_initial[512] __attribute__((aligned(16)));

extern const uint64_t vector_table[VEC_COUNT];
extern const uint64_t clac_start[], clac_end[];
void syscall_entry(void);

static void cpuid(uint32_t leaf, uint32_t out[4])
{
	__asm__ volatile("cpuid"
	                 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
	                 : "a"(leaf), "c"(0));
}

static void gdt_init(void)
{
	uint64_t base = (uint64_t)&tss;

	tss.rsp[0] = (uint64_t)cpu();
	for (int i = 0; i < 3; i++)
		tss.ist[i] = (uint64_t)last_stacks[i] + LAST_STACK;
	tss.iomap = sizeof tss;
	gdt[TSS_SEL / 8] = (sizeof tss - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
	                   (base >> 24 & 0xff) << 56;
	gdt[TSS_SEL / 8 + 1] = base >> 32;

	struct table_ptr p = { sizeof gdt - 1, (uint64_t)gdt };
	__asm__ volatile("lgdt %0\n\t"
	                 "pushq %1\n\t"
	                 "lea 1f(%%rip), %%rax\n\t"
	                 "push %%rax\n\t"
	                 "lretq\n"
	                 "1:\tltr %w2"
	                 :
	                 : "m"(p), "i"(KERNEL_CS), "r"(TSS_SEL)
	                 : "rax", "memory");
}

static void idt_init(void)
{
	static const uint8_t ist_of[VEC_COUNT] = { [2] = 1, [8] = 2, [18] = 3 };

	for (int v = 0; v < VEC_COUNT; v++) {
		uint64_t entry = vector_table[v];
		/* int3 and into are the only gates that ring 3 may name. */
		uint8_t type = v == 3 || v == 4 ? 0xee : 0x8e;

		if (entry)
			idt[v] = (struct gate){ (uint16_t)entry, KERNEL_CS, ist_of[v], type,
				                (uint16_t)(entry >> 16),
				                (uint32_t)(entry >> 32), 0 };
	}
	struct table_ptr p = { sizeof idt - 1, (uint64_t)idt };
	__asm__ volatile("lidt %0" : : "m"(p));
}

/* Without SMAP clac does not exist: make each a three-byte nop. */
static void patch_clac(void)
{
	static const uint8_t nop[3] = { 0x0f, 0x1f, 0x00 };

	for (const uint64_t *site = clac_start; site < clac_end; site++)
		for (int i = 0; i < 3; i++)
			((uint8_t *)*site)[i] = nop[i];
}

static void control_registers(void)
{
	uint32_t leaf[4];
	uint64_t cr4, cr0;

	cpuid(7, leaf);
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 |= CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	cr4 |= leaf[1] & 1 << 7 ? CR4_SMEP : 0;
	cr4 |= leaf[1] & 1 << 20 ? CR4_SMAP : 0;
	cr4 |= leaf[2] & 1 << 2 ? CR4_UMIP : 0;
	if (!(cr4 & CR4_SMAP))
		patch_clac();
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = (cr0 & ~(1ull << 2)) | 1 << 1 | 1 << 5 | 1 << 16; /* no EM; MP, NE, WP */
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
}

void cpu_init(void)
{
	struct cpu *c = cpu();

	c->stack = (uint64_t)c;
	gdt_init();
	idt_init();
	control_registers();
	__asm__ volatile("fninit\n\tfxsave64 %0" : "=m"(fpu_initial));

	uint64_t cr4;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	info.cr4 = (uint32_t)cr4;
	info.efer = (uint32_t)rdmsr(EFER);
	wrmsr(STAR, (uint64_t)(USER_SS - 8) << 48 | (uint64_t)KERNEL_CS << 32);
	wrmsr(LSTAR, (uint64_t)syscall_entry);
	wrmsr(SFMASK, FLAG_TF | FLAG_IF | FLAG_DF | FLAG_NT | FLAG_AC);
}

void cpu_clean(void)
{
	__asm__ volatile("fxrstor64 %0\n\t"
	                 "mov %1, %%ds\n\t"
	                 "mov %1, %%es\n\t"
	                 "mov %1, %%fs\n\t"
	                 "mov %1, %%gs"
	                 :
	                 : "m"(fpu_initial), "r"(0));
}

bool cpu_has_crc32(void)
{
	uint32_t leaf[4];

	cpuid(1, leaf);
	return leaf[2] & 1 << 20;
}

bool cpu_random(uint64_t *value)
{
	uint32_t leaf[4];

	cpuid(1, leaf);
	if (!(leaf[2] & 1 << 30))
		return false;
	for (int tries = 0; tries < 10; tries++) {
		uint8_t ok;

		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok));
		if (ok)
			return true;
	}
	return false;
}
