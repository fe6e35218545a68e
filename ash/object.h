/* ash/object.h - an object that clang wrote for BPF, linked to a flat program.
 *
 *   object file --ash_object_link--> instructions, entries, data image --> ash_decode, the kernel
 *
 * Executable sections follow each other in the file's order, and so do the sections that hold
 * data, aligned, from ASH_DATA on; relocations are applied, and nothing refers to the file
 * any more. The object is untrusted. It is linked outside the kernel; what comes out is
 * decoded again by whoever runs it.
 *
 * Layer: leaf library, of the loader only; no allocation, no I/O.
 * Source: System V ABI; the relocations of LLVM's BPF target. SPDX-License-Identifier: ISC
 */
#pragma once
#include "ash/ash.h"
#include "ash/elf.h"

/* Why an object is refused. `symbol` and `section` of struct ash_object say where. */
#define ASH_OBJECT_BADS(X)                                                            \
	X(NONE, "linked")                                                             \
	X(FORMAT, "not an object of clang -target bpf (64-bit, little-endian)")       \
	X(DAMAGED, "the object is damaged: a table leaves the file")                  \
	X(CODE_SIZE, "the code is not a whole number of 8-byte instructions")         \
	X(LONG, "the program has more than 65536 instruction slots")                  \
	X(DATA, "the data take more than 1 MiB")                                      \
	X(ALIGN, "data that ask for an alignment over 4096 bytes")                    \
	X(MAPS, "BPF maps are not offered: use a global array")                       \
	X(RELOC, "a relocation that does not fit what it changes")                    \
	X(UNDEFINED, "undefined symbol: a function must be in the same file, or inline") \
	X(PLACE, "refers to something that is neither code nor data of the program")  \
	X(FUNCTION, "refers to a function outside its section")                       \
	X(NO_PROGRAM, "no such program in the object")                                \
	X(PROGRAMS, "the object has several programs: name one")                      \
	X(ENTRIES, "too many functions whose address is taken")                        \
	X(PIPES, "section ash.pipes is not 1 to 64 whole pipes")

enum ash_object_bad {
#define X(upper, text) ASH_OBJECT_##upper,
	ASH_OBJECT_BADS(X)
#undef X
	ASH_OBJECT_BAD_COUNT
};

struct ash_object {
	/* In: the file, and the program to start with, by the name of its function; null: the
	 * only global function outside .text, or else the only global function. */
	const uint8_t *file;
	size_t size;
	const char *program;
	/* In: room, the caller's. */
	struct ash_insn *insn; /* [ASH_INSN_MAX] */
	uint8_t *data;         /* [ASH_DATA_MAX] */
	uint32_t *entry;       /* [ASH_FUNCTION_MAX] */
	/* Out. */
	uint32_t ninsn, start, nentry, data_length; /* start: an index of insn */
	const char *name; /* of the program; in the file */
	uint32_t npipe;   /* its DILP pipelines, from section ash.pipes: form is not checked here */
	struct ash_pipe pipe[ASH_PIPES];
	/* Out, of a refusal; strings are in the file, or "". */
	enum ash_object_bad bad;
	const char *section, *symbol;
	uint64_t offset; /* in the section */
	/* Where sections lie: index of the first instruction, or window offset; 0 - 1: nowhere. */
	struct elf elf;
	uint32_t base[ELF_SECTIONS_MAX];
	uint64_t taken[ASH_INSN_MAX / 64]; /* bits: listed in entry */
};

/* Returns 0, or with bad, section, symbol and offset set,
 *   -E_INVAL  one of enum ash_object_bad
 *   -E_LIMIT  bad is LONG, DATA or ENTRIES
 * Nothing is undone: the room holds garbage then. */
int ash_object_link(struct ash_object *o);
const char *ash_object_bad_text(enum ash_object_bad bad);

/* Section and offset in it of instruction `at`; false if there is no such. */
bool ash_object_place(const struct ash_object *o, uint32_t at, uint32_t *section,
                      uint64_t *offset);
/* Name of the function that holds instruction `at`, or "". */
const char *ash_object_function(const struct ash_object *o, uint32_t at);
/* Programs one after the other: name of the next one from symbol *k on, or null. */
const char *ash_object_next(const struct ash_object *o, uint32_t *k);
