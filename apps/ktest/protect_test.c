/* apps/ktest/protect_test.c - what protects, each by its name: no-execute, SMEP, SMAP, UMIP; that
 * page tables can be read and not written; that no page of the kernel's is mapped for anybody to
 * write; that nothing of the kernel's comes out.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"
#include "exo/table.h"

enum { /* in info.cr4 and info.efer: Intel SDM vol. 3, 2.5 and 2.2.1 */
	CR4_UMIP = 1 << 11,
	CR4_SMEP = 1 << 20,
	CR4_SMAP = 1 << 21,
	EFER_NX = 1 << 11,
};

static volatile uint64_t *const at = (volatile uint64_t *)KTEST_VA;

static struct {
	volatile uint32_t faults;
	volatile uint64_t address, error;
} seen;

static void skip_two(struct exception *e)
{
	seen.faults++;
	seen.address = e->address;
	seen.error = e->error;
	e->frame.rip += 2;
}

/* Does a load, or a store, of two bytes of code fault? Its error code, or 0. */
static uint64_t load_faults(uint64_t va)
{
	seen.faults = 0;
	context_on_exception(skip_two);
	__asm__ volatile("movb (%%rbx), %%al" : : "b"(va) : "rax", "memory");
	context_on_exception(NULL);
	return seen.faults == 1 && seen.address == va ? seen.error : 0;
}

static uint64_t store_faults(uint64_t va)
{
	seen.faults = 0;
	context_on_exception(skip_two);
	__asm__ volatile("movb %%al, (%%rbx)" : : "a"(0), "b"(va) : "memory");
	context_on_exception(NULL);
	return seen.faults == 1 && seen.address == va ? seen.error : 0;
}

static uint32_t features(uint32_t *ecx)
{
	uint32_t a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	*ecx = c;
	return b;
}

static void no_execute_is_on(void) { CHECK_IS(exo_info()->efer & EFER_NX, EFER_NX); }

static void smep_is_on_where_the_cpu_has_it(void)
{
	uint32_t c;

	CHECK_IS(exo_info()->cr4 & CR4_SMEP, features(&c) & 1 << 7 ? CR4_SMEP : 0);
}

static void smap_is_on_where_the_cpu_has_it(void)
{
	uint32_t c;

	CHECK_IS(exo_info()->cr4 & CR4_SMAP, features(&c) & 1 << 20 ? CR4_SMAP : 0);
}

static void umip_is_on_where_the_cpu_has_it(void)
{
	uint32_t c;

	features(&c);
	CHECK_IS(exo_info()->cr4 & CR4_UMIP, c & 1 << 2 ? CR4_UMIP : 0);
}

static uint32_t page_of(uint64_t entry)
{
	return (uint32_t)((entry & EXO_ENTRY_PAGE) >> EXO_PAGE_SHIFT);
}

static void accessed_dirty_and_software_bits_are_read_without_a_call(void)
{
	struct exo_cap cap = { 0 };
	long slot = sys_page_alloc(PAGE_ANY, 1);

	CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_READ, (uint64_t)&cap), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, PROT_W | PROT_SOFT), 0);
	uint64_t e = exo_entry(KTEST_VA);
	CHECK_IS(page_of(e), cap.name & 0xfffffff);
	CHECK((e & EXO_ENTRY_PRESENT) && (e & EXO_ENTRY_WRITABLE) && (e & EXO_ENTRY_NO_EXECUTE));
	CHECK_IS(e & EXO_ENTRY_SOFT, EXO_ENTRY_SOFT);
	CHECK_IS(e & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY), 0);
	(void)at[0];
	CHECK_IS(exo_entry(KTEST_VA) & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY), EXO_ENTRY_ACCESSED);
	at[0] = 1;
	CHECK(exo_entry(KTEST_VA) & EXO_ENTRY_DIRTY);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 6), 7);
	CHECK_IS(exo_entry(KTEST_VA) & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY), 0);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
	CHECK_IS(exo_entry(KTEST_VA), 0);
	CHECK_IS(exo_entry(0x123456789000), 0); /* no tables at all */
}

static void tables_cannot_be_written(void)
{
	uint64_t va = KTEST_VA, kernel = 0xffff800000000000;
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, va, s, 1, PROT_R), 0);
	for (int level = 0; level < 4; level++) {
		va = exo_entry_at(va);
		CHECK_IS(store_faults(va), 7); /* present, a write, from user mode */
		CHECK_IS(sys_cap_mint(s, RIGHT_READ, va), -E_FAULT);
		CHECK_IS(sys_cap_bind(va), -E_FAULT);
		CHECK_IS(sys_page_map(SLOT_SELF, va & ~4095ull, s, 1, PROT_W), -E_INVAL);
		CHECK_IS(sys_page_unmap(SLOT_SELF, va & ~4095ull, 1), -E_INVAL);
		CHECK_IS(sys_page_protect(SLOT_SELF, va & ~4095ull, 1, PROT_W), -E_INVAL);
	}
	CHECK_IS(load_faults(exo_entry_at(kernel)), 5); /* the kernel's are not told */
	CHECK_IS(load_faults(exo_entry_at(0xffffffff80101000)), 5);
	CHECK_IS(sys_page_free(s, 1), 0);
}

/* What an entry of ours may be. */
static bool entry_good(uint64_t va, uint64_t e)
{
	const volatile struct exo_page *p = &exo_pages()[page_of(e)];
	bool writes = e & EXO_ENTRY_WRITABLE, runs = !(e & EXO_ENTRY_NO_EXECUTE);

	if (va >= EXO_USER_TOP) /* the exposed structures, and the tables */
		return !writes && !runs;
	return p->state == PAGE_OWNED && !(writes && runs) && !(writes && p->executable) &&
	       (!runs || p->executable);
}

/* The first entry of at most `left` present ones in the table at `level` for va that is not good;
 * the tables of the tables are not followed. */
static uint64_t find_bad(uint64_t va, int level, uint32_t *count)
{
	const uint64_t span = 1ull << (12 + 9 * level);

	for (int i = 0; i < (level == 3 ? 255 : 512); i++, va += span) {
		uint64_t entry = va, bad = 0;

		for (int up = 0; up <= level; up++)
			entry = exo_entry_at(entry);
		uint64_t e = *(const volatile uint64_t *)entry;
		if (!(e & EXO_ENTRY_PRESENT))
			continue;
		if (level)
			bad = find_bad(va, level - 1, count);
		else if (!entry_good(va, e))
			bad = va;
		*count += level == 0;
		if (bad)
			return bad;
	}
	return 0;
}

static uint32_t walks_its_tables(uint64_t argument)
{
	uint32_t count = 0;

	(void)argument;
	context_init();
	return find_bad(0, 3, &count) ? 1 : count > 20 ? 0 : 2;
}

static void user_pages_cannot_alias_kernel_pages(void)
{
	struct child child;
	uint32_t count = 0;

	CHECK_IS(find_bad(0, 3, &count), 0);
	CHECK(count > 20);
	CHECK(child_start(&child, walks_its_tables, 0));
	CHECK(child_wait(&child));
	uint32_t code = child_record(&child)->code;
	child_reap(&child);
	CHECK_IS(code, 0);
	for (uint32_t p = 0; p < exo_info()->npages; p++)
		if (exo_pages()[p].state != PAGE_FREE)
			CHECK_IS(sys_page_alloc(p, 1), -E_BUSY);
}

/* Registers that a call does not name come back as they were or 0; rcx and r11 are rip and rflags. */
static bool call_tells_nothing(uint64_t number)
{
	uint64_t rax = number, rbx = 1, rcx = 2, rdx = 3, rsi = 4, rdi = 0xfffffffe, flags;
	register uint64_t r8 __asm__("r8") = 5;
	register uint64_t r9 __asm__("r9") = 6;
	register uint64_t r10 __asm__("r10") = 7;
	register uint64_t r11 __asm__("r11") = 8;
	register uint64_t r12 __asm__("r12") = 9;
	register uint64_t r13 __asm__("r13") = 10;
	register uint64_t r14 __asm__("r14") = 11;
	register uint64_t r15 __asm__("r15") = 12;

	__asm__ volatile("syscall"
	                 : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx), "+S"(rsi), "+D"(rdi), "+r"(r8),
	                   "+r"(r9), "+r"(r10), "+r"(r11), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
	                 :
	                 : "memory");
	__asm__ volatile("pushf; pop %0" : "=r"(flags));
	return (int64_t)rax >= -(int64_t)E_COUNT && (int64_t)rax < (int64_t)EXO_USER_TOP &&
	       (rbx == 1 && rcx < EXO_USER_TOP && rdx == 0 && rsi == 0 && rdi == 0) &&
	       (r8 == 0 && r9 == 0 && r10 == 0 && r11 < 1 << 22) &&
	       (r12 == 9 && r13 == 10 && r14 == 11 && r15 == 12) && (flags & 0x200);
}

/* Those that end the slice or the program leave otherwise. */
static bool returns(uint64_t number)
{
	return number != SYS_yield && number != SYS_wait && number != SYS_call &&
	       number != SYS_send && number != SYS_power;
}

static void no_register_holds_what_is_the_kernels(void)
{
	for (uint64_t number = 0; number < 256; number++)
		if (returns(number) && !call_tells_nothing(number)) {
			ktest_failed(__FILE__, __LINE__, "registers after a call", (long)number);
			return;
		}
}

const struct ktest protect_tests[] = {
	{ "no_execute_is_on", no_execute_is_on },
	{ "smep_is_on_where_the_cpu_has_it", smep_is_on_where_the_cpu_has_it },
	{ "smap_is_on_where_the_cpu_has_it", smap_is_on_where_the_cpu_has_it },
	{ "umip_is_on_where_the_cpu_has_it", umip_is_on_where_the_cpu_has_it },
	{ "accessed_dirty_and_software_bits_are_read_without_a_call",
	  accessed_dirty_and_software_bits_are_read_without_a_call },
	{ "tables_cannot_be_written", tables_cannot_be_written },
	{ "user_pages_cannot_alias_kernel_pages", user_pages_cannot_alias_kernel_pages },
	{ "no_register_holds_what_is_the_kernels", no_register_holds_what_is_the_kernels },
	{ NULL, NULL },
};
