/* dpf/dpf.h - many packet filters, merged and compiled to one native function.
 *
 * A classifier holds filters (exo/filter.h), each with an owner's tag, and answers
 * "whose frame is this?" by running machine code that it generated from them. Paths that
 * ask the same questions form a shape (dpf/shape.h); a filter whose shapes are known is a
 * write to a hash table, one of a new shape makes the function anew.
 *
 * Order where filters overlap: the higher priority wins; then a path whose atoms
 * strictly imply the other's wins (BPF parts that are not atoms count as true, unless what
 * they ask first excludes the other); any
 * other overlap is refused at insertion. FILTER_SHARED filters stand aside: they never
 * win, and take nothing.
 *
 * Concurrency: one caller at a time changes a classifier. Classification may run at any
 * time on any CPU; what a change retires is freed by dpf_reclaim only.
 * Layer: leaf library. Freestanding C headers and exo/ only; no globals, no I/O,
 *        integer registers only; memory comes through struct dpf_memory.
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "exo/err.h"
#include "exo/filter.h"

enum {
	DPF_PAGE = 4096,
	DPF_FILTERS_MAX = 1 << 20, /* filters of one classifier */
	DPF_SHAPES_MAX = 1024,     /* different shapes of paths in one classifier */
	DPF_BURST_MAX = 32,        /* frames of one burst */
	DPF_WORK_MAX = 1 << 16,    /* paths compared one by one in an overlap check */
};

/* Code pages. The library writes through `write` and runs at `exec` (they may be equal),
 * and never writes again after seal. */
struct dpf_code {
	uint8_t *write;
	uint8_t *exec;
	size_t npages;
};

/* Where memory comes from. Each function gets ctx. Data pages are zeroed, contiguous and
 * aligned to DPF_PAGE. alloc returns NULL and code_alloc false when there is none. The
 * library never calls them from classification. */
struct dpf_memory {
	void *ctx;
	void *(*alloc)(void *ctx, size_t npages);
	void (*free)(void *ctx, void *pages, size_t npages);
	bool (*code_alloc)(void *ctx, struct dpf_code *code, size_t npages);
	/* From here on the pages are executable and not writable. */
	void (*code_seal)(void *ctx, const struct dpf_code *code);
	void (*code_free)(void *ctx, const struct dpf_code *code);
};

struct dpf; /* a classifier */

/* The machine code of a BPF program (SysV ABI): what the program returns.
 *   frame    caplen readable bytes from the Ethernet header on; never read beyond
 *   wirelen  length on the wire; the `len` of BPF and of width-0 atoms */
typedef uint32_t dpf_fn(const uint8_t *frame, uint32_t caplen, uint32_t wirelen);

/* Make a classifier for up to max_filters filters, whose tables and code together take at
 * most max_pages pages. seed keys the hash tables: unpredictable, or fixed for runs
 * that must repeat. *mem is copied. Returns 0 and sets *out, or
 *   -E_INVAL  max_filters is 0 or above DPF_FILTERS_MAX
 *   -E_NOMEM  no page for it */
int dpf_create(struct dpf **out, const struct dpf_memory *mem, uint32_t max_filters,
               size_t max_pages, uint64_t seed);

/* Free everything at once. Nobody may be classifying. */
void dpf_destroy(struct dpf *d);

/* Filters whose packets an insertion may take: ids of this classifier. count DPF_ALL
 * stands for every filter. */
enum { DPF_ALL = 0xffffffff };
struct dpf_dominance {
	const uint32_t *ids;
	uint32_t count;
};

/* Insert a filter for owner (a tag that dpf only stores).
 *   filter    `length` bytes, untrusted but private: nobody changes them during the call
 *   may       filters that it may take packets from, or copy if it is FILTER_SHARED; NULL: none
 *   conflict  out, may be NULL: the id named by -E_OVERLAP, else 0
 * Returns the filter's id (1..max_filters), or, with nothing changed,
 *   -E_INVAL    the bytes are no valid filter (exo/filter.h), or its BPF program is not
 *               valid (dpf/bpf.h)
 *   -E_OVERLAP  it takes packets from filter *conflict, or copies them, and `may` does not
 *               name it; or it overlaps that filter and neither is above the other
 *   -E_LIMIT    more than DPF_SHAPES_MAX shapes (a BPF program that cannot be expanded to
 *               paths has one of its own), or an overlap check beyond DPF_WORK_MAX
 *   -E_NOSPC    max_filters are installed
 *   -E_NOMEM    no memory, or max_pages reached
 * A filter that can accept no frame at all is valid and never wins. An id is used again
 * only after dpf_reclaim. */
int dpf_insert(struct dpf *d, const void *filter, size_t length, uint32_t owner,
               const struct dpf_dominance *may, uint32_t *conflict);

/* Remove a filter. Returns 0, or -E_INVAL when there is none of that id. */
int dpf_delete(struct dpf *d, uint32_t id);

/* Never use this id again. Only between its dpf_delete and dpf_reclaim; else nothing happens. */
void dpf_spend(struct dpf *d, uint32_t id);

/* The winner's id, or 0. Frames shorter than a test are not read beyond caplen.
 * Takes wirelen >= caplen as it is given. */
uint32_t dpf_classify(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                      uint32_t wirelen);

/* The same for n <= DPF_BURST_MAX frames that are wholly captured (caplen == wirelen);
 * ids[i] is frames[i]'s winner. */
void dpf_classify_burst(const struct dpf *d, const uint8_t *const frames[],
                        const uint32_t lens[], uint32_t n, uint32_t ids[]);

/* Every filter that accepts the frame, shared ones too: writes the first max of their
 * ids, each once, in no particular order, and returns how many there are. */
uint32_t dpf_match_set(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                       uint32_t wirelen, uint32_t ids[], uint32_t max);

/* Only the FILTER_SHARED filters among them. Costs nothing while there are none. */
uint32_t dpf_match_shared(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                          uint32_t wirelen, uint32_t ids[], uint32_t max);

/* Free what earlier changes retired. Call when no classification that began before the
 * last change is still running (on one CPU: whenever none is running). */
void dpf_reclaim(struct dpf *d);

/* The owner's tag given at insertion, or 0 when there is no such filter. */
uint32_t dpf_owner(const struct dpf *d, uint32_t id);

/* What it holds now. */
struct dpf_stats {
	uint32_t filters;      /* installed, shared ones included */
	uint32_t shared;
	uint32_t paths;        /* accepting paths of all filters */
	uint32_t residual;     /* of those, paths that end in a BPF predicate */
	uint32_t shapes;
	uint32_t tables;       /* shapes that are looked up by hash */
	uint32_t code_bytes;   /* machine code in use */
	size_t data_pages, code_pages;
	uint32_t generated;    /* blocks of code generated since creation, */
	uint64_t emitted;      /* and their bytes */
	uint32_t rekeyed;      /* tables given a new hash key since creation */
};
void dpf_stats(const struct dpf *d, struct dpf_stats *out);

/* For tools that show code: emit the function of the exclusive filters, or of the shared ones,
 * once more into code[0, room), and tell the listener (dpf/gen.h) what each piece asks. Returns its length;
 * 0: no room. Nobody else uses d meanwhile. */
struct gen_listener;
uint32_t dpf_tell(struct dpf *d, bool shared, uint8_t *code, size_t room,
                  const struct gen_listener *listener);

/* Bytes charged to a filter: its records, its share of table slots, its own code. 0 when
 * there is no such filter. The sum over an owner's filters is what the owner holds. */
uint32_t dpf_charge(const struct dpf *d, uint32_t id);

/* The mirror of a filter: for what it receives, what its owner may transmit. Source and
 * destination are exchanged in every atom: MAC addresses, ARP's sender and target, IPv4
 * and IPv6 addresses, TCP and UDP ports ("to address A, UDP port P" becomes "from address
 * A, UDP port P"). Left out: paths marked FILTER_RX_ONLY, paths with an atom that lies
 * across the edge of an exchanged field, and the BPF part unless it is expanded to paths.
 *   in    `length` bytes, untrusted but private to the caller
 *   out   cap bytes; FILTER_BYTES_MAX is always enough
 * Returns the mirror's length (0: nothing is left, the owner may send nothing by it), or
 *   -E_INVAL  as dpf_insert
 *   -E_NOSPC  cap is too small */
long dpf_mirror(const void *in, size_t length, void *out, size_t cap);

/* Check that bytes are a valid filter, as dpf_insert does first. 0 or -E_INVAL. */
int dpf_check(const void *filter, size_t length);
