/* apps/ktest/device_test.c - devices driven in ring 3: the second serial line, which talks to
 * itself, and QEMU's `edu` on the PCI bus. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"
#include "exo/image.h"

enum { COM1 = 0x3f8, COM2 = 0x2f8, COM2_IRQ = 3, COM_PORTS = 8 };

enum { /* 16550 */
	DATA,
	INT_ENABLE,
	INT_ID,
	FIFO_CTRL = INT_ID,
	LINE_CTRL,
	MODEM_CTRL,
	LINE_STATUS,
	INT_RECEIVED = 1,
	INT_EMPTY = 2,
	LOOP = 0x1b, /* with DTR, RTS, and the interrupt line on */
};

enum { /* QEMU docs/specs/edu.txt */
	EDU_PCI_ID = 0x11e81234,
	EDU_SIZE = 0x100,
	EDU_ID = 0,
	EDU_LIVE = 4,
	EDU_RAISE = 0x60,
	EDU_LOWER = 0x64,
	EDU_DMA_FROM = 0x80,
	EDU_DMA_TO = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_START = 0x98,
	EDU_BUFFER = 0x40000,
};

static struct {
	uint32_t ports, irq; /* slots */
	volatile uint32_t upcalls;
	struct child child;
} t;

static volatile uint32_t *const shared = (volatile uint32_t *)KTEST_SHARED;
static struct exo_cap cap;

static void on_upcall(uint32_t reasons) { t.upcalls += (reasons & UPCALL_IRQ) != 0; }

static long claim(uint32_t kind, uint64_t first, uint32_t count, uint32_t mode)
{
	return sys_device_claim(SLOT_MACHINE, kind, first, count, mode);
}

static long put(uint32_t reg, uint8_t v) { return sys_device_write(t.ports, reg, 1, v); }
static long get(uint32_t reg) { return sys_device_read(t.ports, reg, 1); }

/* The line that a slot of ours or the child's names. */
static const volatile struct exo_device *line(void)
{
	const volatile struct exo_device *d = exo_info()->device;

	while (d->kind != DEVICE_IRQ || d->first != COM2_IRQ)
		d++;
	return d;
}

/* Does the machine have one? The test's own has (apps/rules.mk). */
static bool line_there(void)
{
	const uint32_t scratch = 7;
	uint32_t slot = (uint32_t)claim(DEVICE_PORTS, COM2, COM_PORTS, 0);
	bool there = sys_device_write(slot, scratch, 1, 0x5a) == 0 &&
	             sys_device_read(slot, scratch, 1) == 0x5a;

	sys_device_free(slot);
	if (!there)
		ktest_print("# no second serial line: skipped\n");
	return there;
}

/* Claim the second serial line, quiet, and looped back to itself. */
static bool open_line(uint32_t mode)
{
	t.ports = (uint32_t)claim(DEVICE_PORTS, COM2, COM_PORTS, 0);
	t.irq = (uint32_t)claim(DEVICE_IRQ, COM2_IRQ, 1, mode);
	t.upcalls = 0;
	context_on_upcall(on_upcall);
	return put(INT_ENABLE, 0) == 0 && put(FIFO_CTRL, 0) == 0 && put(LINE_CTRL, 3) == 0 &&
	       put(MODEM_CTRL, LOOP) == 0 && get(DATA) >= 0 && get(INT_ID) >= 0 &&
	       sys_irq_ack(t.irq) == 0;
}

static void close_line(void)
{
	put(INT_ENABLE, 0);
	sys_device_free(t.ports);
	sys_device_free(t.irq);
	context_on_upcall(NULL);
}

static void a_serial_line_is_driven_in_ring_3(void)
{
	if (!line_there())
		return;
	CHECK(open_line(0));
	CHECK_IS(put(INT_ENABLE, INT_RECEIVED), 0);
	for (uint32_t i = 0; i < 20; i++) {
		CHECK_IS(put(DATA, (uint8_t)(i * 13)), 0);
		EVENTUALLY(t.upcalls == i + 1);
		CHECK_IS(t.upcalls, i + 1);
		CHECK_IS(line()->interrupts, i + 1);
		CHECK_IS(line()->pending, 1);
		CHECK_IS(sys_irq_ack(t.irq), 0);
		CHECK_IS(line()->pending, 0);
		CHECK_IS(get(LINE_STATUS) & 1, 1);
		CHECK_IS(get(DATA), (uint8_t)(i * 13));
	}
	close_line();
}

static void an_interrupt_ends_a_sleep(void)
{
	const uint64_t end = __builtin_ia32_rdtsc() + 60 * exo_info()->tsc_hz;

	if (!line_there())
		return;
	CHECK(open_line(0));
	context_mask();
	CHECK_IS(put(INT_ENABLE, INT_RECEIVED), 0);
	CHECK_IS(put(DATA, 1), 0);
	CHECK_IS(context_wait(NULL, 0, end), 0);
	context_unmask();
	CHECK(__builtin_ia32_rdtsc() < end);
	CHECK_IS(t.upcalls, 1);
	close_line();
}

static void a_line_stays_masked_until_it_is_acknowledged(void)
{
	if (!line_there())
		return;
	CHECK(open_line(DEVICE_LEVEL));
	CHECK_IS(put(INT_ENABLE, INT_EMPTY), 0); /* there is always room: the line stays high */
	EVENTUALLY(t.upcalls);
	for (int i = 0; i < 20; i++)
		context_yield(0);
	CHECK_IS(line()->interrupts, 1);
	CHECK_IS(sys_irq_ack(t.irq), 0);
	EVENTUALLY(t.upcalls == 2);
	CHECK_IS(line()->interrupts, 2);
	close_line();
}

static void devices_are_claimed_once_and_within_bounds(void)
{
	static const struct {
		uint32_t kind;
		uint64_t first;
		uint32_t count, mode;
		long error;
	} bad[] = {
		{ DEVICE_NONE, 0, 1, 0, -E_INVAL },
		{ DEVICE_KINDS, 0, 1, 0, -E_INVAL },
		{ DEVICE_IRQ, EXO_IRQ_LINES, 1, 0, -E_INVAL },
		{ DEVICE_IRQ, UINT64_MAX, 1, 0, -E_INVAL },
		{ DEVICE_IRQ, 5, 0, 0, -E_INVAL },
		{ DEVICE_IRQ, 5, 2, 0, -E_INVAL },
		{ DEVICE_IRQ, 5, 1, DEVICE_MASTER, -E_INVAL },
		{ DEVICE_IRQ, 5, 1, 8, -E_INVAL },
		{ DEVICE_IRQ, COM2_IRQ, 1, 0, -E_BUSY },
		{ DEVICE_IRQ, 4, 1, 0, -E_PERM }, /* the console's */
		{ DEVICE_PORTS, 0x10000, 1, 0, -E_INVAL },
		{ DEVICE_PORTS, 0xffff, 2, 0, -E_INVAL },
		{ DEVICE_PORTS, COM2, 0, 0, -E_INVAL },
		{ DEVICE_PORTS, COM2, 8, DEVICE_LEVEL, -E_INVAL },
		{ DEVICE_PORTS, COM2 + 7, 1, 0, -E_BUSY },
		{ DEVICE_PORTS, COM2 - 8, 8, 0, -E_PERM },
		{ DEVICE_PORTS, COM1, 8, 0, -E_PERM },
		{ DEVICE_PORTS, 0xcf8, 8, 0, -E_PERM },
		{ DEVICE_PORTS, 0xf4, 1, 0, -E_PERM },
		{ DEVICE_PORTS, 0, 16, 0, -E_DMA },
		{ DEVICE_PORTS, 0x8f, 1, 0, -E_DMA },
		{ DEVICE_PORTS, 0x514, 8, 0, -E_DMA },
		{ DEVICE_PORTS, 0x3e8, 8, DEVICE_MASTER, -E_DMA },
		{ DEVICE_MEMORY, 0, 4096, 0, -E_PERM },
		{ DEVICE_MEMORY, 0x100000, 4096, 0, -E_PERM },   /* the kernel */
		{ DEVICE_MEMORY, 0xfec00000, 4096, 0, -E_PERM }, /* the I/O APIC */
		{ DEVICE_MEMORY, 0xfee00000, 4096, 0, -E_PERM }, /* the local one */
		{ DEVICE_MEMORY, 1ull << 52, 1, 0, -E_INVAL },
		{ DEVICE_MEMORY, (1ull << 52) - 1, 2, 0, -E_INVAL },
	};

	CHECK(open_line(0));
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (claim(bad[i].kind, bad[i].first, bad[i].count, bad[i].mode) != bad[i].error)
			CHECK_IS(i, -1);
	CHECK_IS(sys_device_claim(SLOT_SELF, DEVICE_IRQ, 5, 1, 0), -E_PERM);
	CHECK_IS(sys_cap_mint(SLOT_MACHINE, RIGHT_ALL & ~RIGHT_MAP, (uint64_t)&cap), 0);
	long machine = sys_cap_bind((uint64_t)&cap);
	CHECK_IS(sys_device_claim((uint32_t)machine, DEVICE_IRQ, 5, 1, 0), -E_PERM);
	CHECK_IS(sys_pci_read((uint32_t)machine, 0, 0), -E_PERM);
	CHECK_IS(sys_cap_drop((uint32_t)machine, 1), 0);
	close_line();
}

static void devices_run_out_and_come_back(void)
{
	static uint32_t slots[EXO_DEVICE_MAX];
	uint32_t n = 0;
	long slot = 0;

	for (uint32_t i = 0; i < EXO_IRQ_LINES; i++)
		if ((slot = claim(DEVICE_IRQ, i, 1, 0)) >= 0)
			slots[n++] = (uint32_t)slot;
	CHECK_IS(n, EXO_IRQ_LINES - 1);
	for (uint32_t port = 0x3e8; n < EXO_DEVICE_MAX; port = port == 0x3ef ? 0x2e8 : port + 1) {
		slot = claim(DEVICE_PORTS, port, 1, 0);
		CHECK(slot >= 0);
		slots[n++] = (uint32_t)slot;
	}
	CHECK_IS(claim(DEVICE_PORTS, COM2, 1, 0), -E_NOSPC);
	while (n)
		CHECK_IS(sys_device_free(slots[--n]), 0);
	slot = claim(DEVICE_PORTS, COM2, 1, 0);
	CHECK(slot >= 0);
	CHECK_IS(sys_device_free((uint32_t)slot), 0);
}

static void accesses_stay_within_what_is_bound(void)
{
	CHECK(open_line(0));
	CHECK_IS(sys_device_read(t.ports, COM_PORTS, 1), -E_INVAL);
	CHECK_IS(sys_device_read(t.ports, COM_PORTS - 1, 2), -E_INVAL);
	CHECK_IS(sys_device_read(t.ports, UINT32_MAX, 1), -E_INVAL);
	CHECK_IS(sys_device_read(t.ports, UINT32_MAX - 1, 4), -E_INVAL);
	CHECK_IS(sys_device_read(t.ports, 1, 2), -E_INVAL);
	CHECK_IS(sys_device_read(t.ports, 0, 0), -E_INVAL);
	CHECK_IS(sys_device_read(t.ports, 0, 3), -E_INVAL);
	long odd = claim(DEVICE_PORTS, 0x378, 3, 0);
	CHECK_IS(sys_device_read((uint32_t)odd, 2, 2), -E_INVAL);
	CHECK_IS(sys_device_read((uint32_t)odd, 0, 4), -E_INVAL);
	CHECK_IS(sys_device_free((uint32_t)odd), 0);
	CHECK_IS(sys_device_write(t.ports, COM_PORTS, 1, 0), -E_INVAL);
	CHECK_IS(sys_device_write(t.ports, 0, 8, 0), -E_INVAL);
	CHECK_IS(sys_device_read(t.irq, 0, 1), -E_PERM);
	CHECK_IS(sys_device_write(t.irq, 0, 1, 0), -E_PERM);
	CHECK_IS(sys_irq_ack(t.ports), -E_PERM);
	CHECK_IS(sys_irq_ack(SLOT_SELF), -E_PERM);
	CHECK_IS(sys_device_read(SLOT_MACHINE, 0, 1), -E_PERM);
	CHECK_IS(sys_device_free(SLOT_MACHINE), -E_PERM);
	CHECK_IS(sys_pci_read(SLOT_MACHINE, 0x10000, 0), -E_INVAL);
	CHECK_IS(sys_pci_read(SLOT_MACHINE, 0, 256), -E_INVAL);
	CHECK_IS(sys_pci_read(SLOT_MACHINE, 0, 2), -E_INVAL);
	close_line();
}

static void a_device_capability_carries_its_rights_and_dies_with_the_device(void)
{
	if (!line_there())
		return;
	CHECK(open_line(0));
	CHECK_IS(sys_cap_mint(t.ports, RIGHT_READ, (uint64_t)&cap), 0);
	uint32_t reader = (uint32_t)sys_cap_bind((uint64_t)&cap);
	CHECK(sys_device_read(reader, LINE_STATUS, 1) >= 0);
	CHECK_IS(sys_device_write(reader, DATA, 1, 0), -E_PERM);
	CHECK_IS(sys_device_free(reader), -E_PERM);
	cap.mac ^= 1;
	CHECK_IS(sys_cap_bind((uint64_t)&cap), -E_PERM);
	cap.mac ^= 1;
	CHECK_IS(sys_cap_revoke(t.ports), 0);
	CHECK_IS(sys_device_read(reader, LINE_STATUS, 1), -E_PERM);
	CHECK_IS(sys_cap_bind((uint64_t)&cap), -E_PERM);
	CHECK(get(LINE_STATUS) >= 0);
	CHECK_IS(sys_cap_mint(t.irq, RIGHT_READ, (uint64_t)&cap), 0);
	CHECK_IS(sys_cap_drop(reader, 1), 0);
	reader = (uint32_t)sys_cap_bind((uint64_t)&cap);
	CHECK_IS(sys_irq_ack(reader), -E_PERM);
	close_line();
	CHECK_IS(sys_irq_ack(t.irq), -E_PERM);
	CHECK_IS(get(LINE_STATUS), -E_PERM);
	CHECK_IS(sys_cap_bind((uint64_t)&cap), -E_PERM);
	CHECK_IS(sys_cap_drop(reader, 1), 0);
}

/* Children that own the line by the slot they are told, and do nothing else. */
static uint32_t await_slot(void)
{
	context_init();
	while (!shared[0])
		context_yield(0);
	return shared[0];
}

static _Noreturn uint32_t acknowledges(uint64_t unused)
{
	uint32_t slot = await_slot();

	(void)unused;
	for (;;) {
		sys_irq_ack(slot);
		shared[1]++;
	}
}

static _Noreturn uint32_t only_waits(uint64_t unused)
{
	(void)unused;
	await_slot();
	context_on_upcall(NULL);
	for (;;)
		context_wait(NULL, 0, WAIT_FOREVER - 1);
}

/* Start a child that owns a line on which something is always pending. */
static bool start_owner(child_fn *fn)
{
	shared[0] = shared[1] = 0;
	if (!open_line(DEVICE_LEVEL) || !child_start(&t.child, fn, 0))
		return false;
	long slot = sys_cap_give(t.irq, 1, t.child.env);
	if (slot < 0 || put(INT_ENABLE, INT_EMPTY) < 0)
		return false;
	shared[0] = (uint32_t)slot;
	return true;
}

static void a_storm_of_interrupts_is_its_owners_alone(void)
{
	uint64_t before = exo_envs()[0].slices;
	const uint32_t turns = 20;

	if (!line_there())
		return;
	CHECK(start_owner(acknowledges));
	EVENTUALLY(shared[1] > 0);
	uint32_t self = exo_info()->running;
	CHECK_IS(line()->owner, t.child.id);
	for (uint32_t i = 0; i < turns; i++)
		context_yield(0);
	CHECK(exo_env(self)->slices - before >= turns);
	CHECK(line()->interrupts > turns);
	CHECK_IS(t.upcalls, 0); /* none of them ours */
	child_reap(&t.child);
	close_line();
}

static void the_death_of_a_lines_owner_frees_the_line(void)
{
	if (!line_there())
		return;
	CHECK(start_owner(only_waits));
	EVENTUALLY(line()->pending);
	CHECK_IS(claim(DEVICE_IRQ, COM2_IRQ, 1, 0), -E_BUSY);
	child_reap(&t.child);
	CHECK_IS(sys_irq_ack(t.irq), -E_PERM); /* our slot is stale, too */
	long slot = claim(DEVICE_IRQ, COM2_IRQ, 1, DEVICE_LEVEL);
	CHECK(slot >= 0);
	EVENTUALLY(t.upcalls); /* the device goes on: it is ours now */
	CHECK_IS(line()->interrupts, 1);
	CHECK_IS(sys_device_free((uint32_t)slot), 0);
	for (int i = 0; i < 5; i++)
		context_yield(0);
	CHECK_IS(t.upcalls, 1); /* nobody's */
	close_line();
}

static void a_device_can_be_taken_back(void)
{
	if (!line_there())
		return;
	CHECK(start_owner(only_waits));
	CHECK_IS(sys_env_revoke(t.child.env, CAP_DEVICE, 2, 0), -E_LIMIT);
	CHECK_IS(sys_env_revoke(t.child.env, CAP_DEVICE, 1, 0), 0);
	CHECK_IS(sys_irq_ack(t.irq), -E_PERM);
	CHECK_IS(exo_info()->device[0].owner, exo_info()->running); /* the ports */
	CHECK_IS(exo_info()->device[1].owner, 0);
	child_reap(&t.child);
	close_line();
}

static void tell(uint32_t reasons) { shared[1] |= reasons; }

static _Noreturn uint32_t tells_upcalls(uint64_t unused)
{
	(void)unused;
	context_on_upcall(tell);
	await_slot();
	for (;;)
		context_wait(NULL, 0, WAIT_FOREVER - 1);
}

static void an_interrupt_nobody_served_is_told_the_next_owner(void)
{
	if (!line_there())
		return;
	CHECK(open_line(DEVICE_LEVEL));
	CHECK_IS(put(INT_ENABLE, INT_EMPTY), 0);
	EVENTUALLY(t.upcalls);
	CHECK_IS(line()->pending, 1);
	shared[0] = 1;
	shared[1] = 0;
	CHECK(child_start(&t.child, tells_upcalls, 0));
	CHECK(sys_cap_give(t.irq, 1, t.child.env) >= 0);
	EVENTUALLY(shared[1] & UPCALL_IRQ);
	CHECK_IS(shared[1] & UPCALL_IRQ, UPCALL_IRQ);
	CHECK_IS(line()->interrupts, 1);
	child_reap(&t.child);
	close_line();
}

/* Bus 0's function with this identity, or -1. */
static long find_pci(uint32_t id)
{
	for (uint32_t f = 0; f < 256; f++)
		if (sys_pci_read(SLOT_MACHINE, f, 0) == id)
			return f;
	return -1;
}

static uint32_t edu_read(uint32_t edu, uint32_t at) { return (uint32_t)sys_device_read(edu, at, 4); }

static void edu_write(uint32_t edu, uint32_t at, uint32_t v) { sys_device_write(edu, at, 4, v); }

static void a_pci_device_is_driven_but_reaches_no_memory(void)
{
	long f = find_pci(EDU_PCI_ID);

	if (f < 0)
		return; /* no such machine */
	uint64_t base = (uint64_t)sys_pci_read(SLOT_MACHINE, (uint32_t)f, 0x10) & ~15ull;
	CHECK_IS(claim(DEVICE_MEMORY, base, EDU_SIZE, DEVICE_MASTER), -E_DMA);
	CHECK_IS(claim(DEVICE_MEMORY, base, 2 << 20, 0), -E_PERM); /* beyond it */
	CHECK_IS(claim(DEVICE_MEMORY, base - 1, EDU_SIZE, 0), -E_PERM);
	uint32_t edu = (uint32_t)claim(DEVICE_MEMORY, base, EDU_SIZE, 0);
	CHECK_IS(edu_read(edu, EDU_ID) & 0xffff, 0xed);
	edu_write(edu, EDU_LIVE, 0x12345678);
	CHECK_IS(edu_read(edu, EDU_LIVE), ~0x12345678u);
	CHECK_IS(sys_pci_read(SLOT_MACHINE, (uint32_t)f, 4) & 4, 0);
	/* Ask it to write over the program's first page: nothing comes. */
	const volatile uint64_t *magic = (const volatile uint64_t *)EXO_FIRST_VA;
	uint64_t before = *magic;
	edu_write(edu, EDU_DMA_FROM, EDU_BUFFER);
	edu_write(edu, EDU_DMA_TO, exo_info()->module[0].page << EXO_PAGE_SHIFT);
	edu_write(edu, EDU_DMA_COUNT, 8);
	edu_write(edu, EDU_DMA_START, 3);
	EVENTUALLY(!(edu_read(edu, EDU_DMA_START) & 1));
	CHECK_IS(edu_read(edu, EDU_DMA_START) & 1, 0);
	CHECK_IS(*magic, before);
	CHECK_IS(sys_device_free(edu), 0);
}

/* Its interrupt comes on one of the lines behind those of ISA, at a level. */
static void a_pci_device_interrupts_until_it_is_served(void)
{
	const uint32_t first = 16, lines = EXO_IRQ_LINES - first;
	uint32_t slot[EXO_IRQ_LINES];
	long f = find_pci(EDU_PCI_ID);

	if (f < 0)
		return; /* no such machine */
	uint64_t base = (uint64_t)sys_pci_read(SLOT_MACHINE, (uint32_t)f, 0x10) & ~15ull;
	uint32_t edu = (uint32_t)claim(DEVICE_MEMORY, base, EDU_SIZE, 0);
	t.upcalls = 0;
	context_on_upcall(on_upcall);
	for (uint32_t i = 0; i < lines; i++)
		slot[i] = (uint32_t)claim(DEVICE_IRQ, first + i, 1, DEVICE_LEVEL | DEVICE_LOW);
	edu_write(edu, EDU_RAISE, 1);
	EVENTUALLY(t.upcalls == 1);
	for (uint32_t i = 0; i < lines; i++)
		sys_irq_ack(slot[i]);
	EVENTUALLY(t.upcalls == 2); /* it has not been served */
	edu_write(edu, EDU_LOWER, 1);
	for (uint32_t i = 0; i < lines; i++)
		sys_irq_ack(slot[i]);
	context_yield(0);
	CHECK_IS(t.upcalls, 2);
	for (uint32_t i = 0; i < lines; i++)
		CHECK_IS(sys_device_free(slot[i]), 0);
	CHECK_IS(sys_device_free(edu), 0);
	context_on_upcall(NULL);
}

const struct ktest device_tests[] = {
	{ "a_serial_line_is_driven_in_ring_3", a_serial_line_is_driven_in_ring_3 },
	{ "an_interrupt_ends_a_sleep", an_interrupt_ends_a_sleep },
	{ "a_line_stays_masked_until_it_is_acknowledged",
	  a_line_stays_masked_until_it_is_acknowledged },
	{ "devices_are_claimed_once_and_within_bounds", devices_are_claimed_once_and_within_bounds },
	{ "devices_run_out_and_come_back", devices_run_out_and_come_back },
	{ "accesses_stay_within_what_is_bound", accesses_stay_within_what_is_bound },
	{ "a_device_capability_carries_its_rights_and_dies_with_the_device",
	  a_device_capability_carries_its_rights_and_dies_with_the_device },
	{ "a_storm_of_interrupts_is_its_owners_alone", a_storm_of_interrupts_is_its_owners_alone },
	{ "the_death_of_a_lines_owner_frees_the_line", the_death_of_a_lines_owner_frees_the_line },
	{ "a_device_can_be_taken_back", a_device_can_be_taken_back },
	{ "an_interrupt_nobody_served_is_told_the_next_owner",
	  an_interrupt_nobody_served_is_told_the_next_owner },
	{ "a_pci_device_is_driven_but_reaches_no_memory",
	  a_pci_device_is_driven_but_reaches_no_memory },
	{ "a_pci_device_interrupts_until_it_is_served",
	  a_pci_device_interrupts_until_it_is_served },
	{ NULL, NULL },
};
