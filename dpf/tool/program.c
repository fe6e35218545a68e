/* dpf/tool/program.c - see program.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/program.h"
#include "dpf/bpf.h"
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>

_Static_assert(offsetof(struct program, why) <= FILTER_BYTES_MAX, "its longest program is a filter");

/* A decimal number up to max, ended by white space or the end of the text. */
static bool number(const char **at, uint64_t max, uint64_t *out)
{
	const char *s = *at;
	uint64_t v = 0;

	while (isspace((unsigned char)*s))
		s++;
	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++) {
		v = 10 * v + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	*at = s;
	*out = v;
	return *s == 0 || isspace((unsigned char)*s);
}

static bool instruction(const char **at, struct exo_bpf_insn *in)
{
	uint64_t code, jt, jf, k;

	if (!number(at, UINT16_MAX, &code) || !number(at, UINT8_MAX, &jt) ||
	    !number(at, UINT8_MAX, &jf) || !number(at, UINT32_MAX, &k))
		return false;
	*in = (struct exo_bpf_insn){ .code = (uint16_t)code, .jt = (uint8_t)jt,
		                     .jf = (uint8_t)jf, .k = (uint32_t)k };
	return true;
}

bool program_is_wrong(const void *insns, uint32_t n, char why[PROGRAM_WHY_BYTES])
{
	const struct filter_view f = { .insns = insns, .ninsns = n };
	uint32_t at;
	const char *fault = n > 0 && n <= FILTER_INSNS_MAX ? bpf_fault(&f, &at) : NULL;

	if (n == 0)
		snprintf(why, PROGRAM_WHY_BYTES, "the program has no instructions");
	else if (n > FILTER_INSNS_MAX)
		snprintf(why, PROGRAM_WHY_BYTES, "the program has more than %d instructions", FILTER_INSNS_MAX);
	else if (fault)
		snprintf(why, PROGRAM_WHY_BYTES, "the program's instruction (%03u), code 0x%02x, %s", at,
		         filter_insn(&f, at).code, fault);
	return n == 0 || n > FILTER_INSNS_MAX || fault;
}

/* Room for n instructions was checked. */
static const char *parse_instructions(struct program *p, const char *text, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!instruction(&text, &p->insn[i])) {
			snprintf(p->why, sizeof p->why, "the program's instruction (%03u) is missing, or not "
			         "four decimal numbers in range", i);
			return p->why;
		}
	while (isspace((unsigned char)*text))
		text++;
	return *text ? "something follows the program's last instruction" : NULL;
}

const char *program_parse(struct program *p, const char *text, struct filter_view *f)
{
	const char *wrong = NULL;
	uint64_t n;

	if (!number(&text, UINT32_MAX, &n))
		return "the program does not begin with the number of its instructions";
	if (n <= FILTER_INSNS_MAX)
		wrong = parse_instructions(p, text, (uint32_t)n);
	if (wrong)
		return wrong;
	if (program_is_wrong(p->insn, (uint32_t)n, p->why))
		return p->why;
	size_t bytes = sizeof p->head + n * sizeof p->insn[0];
	p->head = (struct exo_filter){ .bytes = (uint32_t)bytes, .ninsns = (uint32_t)n };
	return filter_decode(f, p, bytes) < 0 ? "the program is not valid" : NULL;
}
