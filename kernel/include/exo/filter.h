/* exo/filter.h - packet filters as they cross the user/kernel boundary.
 *
 * A filter is a flat run of bytes, a header and then two parts, either of which may be
 * empty but not both:
 *
 *   +--------------+--------------------------------------+------------------------+
 *   | exo_filter   | npaths x { exo_path, natoms x atom } | ninsns x exo_bpf_insn  |
 *   +--------------+--------------------------------------+------------------------+
 *
 * It accepts a frame when any path holds, or when the classic BPF program returns a
 * nonzero value. A path holds when each of its atoms holds. An atom whose bytes are not
 * all inside the captured frame does not hold, whatever it asks.
 *
 * Model: the DPF filter language (Engler & Kaashoek, SIGCOMM '96), with disjunction,
 *        ranges, priorities and classic BPF (McCanne & Jacobson, USENIX '93) added.
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

enum {
	FILTER_PATHS_MAX = 64,      /* paths of one filter */
	FILTER_ATOMS_MAX = 40,      /* atoms of one path, shifts included */
	FILTER_SHIFTS_MAX = 4,      /* shift atoms of one path */
	FILTER_SHIFT_MAX = 8,       /* bits a shift atom shifts by */
	FILTER_INSNS_MAX = 16384,   /* instructions of a BPF program */
	FILTER_BYTES_MAX = 192 * 1024, /* of a whole filter */
};

/* exo_filter.flags */
enum {
	/* A subscriber: gets a copy of what it accepts beside the winner, takes nothing
	 * from anybody and is never the winner. For broadcast, multicast and capture. */
	FILTER_SHARED = 1,
};

/* exo_path.flags */
enum {
	/* Not part of the mirror: says nothing about what the owner may transmit. */
	FILTER_RX_ONLY = 1,
};

/* What an atom does with v = load(width, frame + base + offset) & mask. The load is
 * big-endian; mask, lo and hi are written as in a protocol document (ethertype IPv4 is
 * width 2, offset 12, mask 0xffff, lo = hi = 0x0800). Width 0 loads nothing: v is
 * (length of the frame on the wire) & mask, and offset must be 0. */
enum filter_op {
	FILTER_IN = 1,  /* holds when lo <= v && v <= hi; lo == hi is a comparison */
	FILTER_OUT,     /* holds when v < lo || hi < v */
	FILTER_SHIFT,   /* holds; base += v << lo, or v >> hi, for the atoms that follow
	                   (width 1 or 2; lo or hi is 0) */
};

struct exo_atom {
	uint8_t op;      /* enum filter_op */
	uint8_t width;   /* bytes loaded: 0, 1, 2 or 4 */
	uint16_t offset; /* bytes from base; base is 0 (the Ethernet header) at first */
	uint32_t mask;   /* fits in width bytes */
	uint32_t lo;     /* IN, OUT: lo <= hi, both inside mask's width. SHIFT: 0..FILTER_SHIFT_MAX */
	uint32_t hi;     /* SHIFT: 0..FILTER_SHIFT_MAX */
};

struct exo_path {
	uint16_t natoms; /* 0..FILTER_ATOMS_MAX; a path without atoms accepts every frame */
	uint16_t flags;
	uint32_t zero;
};

/* The classic instruction, as in struct bpf_insn of libpcap and struct sock_filter. */
struct exo_bpf_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct exo_filter {
	uint32_t bytes;    /* of the whole filter: exactly the sum of its parts */
	uint16_t priority; /* where filters overlap the higher one wins; 0 is usual */
	uint16_t flags;
	uint16_t npaths;   /* 0..FILTER_PATHS_MAX */
	uint16_t zero;
	uint32_t ninsns;   /* 0..FILTER_INSNS_MAX */
};

_Static_assert(sizeof(struct exo_atom) == 16, "ABI");
_Static_assert(sizeof(struct exo_path) == 8, "ABI");
_Static_assert(sizeof(struct exo_bpf_insn) == 8, "ABI");
_Static_assert(sizeof(struct exo_filter) == 16, "ABI");
_Static_assert(sizeof(struct exo_filter) +
                       FILTER_PATHS_MAX * (sizeof(struct exo_path) +
                                           FILTER_ATOMS_MAX * sizeof(struct exo_atom)) +
                       FILTER_INSNS_MAX * sizeof(struct exo_bpf_insn) <=
               FILTER_BYTES_MAX, "every filter within the limits fits");
