/* exo/ash.h - application-specific handlers: what crosses the boundary.
 *
 * A handler is a program of RFC 9669 instructions that runs when a frame of its owner
 * arrives. It sees nothing but its window: 4 GiB of addresses, named by 32-bit offsets.
 *
 *   offset      what                                                  access
 *   0x00000000  never mapped (null pointers, and wrapped offsets)     -
 *   0x00010000  ASH_CTX     struct ash_ctx, a page                    RW
 *   0x00014000  ASH_STACK   ASH_DEPTH frames of 512 bytes; the first
 *   0x00018000  ASH_STACK_TOP  is the highest, r10 begins here        RW
 *   0x00100000  ASH_DATA    the program's data image                  RW
 *   0x10000000  ASH_RING    the owner's ring region; data and
 *                           data_end of the context point into it     RW
 *   0x40000000  ASH_PAGES   pages shared with the owner's program     R, or RW
 *   0xffff0000  never mapped
 *
 * ASH_GUARD bytes before offset 0 and after the last are never mapped either. An access
 * anywhere else ends the handler: the frame is then delivered as if there were none.
 * Several instructions in a row may use one reduced pointer with displacements that differ
 * by less than 64 KiB; the guards and the two unmapped 64 KiB inside make that exact.
 *
 * Layer: ABI. Sources: RFC 9669; Wallach, Engler, Kaashoek, SIGCOMM '96.
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ASH_CTX       0x00010000u
#define ASH_STACK     0x00014000u
#define ASH_STACK_TOP 0x00018000u
#define ASH_DATA      0x00100000u
#define ASH_RING      0x10000000u
#define ASH_PAGES     0x40000000u
#define ASH_END       0xffff0000u
#define ASH_GUARD     0x00020000u

enum {
	ASH_FRAME = 512,         /* bytes of stack of each function */
	ASH_DEPTH = 32,          /* nested local calls, the first function included */
	ASH_INSN_MAX = 65536,    /* instruction slots of a program */
	ASH_FUNCTION_MAX = 1024, /* functions of a program */
	ASH_BUDGET = 1 << 20,    /* default: instructions of one run */
	ASH_DATA_MAX = 1 << 20,  /* bytes of the data image */
	ASH_COUNTERS = 16,       /* counters of a binding */
	ASH_ENTRIES = 64,        /* entries of an owner that helper `call` can name */
	ASH_CALL_RING = 64,      /* calls that wait for the owner */
	ASH_RUN_CALLS = 4,       /* calls, and */
	ASH_RUN_FRAMES = 4,      /* frames sent or delivered by helpers, of one run */
};
_Static_assert(ASH_STACK_TOP - ASH_STACK == ASH_FRAME * ASH_DEPTH, "the stack's extent");

/* One slot. Numbers in host (little-endian) order. lddw takes two. */
struct ash_insn {
	uint8_t code;
	uint8_t regs; /* dst | src << 4 */
	int16_t off;
	int32_t imm;
};
_Static_assert(sizeof(struct ash_insn) == 8, "RFC 9669, section 3");

/* The value of a function pointer: ASH_CODE + index of its first instruction. Never a
 * window offset. */
#define ASH_CODE 0x100000000ull

/* DILP (ash/dilp.h): a pipeline is at most DILP_PIPES pipes, each word of data goes through
 * them in order. */
enum dilp_kind {
	DILP_COPY,  /* write the word as it is here; at most one */
	DILP_SUM,   /* the Internet checksum; at most one */
	DILP_CRC,   /* CRC-32C; at most one */
	DILP_SWAP,  /* reverse the bytes of each element of `gauge` bytes */
	DILP_XOR,   /* with `key`, whose first byte in memory meets the data's first */
	DILP_USER,  /* insn[0, ninsn): arithmetic on r0, the word; r6 lives on from word to
	               word, r1..r3 are 0 at the start; at most DILP_USERS */
	DILP_KINDS
};

enum {
	DILP_PIPES = 8, DILP_USERS = 3, DILP_USER_INSNS = 32,
	ASH_PIPELINES = 8, /* of one program */
	ASH_PIPES = ASH_PIPELINES * DILP_PIPES,
};

/* A pipe of a program's pipeline k, for helper dilp(k, ...). */
struct ash_pipe {
	uint16_t pipeline; /* k: 0 for the first pipe; then as before, or one more */
	uint8_t kind;      /* enum dilp_kind */
	uint8_t gauge;     /* of SWAP and USER: bytes it works on at once; else 0 */
	uint32_t ninsn;    /* of USER */
	uint64_t key;      /* of XOR */
	struct ash_insn insn[DILP_USER_INSNS];
};
_Static_assert(sizeof(struct ash_pipe) == 16 + 8 * DILP_USER_INSNS, "ABI");

/* What sys_ash_bind takes: this, then insn[ninsn] (struct ash_insn), then pipe[npipe]
 * (struct ash_pipe), then entry[nentry] (uint32_t: indices of functions whose address is in
 * the data). */
struct ash_image {
	uint32_t ninsn, nentry;
	uint32_t start;  /* index of the first instruction */
	uint32_t budget; /* of one run, at most ASH_BUDGET; 0: that */
	uint32_t shared, nshared; /* first of so many slots of own pages, at ASH_PAGES */
	uint32_t shared_write;    /* 1: the handler may write them */
	uint32_t npipe;           /* at most ASH_PIPES */
};
_Static_assert(sizeof(struct ash_image) == 32, "ABI");

/* The pages it takes, the owner's, which stay its own to read and write: the context, the
 * stack, and from the sixth on what lies at ASH_DATA. */
enum { ASH_OWN_PAGES = 5, ASH_DATA_PAGES = 256, ASH_SHARED_PAGES = 512 };

/* Where in the context's page the kernel adds what helper `count` has counted:
 * uint64_t[ASH_COUNTERS]. */
enum { ASH_COUNTS = 2048 };

/* And where it puts what helper `call` asks for, before UPCALL_HANDLER: call[head++ % N]. The
 * owner runs call[tail++ % N], so that an active message becomes control: it takes what lock
 * it likes, or lets one of its threads run. */
enum { ASH_CALLS = 2304 };
struct ash_calls {
	uint32_t head; /* by the kernel */
	uint32_t tail; /* by the owner */
	struct ash_call {
		uint32_t entry; /* below ASH_ENTRIES */
		uint32_t filter;
		uint64_t arg;
	} call[ASH_CALL_RING];
};
_Static_assert(ASH_COUNTS + 8 * ASH_COUNTERS <= ASH_CALLS, "they follow each other");
_Static_assert(ASH_CALLS + sizeof(struct ash_calls) <= 4096, "in the context's page");

/* What r1 points to. The first six words are struct xdp_md's. All offsets are in the
 * window. */
struct ash_ctx {
	uint32_t data;      /* first byte of the frame, its Ethernet header */
	uint32_t data_end;  /* one past the last byte */
	uint32_t data_meta; /* equals data */
	uint32_t ingress_ifindex;
	uint32_t rx_queue_index;
	uint32_t egress_ifindex;
	uint32_t length; /* data_end - data on arrival */
	uint32_t filter; /* index of the filter that took the frame */
	uint64_t time;   /* nanoseconds since boot, when the kernel took its burst up */
	uint32_t ring_free; /* receive buffers the owner has posted */
	uint32_t ring_used; /* frames delivered and not yet given back */
	uint32_t limit;     /* a reply lies between data as it came and here */
	uint32_t shared;    /* bytes at ASH_PAGES */
};
_Static_assert(sizeof(struct ash_ctx) == 56 && offsetof(struct ash_ctx, time) == 32, "ABI");

/* What a handler returns; the numbers are enum xdp_action's. Any other value counts as
 * an abort. */
enum ash_verdict {
	ASH_ABORTED, /* count an abort, deliver the frame */
	ASH_CONSUME, /* XDP_DROP: the handler is done with the frame */
	ASH_PASS,    /* deliver it to the owner's ring */
	ASH_REPLY,   /* XDP_TX: send data..data_end of the context as it is now, consume */
};

/* Helpers, called by number with arguments in r1..r5; r1..r5 are 0 afterwards. Each call
 * charges 1 to the budget, and 1 more for each byte it works on.
 * What wake, count, call, send and deliver do is staged, and happens, before the verdict, if
 * the handler ends well; the bytes sent or delivered are what is there then.
 *   name        what it does; what r0 is, and errors (negative numbers) */
#define ASH_HELPERS(X)                                                                   \
	X(TIME, time, "time(): nanoseconds since boot, of the context")                  \
	X(SUM, sum, "sum(offset, length, start): folded Internet checksum; -E_FAULT")    \
	X(COPY, copy, "copy(to, from, length): bytes, any overlap; 0 or -E_FAULT")        \
	X(RANDOM, random, "random(): 64 bits of the binding's stream; not for secrets")  \
	X(WAKE, wake, "wake(): wake the owner; 0")                                       \
	X(COUNT, count, "count(k, n): add n to counter k; 0 or -E_INVAL")                \
	X(DILP, dilp, "dilp(k, to, from, length, result): run pipeline k of the owner; " \
	              "0, -E_INVAL or -E_FAULT")                                          \
	X(CALL, call, "call(entry, arg): have the owner run its entry; 0, -E_INVAL or "   \
	              "-E_NOSPC")                                                         \
	X(SEND, send, "send(offset, length): send this frame, besides the verdict; 0, "   \
	              "-E_FAULT, -E_INVAL or -E_NOSPC")                                   \
	X(DELIVER, deliver, "deliver(offset, length): copy this frame to the owner's "    \
	                    "next ring slot, besides the verdict; as send")

enum ash_helper {
	ASH_HELPER_NONE,
#define X(upper, lower, text) ASH_HELPER_##upper,
	ASH_HELPERS(X)
#undef X
	ASH_HELPER_END
};

/* What helper `dilp` writes to `result`; sums as helper `sum` has them. */
struct ash_dilp_result {
	uint32_t sum, crc;
};

/* Why a run ended. */
#define ASH_STOPS(X)                                                     \
	X(OK, "ended well")                                              \
	X(FAULT, "access outside the mapped window")                     \
	X(BUDGET, "instruction budget exhausted")                        \
	X(DEPTH, "calls nested too deeply")                              \
	X(CALLX, "callx to what is neither a function nor a helper")

enum ash_stop {
#define X(upper, text) ASH_STOP_##upper,
	ASH_STOPS(X)
#undef X
	ASH_STOP_COUNT
};
