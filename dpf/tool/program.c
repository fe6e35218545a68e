/* dpf/tool/program.c - see program.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/program.h"
#include <ctype.h>

_Static_assert(sizeof(struct program) <= FILTER_BYTES_MAX, "its longest program is a filter");

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

const char *program_parse(struct program *p, const char *text, struct filter_view *f)
{
	uint64_t n;

	if (!number(&text, UINT32_MAX, &n))
		return "the program does not begin with the number of its instructions";
	if (n == 0)
		return "the program has no instructions";
	if (n > FILTER_INSNS_MAX)
		return "the program has more than 16384 instructions";
	for (uint64_t i = 0; i < n; i++)
		if (!instruction(&text, &p->insn[i]))
			return "an instruction is missing, or not four decimal numbers in range";
	while (isspace((unsigned char)*text))
		text++;
	if (*text)
		return "something follows the program's last instruction";
	size_t bytes = sizeof p->head + n * sizeof p->insn[0];
	p->head = (struct exo_filter){ .bytes = (uint32_t)bytes, .ninsns = (uint32_t)n };
	return filter_decode(f, p, bytes) < 0 ? "the program is not valid" : NULL;
}
_Static_assert(FILTER_INSNS_MAX == 16384, "as the message says");
