/* ash/object.c - see object.h. Sections are placed, then copied, then relocated.
 * Layer: leaf library, of the loader only. SPDX-License-Identifier: ISC
 */
#include "ash/object.h"
#include "ash/insn.h"

enum { R_NONE, R_64_64, R_64_ABS64, R_64_ABS32, R_64_32 = 10 };
#define NOWHERE UINT32_MAX

const char *ash_object_bad_text(enum ash_object_bad bad)
{
	static const char *const text[] = {
#define X(upper, words) [ASH_OBJECT_##upper] = words,
		ASH_OBJECT_BADS(X)
#undef X
	};
	return text[bad < ASH_OBJECT_BAD_COUNT ? bad : ASH_OBJECT_NONE];
}

static int refuse(struct ash_object *o, enum ash_object_bad bad, const char *section,
                  uint64_t offset)
{
	o->bad = bad;
	o->section = section;
	o->offset = offset;
	return bad == ASH_OBJECT_LONG || bad == ASH_OBJECT_DATA || bad == ASH_OBJECT_ENTRIES
	               ? -E_LIMIT
	               : -E_INVAL;
}

static bool is_code(const struct elf_section *s)
{
	return s->flags & SHF_ALLOC && s->flags & SHF_EXECINSTR && s->type == SHT_PROGBITS;
}

static bool is_data(const struct elf_section *s)
{
	return s->flags & SHF_ALLOC && !(s->flags & SHF_EXECINSTR) &&
	       (s->type == SHT_PROGBITS || s->type == SHT_NOBITS);
}

static int place_code(struct ash_object *o, uint32_t k, const struct elf_section *s)
{
	if (s->size % sizeof(struct ash_insn))
		return refuse(o, ASH_OBJECT_CODE_SIZE, s->name, s->size);
	if (s->size / sizeof(struct ash_insn) > ASH_INSN_MAX - o->ninsn)
		return refuse(o, ASH_OBJECT_LONG, s->name, 0);
	o->base[k] = o->ninsn;
	o->ninsn += (uint32_t)(s->size / sizeof(struct ash_insn));
	return 0;
}

static int place_data(struct ash_object *o, uint32_t k, const struct elf_section *s)
{
	uint64_t align = s->align ? s->align : 1;

	if (elf_same(s->name, "maps") || elf_same(s->name, ".maps"))
		return refuse(o, ASH_OBJECT_MAPS, s->name, 0);
	if (align & (align - 1) || align > 4096)
		return refuse(o, ASH_OBJECT_ALIGN, s->name, 0);
	uint64_t first = (o->data_length + align - 1) & ~(align - 1);
	if (s->size > ASH_DATA_MAX || first > ASH_DATA_MAX - s->size)
		return refuse(o, ASH_OBJECT_DATA, s->name, 0);
	o->base[k] = ASH_DATA + (uint32_t)first;
	o->data_length = (uint32_t)(first + s->size);
	return 0;
}

static int place(struct ash_object *o)
{
	int err = 0;

	for (uint32_t k = 0; k < ELF_SECTIONS_MAX; k++)
		o->base[k] = NOWHERE;
	for (uint32_t k = 1; k < o->elf.nsection && !err; k++) {
		struct elf_section s = elf_section(&o->elf, k);
		if (is_code(&s))
			err = place_code(o, k, &s);
		else if (is_data(&s))
			err = place_data(o, k, &s);
	}
	return err;
}

static void copy_code(struct ash_object *o, uint32_t k, const struct elf_section *s)
{
	const uint8_t *b = o->file + s->offset;
	uint32_t n = (uint32_t)(s->size / sizeof(struct ash_insn));

	for (uint32_t i = 0; i < n; i++, b += sizeof(struct ash_insn))
		o->insn[o->base[k] + i] =
			(struct ash_insn){ b[0], b[1], (int16_t)elf_get(b + 2, 2),
			                   (int32_t)elf_get(b + 4, 4) };
}

static void copy(struct ash_object *o)
{
	for (uint32_t i = 0; i < o->data_length; i++)
		o->data[i] = 0;
	for (uint32_t k = 1; k < o->elf.nsection; k++) {
		struct elf_section s = elf_section(&o->elf, k);
		if (is_code(&s))
			copy_code(o, k, &s);
		else if (is_data(&s) && s.type == SHT_PROGBITS)
			for (uint64_t i = 0; i < s.size; i++)
				o->data[o->base[k] - ASH_DATA + i] = o->file[s.offset + i];
	}
}

/* What a relocation names: a section that was placed, and a number of bytes in it, to which
 * the addend is still to be added. */
struct target {
	struct elf_section section;
	uint32_t base;
	uint64_t value;
	bool code;
};

static int find_target(struct ash_object *o, const char *from, const struct elf_reloc *r,
                       struct target *t)
{
	struct elf_symbol y;

	if (!elf_symbol(&o->elf, r->symbol, &y))
		return refuse(o, ASH_OBJECT_DAMAGED, from, r->offset);
	o->symbol = y.name;
	if (y.section == SHN_UNDEF)
		return refuse(o, ASH_OBJECT_UNDEFINED, from, r->offset);
	if (y.section >= o->elf.nsection || o->base[y.section] == NOWHERE)
		return refuse(o, ASH_OBJECT_PLACE, from, r->offset);
	t->section = elf_section(&o->elf, y.section);
	t->base = o->base[y.section];
	t->value = y.value;
	t->code = is_code(&t->section);
	return 0;
}

/* Index of the instruction that t, with its addend in bytes, names; or NOWHERE. */
static uint32_t code_target(const struct target *t, uint64_t addend)
{
	uint64_t at = t->value + addend;

	if (!t->code || at >= t->section.size || at % sizeof(struct ash_insn))
		return NOWHERE;
	return t->base + (uint32_t)(at / sizeof(struct ash_insn));
}

/* Functions whose address is in the data are further starts for the decoder. */
static int take_address(struct ash_object *o, const char *from, uint64_t offset, uint32_t at)
{
	uint64_t bit = 1ull << at % 64;

	if (o->taken[at / 64] & bit)
		return 0;
	if (o->nentry == ASH_FUNCTION_MAX)
		return refuse(o, ASH_OBJECT_ENTRIES, from, offset);
	o->taken[at / 64] |= bit;
	o->entry[o->nentry++] = at;
	return 0;
}

static int relocate_call(struct ash_object *o, const char *from, const struct elf_reloc *r,
                         const struct target *t, uint32_t at)
{
	struct ash_insn *i = &o->insn[at];

	if (i->code != (CLASS_JMP | OP_CALL))
		return refuse(o, ASH_OBJECT_RELOC, from, r->offset);
	uint32_t to = code_target(t, (uint64_t)((int64_t)i->imm + 1) * sizeof *i);
	if (to == NOWHERE)
		return refuse(o, ASH_OBJECT_FUNCTION, from, r->offset);
	i->regs = CALL_LOCAL << 4;
	i->imm = (int32_t)to - (int32_t)at - 1;
	return 0;
}

/* lddw of an address: the addend is its own immediate. */
static int relocate_wide(struct ash_object *o, const char *from, const struct elf_reloc *r,
                         const struct target *t, uint32_t at)
{
	struct ash_insn *i = &o->insn[at];

	if (i->code != LDDW || at + 1 == o->ninsn)
		return refuse(o, ASH_OBJECT_RELOC, from, r->offset);
	uint64_t addend = (uint32_t)i->imm | (uint64_t)(uint32_t)i[1].imm << 32;
	if (t->code) {
		uint32_t to = code_target(t, addend);
		if (to == NOWHERE)
			return refuse(o, ASH_OBJECT_FUNCTION, from, r->offset);
		i->regs = (uint8_t)(insn_dst(*i) | LDDW_CODE << 4);
		i->imm = (int32_t)to - (int32_t)at - 1;
		i[1].imm = 0;
		return 0;
	}
	uint64_t value = t->base + t->value + addend;
	i->imm = (int32_t)(uint32_t)value;
	i[1].imm = (int32_t)(uint32_t)(value >> 32);
	return 0;
}

static int relocate_code(struct ash_object *o, const struct elf_section *s, uint32_t base,
                         const struct elf_reloc *r)
{
	struct target t;

	if (r->offset % sizeof(struct ash_insn) || r->offset >= s->size)
		return refuse(o, ASH_OBJECT_RELOC, s->name, r->offset);
	int err = find_target(o, s->name, r, &t);
	if (err)
		return err;
	uint32_t at = base + (uint32_t)(r->offset / sizeof(struct ash_insn));
	if (r->type == R_64_32)
		return relocate_call(o, s->name, r, &t, at);
	if (r->type == R_64_64)
		return relocate_wide(o, s->name, r, &t, at);
	return refuse(o, ASH_OBJECT_RELOC, s->name, r->offset);
}

static int relocate_data(struct ash_object *o, const struct elf_section *s, uint32_t base,
                         const struct elf_reloc *r)
{
	int n = r->type == R_64_ABS32 ? 4 : 8;
	struct target t;

	if (r->type != R_64_ABS64 && r->type != R_64_ABS32)
		return refuse(o, ASH_OBJECT_RELOC, s->name, r->offset);
	if (s->type == SHT_NOBITS || s->size < (uint64_t)n || r->offset > s->size - (uint64_t)n)
		return refuse(o, ASH_OBJECT_RELOC, s->name, r->offset);
	int err = find_target(o, s->name, r, &t);
	if (err)
		return err;
	uint8_t *b = o->data + (base - ASH_DATA) + r->offset;
	uint64_t value = t.base + t.value + elf_get(b, n);
	if (t.code) {
		uint32_t to = code_target(&t, elf_get(b, n));
		if (to == NOWHERE || n == 4)
			return refuse(o, ASH_OBJECT_FUNCTION, s->name, r->offset);
		err = take_address(o, s->name, r->offset, to);
		value = ASH_CODE + to;
	}
	for (int k = 0; k < n; k++)
		b[k] = (uint8_t)(value >> 8 * k);
	return err;
}

static int relocate_section(struct ash_object *o, const struct elf_section *relocs)
{
	struct elf_section s = elf_section(&o->elf, relocs->info);
	uint32_t base = o->base[relocs->info];

	if (relocs->type == SHT_RELA)
		return refuse(o, ASH_OBJECT_RELOC, s.name, 0);
	for (uint32_t k = 0; k < relocs->size / 16; k++) {
		struct elf_reloc r = elf_reloc(&o->elf, relocs, k);
		if (r.type == R_NONE)
			continue;
		int err = is_code(&s) ? relocate_code(o, &s, base, &r)
		                      : relocate_data(o, &s, base, &r);
		if (err)
			return err;
		o->symbol = "";
	}
	return 0;
}

static int relocate(struct ash_object *o)
{
	for (uint32_t k = 1; k < o->elf.nsection; k++) {
		struct elf_section s = elf_section(&o->elf, k);
		if (s.type != SHT_REL && s.type != SHT_RELA)
			continue;
		if (s.info >= o->elf.nsection)
			return refuse(o, ASH_OBJECT_DAMAGED, s.name, 0);
		int err = o->base[s.info] == NOWHERE ? 0 : relocate_section(o, &s);
		if (err)
			return err;
	}
	return 0;
}

/* The section is data like others; what it holds is taken out besides. */
static int take_pipes(struct ash_object *o)
{
	uint32_t k = elf_find(&o->elf, "ash.pipes");

	if (!k)
		return 0;
	struct elf_section s = elf_section(&o->elf, k);
	if (!is_data(&s) || s.type != SHT_PROGBITS || s.size == 0 || s.size % sizeof *o->pipe ||
	    s.size > sizeof o->pipe)
		return refuse(o, ASH_OBJECT_PIPES, s.name, 0);
	o->npipe = (uint32_t)(s.size / sizeof *o->pipe);
	__builtin_memcpy(o->pipe, o->file + s.offset, s.size);
	return 0;
}

/* Symbol k as a program: a global function, in .text or elsewhere as asked. */
static bool is_program(const struct ash_object *o, uint32_t k, bool in_text,
                       struct elf_symbol *y)
{
	if (!elf_symbol(&o->elf, k, y) || y->kind != STT_FUNC || !y->name[0] ||
	    (y->binding != STB_GLOBAL && y->binding != STB_WEAK) || y->section == SHN_UNDEF ||
	    y->section >= o->elf.nsection || o->base[y->section] == NOWHERE)
		return false;
	struct elf_section s = elf_section(&o->elf, y->section);
	return is_code(&s) && elf_same(s.name, ".text") == in_text;
}

static uint32_t count_programs(const struct ash_object *o, bool in_text)
{
	struct elf_symbol y;
	uint32_t n = 0;

	for (uint32_t k = 0; k < o->elf.nsymbol; k++)
		n += is_program(o, k, in_text, &y);
	return n;
}

const char *ash_object_next(const struct ash_object *o, uint32_t *k)
{
	bool in_text = count_programs(o, false) == 0;
	struct elf_symbol y;

	while (*k < o->elf.nsymbol)
		if (is_program(o, (*k)++, in_text, &y))
			return y.name;
	return NULL;
}

static bool is_wanted(const struct ash_object *o, uint32_t k, bool in_text,
                      struct elf_symbol *y)
{
	if (o->program)
		return (is_program(o, k, false, y) || is_program(o, k, true, y)) &&
		       elf_same(o->program, y->name);
	return is_program(o, k, in_text, y);
}

static int choose(struct ash_object *o)
{
	bool in_text = count_programs(o, false) == 0;
	struct elf_symbol y;

	if (!o->program && count_programs(o, in_text) > 1)
		return refuse(o, ASH_OBJECT_PROGRAMS, "", 0);
	for (uint32_t k = 0; k < o->elf.nsymbol; k++) {
		if (!is_wanted(o, k, in_text, &y))
			continue;
		struct elf_section s = elf_section(&o->elf, y.section);
		struct target t = { s, o->base[y.section], y.value, true };
		o->symbol = y.name;
		o->start = code_target(&t, 0);
		if (o->start == NOWHERE)
			return refuse(o, ASH_OBJECT_FUNCTION, s.name, y.value);
		o->name = y.name;
		o->symbol = "";
		return 0;
	}
	o->symbol = o->program ? o->program : "";
	return refuse(o, ASH_OBJECT_NO_PROGRAM, "", 0);
}

int ash_object_link(struct ash_object *o)
{
	o->ninsn = o->start = o->nentry = o->data_length = o->npipe = 0;
	o->bad = ASH_OBJECT_NONE;
	o->name = o->section = o->symbol = "";
	o->offset = 0;
	for (uint32_t k = 0; k < ASH_INSN_MAX / 64; k++)
		o->taken[k] = 0;
	if (!elf_open(&o->elf, o->file, o->size))
		return refuse(o, elf_is_bpf(o->file, o->size) ? ASH_OBJECT_DAMAGED
		                                              : ASH_OBJECT_FORMAT, "", 0);
	int err = place(o);
	if (err)
		return err;
	copy(o);
	err = relocate(o);
	if (!err)
		err = take_pipes(o);
	return err ? err : choose(o);
}

bool ash_object_place(const struct ash_object *o, uint32_t at, uint32_t *section,
                      uint64_t *offset)
{
	for (uint32_t k = 1; k < o->elf.nsection; k++) {
		struct elf_section s = elf_section(&o->elf, k);
		uint64_t n = s.size / sizeof(struct ash_insn);
		if (!is_code(&s) || o->base[k] == NOWHERE || at < o->base[k] ||
		    at >= o->base[k] + n)
			continue;
		*section = k;
		*offset = (at - o->base[k]) * sizeof(struct ash_insn);
		return true;
	}
	return false;
}

const char *ash_object_function(const struct ash_object *o, uint32_t at)
{
	const char *name = "";
	uint64_t best = 0, offset;
	uint32_t section;
	struct elf_symbol y;

	if (!ash_object_place(o, at, &section, &offset))
		return name;
	for (uint32_t k = 0; k < o->elf.nsymbol; k++) {
		if (!elf_symbol(&o->elf, k, &y) || y.kind != STT_FUNC || y.section != section ||
		    y.value > offset || y.value < best)
			continue;
		name = y.name;
		best = y.value;
	}
	return name;
}
