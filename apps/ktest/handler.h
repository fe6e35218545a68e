/* apps/ktest/handler.h - a handler under test: a filter with a ring, the handler's pages, and
 * frames that come to it, ARP replies of the host's user network. Layer: apps.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <string.h>
#include "apps/ktest/wire.h"
#include "exo/ash.h"

enum {
	WINDOW_VA = KTEST_VA + 0x200000, /* the handler's own pages, as we see them */
	WINDOW_PAGES = ASH_OWN_PAGES + 1,
	DATA_VA = WINDOW_VA + ASH_OWN_PAGES * EXO_PAGE_SIZE,
};
/* RFC 9669: r0 = v; r1 = v; r1 = 64 bits; exit; loads and stores; loops. */
#define MOV(dst, v)      { .code = 0xb7, .regs = dst, .imm = (int32_t)(v) }
#define MOV_REG(dst, src) { .code = 0xbf, .regs = dst | src << 4 }
#define ADD(dst, v)      { .code = 0x07, .regs = dst, .imm = (v) }
#define LOAD(dst, src, o) { .code = 0x61, .regs = dst | (src) << 4, .off = (o) }
#define STORE(dst, src, o) { .code = 0x63, .regs = dst | (src) << 4, .off = (o) }
#define STORE_LONG(dst, src, o) { .code = 0x7b, .regs = dst | (src) << 4, .off = (o) }
#define STORE_BYTE(dst, o, v) { .code = 0x72, .regs = dst, .off = (o), .imm = (v) }
#define JUMP_ABOVE(r, v, o) { .code = 0x25, .regs = r, .off = (o), .imm = (v) }
#define JUMP_NOT(r, v, o) { .code = 0x55, .regs = r, .off = (o), .imm = (v) }
#define SWAP_IF_R0(dst, src) { .code = 0xc3, .regs = dst | (src) << 4, .imm = 0xf1 } /* 32 bits */
#define JUMP(o)          { .code = 0x05, .off = (o) }
#define CALL_SELF        { .code = 0x85, .regs = 1 << 4, .imm = -1 }
#define CALL(helper)     { .code = 0x85, .imm = ASH_HELPER_##helper }
#define EXIT             { .code = 0x95 }

/* The handler under test. */
struct handler_test {
	long filter;
	uint32_t pages;
	uint32_t frames; /* that should have reached the ring */
	struct ash_image extra;                /* what bindings ask for beside their program */
	struct ash_pipe pipes[ASH_PIPES + 1]; /* [extra.npipe] */
};
extern struct handler_test ash;

bool open_handler(void);
void close_handler(void);

/* The filter's index, and its counters. */
uint32_t filter_index(void);
const volatile struct exo_filter_info *counts(void);

/* sys_ash_bind of n instructions; of those named. */
long bind(const struct ash_insn *insn, uint32_t n);
#define BIND(...)                                                                 \
	bind((const struct ash_insn[]){ __VA_ARGS__ },                            \
	     sizeof (struct ash_insn[]){ __VA_ARGS__ } / sizeof(struct ash_insn))

/* Ask who has 10.0.2.2, and wait until the answer has been through the filter. */
bool one_frame(void);

/* The frame came to the ring, and is an ARP reply. */
bool delivered(void);
