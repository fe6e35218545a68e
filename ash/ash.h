/* ash/ash.h - decode, compile and run handlers.
 *
 *   instructions --ash_decode--> struct ash_program --ash_compile--> machine code
 *                                        `------------ash_interpret (the reference)
 *
 * Both engines give the same result for every program and every input: r0, memory, budget
 * left, and the reason of the end. They share nothing but the decoded program.
 *
 * Layer: leaf library. No allocation, no globals, no I/O; integer registers only. The same
 * sources compile for ring 0 and for the host. Source: RFC 9669.
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "exo/ash.h"
#include "exo/err.h"
#include "dpf/x86.h"

/* What the decoder refuses, by name. */
#define ASH_BADS(X)                                                            \
	X(NONE, "well formed")                                                 \
	X(EMPTY, "program is empty")                                           \
	X(LONG, "program has more than 65536 instruction slots")               \
	X(OPCODE, "no such instruction")                                       \
	X(PACKET, "deprecated packet load: read through the context instead")  \
	X(REGISTER, "no such register")                                        \
	X(READ_ONLY, "r10 is read-only")                                       \
	X(FIELD, "a field this instruction does not use is not zero")          \
	X(IMMEDIATE, "immediate outside the values this instruction has")      \
	X(OFFSET, "offset outside the values this instruction has")            \
	X(WIDE, "the second half of a wide instruction is missing or malformed") \
	X(MAP, "this kind of wide instruction is not offered: maps and variables") \
	X(TARGET, "jump outside the program or into a wide instruction")       \
	X(CROSS, "jump into another function")                                 \
	X(CALLEE, "call outside the program or into a wide instruction")       \
	X(HELPER, "no such helper")                                            \
	X(END, "control can run off the end of the function")                  \
	X(FUNCTIONS, "too many functions")

enum ash_bad {
#define X(upper, text) ASH_BAD_##upper,
	ASH_BADS(X)
#undef X
	ASH_BAD_COUNT
};

/* Marks of an instruction slot. */
enum {
	ASH_SECOND = 1,   /* the second half of a wide instruction */
	ASH_TARGET = 2,   /* some jump leads here */
	ASH_FUNCTION = 4, /* a function starts here */
};

/* A decoded program. The caller owns the arrays and keeps them unchanged while the program
 * is in use; mark and function are filled by ash_decode. */
struct ash_program {
	const struct ash_insn *insn;
	uint32_t ninsn;
	uint32_t start;     /* index of the instruction that runs first */
	uint8_t *mark;      /* [ninsn] of ASH_SECOND, ... */
	uint32_t *function; /* [ASH_FUNCTION_MAX]: first instructions, ascending; [0] is 0 */
	uint32_t nfunction;
	enum ash_bad bad; /* after a refusal: why, */
	uint32_t at;      /* and the index of the slot */
};

/* Check the form of p->insn[0, ninsn), which must be private to the caller (it is read
 * several times), and find its functions; p->start begins one.
 *   entry, nentry   further function starts, for function pointers in the data image
 * Returns 0, or with p->bad and p->at set,
 *   -E_INVAL  the program breaks a rule of enum ash_bad
 *   -E_LIMIT  p->bad is LONG or FUNCTIONS
 * Cost is linear in ninsn (times the logarithm of the functions). */
int ash_decode(struct ash_program *p, const uint32_t *entry, uint32_t nentry);
const char *ash_bad_text(enum ash_bad bad);
const char *ash_stop_text(uint32_t stop);

/* Number in p->function of the function that holds instruction `at`. */
uint32_t ash_function_of(const struct ash_program *p, uint32_t at);
/* Slots of function f: what a call of it is charged. */
uint32_t ash_function_length(const struct ash_program *p, uint32_t f);

/* A mapped part of the window: [first, first + length), whole pages, ascending. */
struct ash_extent {
	uint32_t first, length;
	bool writable;
};
enum { ASH_EXTENTS = 8 };

/* What a handler asked for, to be done if it ends well. */
struct ash_effects {
	union {
		struct {
			bool wake, counted; /* counted: count[] is not all zero */
			uint8_t ncall, nframe;
		};
		uint32_t any; /* of all these */
	};
	uint64_t count[ASH_COUNTERS];
	struct ash_call call[ASH_RUN_CALLS]; /* [ncall]; filter is not set */
	struct ash_effect_frame {
		uint32_t at, length; /* window offset, mapped; bytes, a frame's length */
		bool send;           /* else deliver */
	} frame[ASH_RUN_FRAMES]; /* [nframe] */
};
struct dilp; /* ash/dilp.h */

/* One run. Fields above the line are read by emitted code, at these offsets. */
struct ash_run {
	uint8_t *window;  /* address of offset 0 */
	uint64_t budget;  /* instructions left; both engines leave the same remainder */
	uint64_t r0;      /* out */
	uint64_t r1, r2;  /* in: usually ASH_CTX and 0 */
	/* Does helper `id` with arg[0..4]; the value becomes r0. May set stop. */
	uint64_t (*helper)(struct ash_run *run, uint32_t id, const uint64_t *arg);
	uint32_t stop;    /* out: enum ash_stop; 0 when a helper is called */
	/* ---- */
	uint32_t nextent;
	struct ash_extent extent[ASH_EXTENTS]; /* for helpers and the interpreter */
	uint64_t fault; /* after ASH_STOP_FAULT: window offset, if known */
	uint64_t time;  /* in: what the helper `time` answers, nanoseconds */
	uint64_t random; /* in and out: the state of helper `random` */
	const struct dilp *dilp; /* in: the owner's pipelines, [ndilp], for helper `dilp` */
	uint32_t ndilp;
	uint32_t shared; /* in: bytes at ASH_PAGES, for the context */
	struct ash_effects effects; /* out: staged */
};

/* True if [offset, offset + length) lies in the extents (several adjacent ones may hold it
 * together), all writable if `write`. length 0: offset is not looked at. */
bool ash_mapped(const struct ash_run *run, uint64_t offset, uint64_t length, bool write);
/* Take n from the budget; false, with run->stop set and the budget 0, if there is not so
 * much. */
bool ash_charge(struct ash_run *run, uint64_t n);

/* Helper id's work, as ash_run.helper: the whole ABI of exo/ash.h. Reads and writes only
 * what ash_mapped allows. An unknown id gives -E_NOSYS. */
uint64_t ash_helper(struct ash_run *run, uint32_t id, const uint64_t *arg);

/* The reference interpreter. Returns and sets run->stop; run->r0 is set when it is 0. */
uint32_t ash_interpret(const struct ash_program *p, struct ash_run *run);

/* A frame that waits for a handler: at window offset `at`, in the run's mapped, writable
 * part, with room for a reply of `room` bytes (at least length). */
struct ash_frame {
	uint32_t at, length, room;
	uint32_t interface, queue, filter;
	uint32_t ring_free, ring_used;
	uint64_t time;
};

/* Write the context for f, and set the run's r1, r2 and time; no effects. The budget is the
 * caller's. */
void ash_frame_begin(struct ash_run *run, const struct ash_frame *f);
/* What became of f, after a run of it that ended with `stop`. For ASH_REPLY, the bytes
 * [*first, *first + *length) are to be sent; they lie in the frame's room, and are at least
 * an Ethernet header: a handler that left anything else in the context counts as aborted.
 * After ASH_ABORTED there are no effects. */
enum ash_verdict ash_frame_end(struct ash_run *run, const struct ash_frame *f,
                               uint32_t *first, uint32_t *length);

/* What ash_compile works in; the caller's. label[] has ninsn entries. */
struct ash_workspace {
	struct x86_label *label;
	struct x86_label stub[ASH_FUNCTION_MAX];
};

/* The emitted program. code[0] is its entry: uint32_t entry(struct ash_run *), which works
 * as ash_interpret does. It touches the window, *run, and ASH_NATIVE_STACK bytes of stack.
 * A fault with the instruction pointer in [body, end) is the handler's own when its address
 * is in the window or the guards: set the instruction pointer to code + fault_exit, change
 * no register, and continue; the entry then returns ASH_STOP_FAULT. */
struct ash_code {
	uint32_t body, end, fault_exit; /* offsets in code */
	uint32_t length;                /* bytes in all */
};
typedef uint32_t ash_entry(struct ash_run *run);
enum { ASH_NATIVE_STACK = 64 * ASH_DEPTH + 256 };

/* Bytes of code that are enough for p, always. */
size_t ash_code_bound(const struct ash_program *p);
/* Compile p, decoded before, into code[0, cap). Position-independent; the caller makes it
 * executable, and no longer writable. where, if not null, has ninsn entries and receives the
 * offset of each instruction's code.
 * Returns 0, or -E_NOSPC (cap is below ash_code_bound; code[] then holds garbage). */
int ash_compile(const struct ash_program *p, struct ash_workspace *w, uint8_t *code,
                size_t cap, struct ash_code *out, uint32_t *where);
