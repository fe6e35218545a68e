/* kernel/timer.c - local APIC, I/O APIC, time stamp counter.
 *
 * Source: Intel SDM vol. 3, chapter 11; 82093AA (I/O APIC) and 8254 data sheets.
 * SPDX-License-Identifier: ISC */
#include "exo/wait.h"
#include "kernel/cpu.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/timer.h"

enum { /* local APIC registers, byte offsets */
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_LVT_TIMER = 0x320,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
	APIC_MASKED = 1 << 16,
	APIC_ENABLE = 1 << 8,
	DIVIDE_BY_1 = 0xb,
};

enum {
	APIC_BASE_MSR = 0x1b,
	IOAPIC = 0xfec00000,
	IOAPIC_LOW = 1 << 13,
	IOAPIC_LEVEL = 1 << 15,
	IOAPIC_MASKED = 1 << 16,
	PIT_HZ = 1193182,
	PIT_CHANNEL2 = 0x42,
	PIT_MODE = 0x43,
	PIT_GATE = 0x61,
	PIT_LATCH = 0x80, /* of channel 2 */
	PIT_OUT = 0x20,   /* of PIT_GATE */
	CALIBRATE_TICKS = PIT_HZ / 500, /* 2 ms */
	CALIBRATE_TRIES = 100,
	READINGS = 5,
	PIC1_DATA = 0x21,
	PIC2_DATA = 0xa1,
};

static struct {
	volatile uint32_t *apic, *ioapic;
	uint64_t ratio; /* APIC timer ticks for a TSC cycle, times 2^32 */
} state;

static void apic_write(uint32_t offset, uint32_t v) { state.apic[offset / 4] = v; }
static uint32_t apic_read(uint32_t offset) { return state.apic[offset / 4]; }

/* The three clocks at one moment. */
struct moment {
	uint64_t tsc;
	uint32_t apic, pit; /* both count down */
};

/* The time stamp is that of the middle of the reading; of several readings the quickest
 * counts: a hypervisor may have stopped us during the others. */
static struct moment read_clocks(void)
{
	struct moment best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		uint64_t before = rdtsc();
		outb(PIT_MODE, PIT_LATCH);
		uint32_t apic = apic_read(APIC_TIMER_CURRENT);
		uint64_t took = rdtsc() - before;
		uint32_t low = inb(PIT_CHANNEL2);
		uint32_t pit = low | (uint32_t)inb(PIT_CHANNEL2) << 8;

		if (took < least) {
			least = took;
			best = (struct moment){ before + took / 2, apic, pit };
		}
	}
	return best;
}

/* Compare the clocks over CALIBRATE_TICKS or more of the PIT's. False: its counter has passed
 * zero meanwhile. */
static bool compare(void)
{
	outb(PIT_GATE, (inb(PIT_GATE) & 0xfc) | 1); /* gate on, speaker off */
	outb(PIT_MODE, 0xb0);                       /* channel 2, low then high byte, mode 0 */
	outb(PIT_CHANNEL2, 0xff);
	outb(PIT_CHANNEL2, 0xff);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	const struct moment start = read_clocks();
	struct moment end;

	do
		end = read_clocks();
	while (start.pit - end.pit < CALIBRATE_TICKS);
	bool good = !(inb(PIT_GATE) & PIT_OUT); /* the output rises at zero */
	apic_write(APIC_TIMER_INITIAL, 0);
	uint64_t tsc = end.tsc - start.tsc, ticks = start.apic - end.apic;
	if (!good || tsc == 0 || ticks == 0)
		return false;
	info.tsc_hz = tsc * PIT_HZ / (start.pit - end.pit);
	state.ratio = (ticks << 32) / tsc;
	info.slice_cycles = info.tsc_hz / 1000000 * SLICE_US;
	cpu()->slice_ticks = (uint32_t)(info.slice_cycles * state.ratio >> 32);
	return true;
}

static void calibrate(void)
{
	for (int i = 0; !compare(); i++)
		if (i == CALIBRATE_TRIES)
			panic("timer: the clocks do not run");
}

void timer_init(void)
{
	outb(PIC1_DATA, 0xff);
	outb(PIC2_DATA, 0xff);
	state.apic = kmap_device(rdmsr(APIC_BASE_MSR) & PTE_ADDR, 4096);
	cpu()->timer = &state.apic[APIC_TIMER_INITIAL / 4];
	state.ioapic = kmap_device(IOAPIC, 4096);
	apic_write(APIC_SPURIOUS, APIC_ENABLE | VEC_SPURIOUS);
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_MASKED | VEC_TIMER);
	calibrate();
	apic_write(APIC_LVT_TIMER, VEC_TIMER);
}

void timer_arm(uint64_t when)
{
	uint64_t now = rdtsc();
	uint64_t cycles = when > now ? when - now : 0;
	unsigned __int128 ticks = (unsigned __int128)cycles * state.ratio >> 32;

	if (when == WAIT_FOREVER)
		ticks = 0; /* stops the timer */
	else if (ticks == 0)
		ticks = 1;
	apic_write(APIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}

void timer_arm_slice(void) { *cpu()->timer = cpu()->slice_ticks; }

void timer_eoi(void) { apic_write(APIC_EOI, 0); }

void timer_route(uint8_t irq, uint8_t vector, uint32_t mode, bool masked)
{
	state.ioapic[0] = 0x11 + 2 * irq; /* high half: to local APIC 0 */
	state.ioapic[4] = 0;
	state.ioapic[0] = 0x10 + 2 * irq; /* low half: fixed, physical */
	state.ioapic[4] = vector | (mode & DEVICE_LEVEL ? IOAPIC_LEVEL : 0) |
	                  (mode & DEVICE_LOW ? IOAPIC_LOW : 0) | (masked ? IOAPIC_MASKED : 0);
}
