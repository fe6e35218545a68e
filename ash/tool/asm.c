/* ash/tool/asm.c - `ash asm`: the line of C, its instructions, their machine code.
 * SPDX-License-Identifier: ISC
 */
#include <capstone/capstone.h>
#include <inttypes.h>
#include <string.h>
#include "ash/tool/tool.h"

/* Machine code [from, to) of the image beside a text; more lines have none. */
static void print_code(csh cs, cs_insn *i, const struct host *h, uint32_t from, uint32_t to,
                       const char *text)
{
	const uint8_t *code = h->image + from;
	size_t left = to - from;
	uint64_t address = from;

	if (left == 0)
		printf("%s\n", text);
	while (left > 0 && cs_disasm_iter(cs, &code, &left, &address, i)) {
		printf("%-44s %5" PRIx64 "  %s %s\n", text, i->address, i->mnemonic, i->op_str);
		text = "";
	}
}

/* The line of C, if it is another one than that of the instruction before. */
static void print_line(const struct object *o, uint32_t at, char *last, size_t n)
{
	struct source_line line;
	uint32_t section;
	uint64_t offset;

	if (!ash_object_place(&o->linked, at, &section, &offset) ||
	    !source_line(&o->linked.elf, section, offset, &line) ||
	    strcmp(object_where(o, at), last) == 0)
		return;
	snprintf(last, n, "%s", object_where(o, at));
	printf("; %s:", last);
	for (const char *c = line.text; *c; c++)
		putchar(*c >= ' ' && *c <= '~' ? *c : ' ');
	putchar('\n');
}

static void print_program(const struct object *o, csh cs, cs_insn *i)
{
	const struct host *h = &o->host;
	char last[400] = "", text[100], left[120];

	print_code(cs, i, h, 0, h->code.body, "; entry");
	for (uint32_t at = 0; at < h->program.ninsn; at++) {
		uint32_t end = at + 1 < h->program.ninsn ? h->where[at + 1] : h->code.end;

		if (h->program.mark[at] & ASH_FUNCTION)
			printf("%s:\n", ash_object_function(&o->linked, at));
		if (h->program.mark[at] & ASH_SECOND)
			continue;
		if (at + 1 < h->program.ninsn && h->program.mark[at + 1] & ASH_SECOND)
			end = at + 2 < h->program.ninsn ? h->where[at + 2] : h->code.end;
		print_line(o, at, last, sizeof last);
		insn_text(text, sizeof text, &h->program, at);
		snprintf(left, sizeof left, "%5" PRIu32 "  %s", at, text);
		print_code(cs, i, h, h->where[at], end, left);
	}
	print_code(cs, i, h, h->code.end, h->code.length, "; calls, helpers, ends");
}

int command_asm(const struct options *options)
{
	struct object *o;
	int status = object_open(&o, options->object, options->program);
	csh cs;

	if (!status && cs_open(CS_ARCH_X86, CS_MODE_64, &cs) == CS_ERR_OK) {
		cs_insn *i = cs_malloc(cs);
		print_program(o, cs, i);
		cs_free(i, 1);
		cs_close(&cs);
	}
	object_close(o);
	return status;
}
