/* apps/ktest/handler.c - see handler.h. SPDX-License-Identifier: ISC */
#include "apps/ktest/handler.h"

struct handler_test ash;

uint32_t filter_index(void)
{
	struct exo_cap cap = { 0 };

	sys_cap_mint((uint32_t)ash.filter, RIGHT_READ, (uint64_t)&cap);
	return cap.name & 0xfffffff;
}

const volatile struct exo_filter_info *counts(void)
{
	return &exo_filters()[filter_index()];
}

bool open_handler(void)
{
	ash.frames = 0;
	ash.extra = (struct ash_image){ 0 };
	if (!open_ring())
		return false;
	post_buffers();
	ash.filter = insert_arp();
	ash.pages = (uint32_t)sys_page_alloc(PAGE_ANY, WINDOW_PAGES);
	return ash.filter > 0 && sys_page_map(SLOT_SELF, WINDOW_VA, ash.pages, WINDOW_PAGES,
	                                      PROT_R | PROT_W) == 0;
}

void close_handler(void)
{
	close_ring();
	sys_page_free(ash.pages, WINDOW_PAGES);
}

long bind(const struct ash_insn *insn, uint32_t n)
{
	static struct {
		struct ash_image head;
		struct ash_insn insn[64];
		uint8_t pipes[sizeof ash.pipes];
	} image;
	uint32_t code = n * (uint32_t)sizeof *insn, piped = ash.extra.npipe * (uint32_t)sizeof *ash.pipes;

	image.head = ash.extra;
	image.head.ninsn = n;
	memcpy(image.insn, insn, code);
	memcpy((uint8_t *)image.insn + code, ash.pipes, piped);
	return sys_ash_bind((uint32_t)ash.filter, (uint64_t)&image,
	                    (uint32_t)sizeof image.head + code + piped, ash.pages, WINDOW_PAGES);
}

bool one_frame(void)
{
	uint64_t before = counts()->frames;

	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	if (send() != 0)
		return false;
	EVENTUALLY(counts()->frames != before);
	return counts()->frames == before + 1;
}

bool delivered(void)
{
	const volatile struct exo_rx *rx = &ring()->used[ash.frames % EXO_RING_N];
	const uint8_t *frame = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;

	return ring()->used_head == ++ash.frames && rx->length >= ARP_LENGTH &&
	       memcmp(frame + 28, peer_ip, 4) == 0;
}
