/* libnet/nic.c - see nic.h. SPDX-License-Identifier: ISC */
#include "libnet/nic.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "exo/err.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/args.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/exos/random.h"
#include "libnet/heap.h"
#include "libnet/port/port.h"
#include "lwip/init.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"

enum {
	RX_BASE = EXO_PAGE_SIZE,
	RX_PAGES = 1 + EXO_RING_N * EXO_BUF_SIZE / EXO_PAGE_SIZE,
	HEAP_STEP = 16,           /* pages */
	RX_SCARCE = EXO_RING_N / 2, /* posted: with fewer, wait for the device to give back */
	TX_MANY = EXO_RING_N / 2,   /* entries in flight */
};

static struct {
	uint32_t nic, ring_slot;
	uint32_t pages; /* of the region */
	uint32_t file_pages;
	struct ring ring;
	uint32_t room; /* tx_room before the last send */
} nic;

static uint8_t *region_end(void)
{
	return (uint8_t *)EXOS_RING + (size_t)nic.pages * EXO_PAGE_SIZE;
}

/* Append n pages that are mapped at the region's end. */
static long extend(uint32_t slot, uint32_t n)
{
	long offset = sys_ring_extend(nic.ring_slot, slot, n);

	if (offset >= 0)
		nic.pages += n;
	return offset;
}

static bool grow(void *context, uint8_t *base, uint32_t n)
{
	long slot = memory_new((uint64_t)base, n);

	(void)context;
	if (slot < 0)
		return false;
	if (extend((uint32_t)slot, n) < 0) {
		sys_page_free((uint32_t)slot, n);
		return false;
	}
	return true;
}

static long open_ring(void)
{
	long slot = memory_new(EXOS_RING, RX_PAGES);

	if (slot < 0)
		return slot;
	/* As long as it can get: what lies in it and is not there yet nobody points to. */
	ring_init(&nic.ring, (void *)EXOS_RING, (size_t)EXO_RING_PAGES * EXO_PAGE_SIZE, RX_BASE,
	          EXO_RING_N);
	long ring = sys_ring_create((uint32_t)slot, RX_PAGES);
	if (ring < 0)
		return ring;
	nic.ring_slot = (uint32_t)ring;
	nic.pages = RX_PAGES;
	return 0;
}

static long map_file(void)
{
	const struct exos_args *args = exos_args();
	uint64_t n = (args->file_size + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;

	if (n == 0)
		return 0;
	if (n > EXO_RING_PAGES)
		return -E_LIMIT;
	long error = sys_page_map(SLOT_SELF, (uint64_t)region_end(), args->file_slot, (uint32_t)n,
	                          PROT_R);
	if (error < 0)
		return error;
	nic.file_pages = (uint32_t)n;
	return extend(args->file_slot, (uint32_t)n);
}

long nic_open(void)
{
	uint64_t key[2];
	long slot = sys_cap_bind((uint64_t)&exos_args()->nic), error;

	if (slot < 0)
		return slot;
	nic.nic = (uint32_t)slot;
	if ((error = open_ring()) < 0 || (error = map_file()) < 0)
		return error;
	heap_init(&port_heap, region_end(), EXO_RING_PAGES - nic.pages, HEAP_STEP, grow, NULL);
	if (!random_key(key))
		port_log("no RDRAND: sequence numbers can be guessed\n");
	port_seed(key);
	lwip_init();
	return 0;
}

const struct ring *nic_ring(void) { return &nic.ring; }

void nic_mac(uint8_t mac[6])
{
	for (int i = 0; i < 6; i++)
		mac[i] = exo_info()->nic.mac[i];
}

uint16_t nic_mtu(void) { return (uint16_t)exo_info()->nic.mtu; }

const void *nic_file(void)
{
	return nic.file_pages ? (const uint8_t *)EXOS_RING + RX_PAGES * EXO_PAGE_SIZE : NULL;
}

void nic_send(struct interface *i)
{
	nic.room = i->ring.shared->tx_room;
	sys_ring_send(nic.ring_slot, nic.nic);
}

long nic_filter(const void *filter, long length, const struct exo_cap *carve)
{
	if (length < 0)
		return length;
	long from = carve ? sys_cap_bind((uint64_t)carve) : -E_PERM;
	uint32_t list[1] = { (uint32_t)from };
	long slot = sys_filter_insert(nic.nic, nic.ring_slot, (uint64_t)filter, (uint32_t)length,
	                              (uint64_t)list, from >= 0);
	if (from >= 0)
		sys_cap_drop((uint32_t)from, 1);
	return slot;
}

long nic_filter_over(const void *filter, uint32_t length)
{
	long any = sys_cap_bind((uint64_t)&exos_args()->carve);

	if (any < 0)
		return any;
	long slot = sys_filter_insert((uint32_t)any, nic.ring_slot, (uint64_t)filter, length, 0, 0);
	sys_cap_drop((uint32_t)any, 1);
	return slot;
}

/* --- Time --- */

static uint64_t cycles_per_ms(void)
{
	static uint64_t cycles;

	if (!cycles)
		cycles = exo_info()->tsc_hz / 1000;
	return cycles;
}

u32_t sys_now(void)
{
	return (u32_t)((__builtin_ia32_rdtsc() - exo_info()->boot_tsc) / cycles_per_ms());
}

static uint64_t next_timer(void)
{
	u32_t ms = sys_timeouts_sleeptime();

	if (ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE)
		return WAIT_FOREVER;
	return __builtin_ia32_rdtsc() + ms * cycles_per_ms();
}

/* --- The loop --- */

static struct exo_wait_term changed(const uint32_t *word, uint32_t was)
{
	return (struct exo_wait_term){ .address = (uint64_t)word, .value = was, .op = WAIT_NE,
		                       .or_ = 1 };
}

/* Does anybody wait for the device? Mere reclaiming can wait for the next frame. */
static bool needs_reclaim(const struct interface *i)
{
	return i->posted < RX_SCARCE || i->ring.tx_head - i->ring.tx_tail > TX_MANY;
}

bool nic_work(struct interface *i)
{
	bool more = interface_poll(i) == INTERFACE_BURST;

	sys_check_timeouts();
	interface_flush(i);
	return more;
}

void nic_sleep(struct interface *i, const struct exo_wait_term *also, uint32_t n)
{
	struct exo_wait_term term[3 + NIC_TERMS];
	uint32_t terms = 0;

	term[terms++] = changed(&i->ring.shared->used_head, i->ring.used_tail);
	if (needs_reclaim(i))
		term[terms++] = changed(&i->ring.shared->tx_done, i->ring.tx_tail);
	if (ring_unsent(&i->ring))
		term[terms++] = changed(&i->ring.shared->tx_room, nic.room);
	for (uint32_t k = 0; k < n && k < NIC_TERMS; k++) {
		term[terms] = also[k];
		term[terms].op = WAIT_NE;
		term[terms++].or_ = 1;
	}
	context_wait(term, terms, next_timer());
}

/* --- What lwIP wants to say --- */

void port_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
}

_Noreturn void port_panic(const char *why, const char *file, int line)
{
	printf("lwIP: %s at %s:%d\n", why, file, line);
	abort();
}
