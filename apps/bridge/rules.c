/* apps/bridge/rules.c - see rules.h. SPDX-License-Identifier: ISC */
#include "apps/bridge/rules.h"
#include <stdint.h>
#include <string.h>
#include "exo/err.h"

/* Move behind the line's end. */
static void skip_line(const char **at, const char *end)
{
	while (*at < end && *(*at)++ != '\n')
		;
}

static void skip_silent_lines(const char **at, const char *end)
{
	while (*at < end && (**at == '\n' || **at == '#' || **at == '\0'))
		skip_line(at, end);
}

/* A decimal number up to `most`, and the character behind it, which must be `stop`. */
static bool number(const char **at, const char *end, uint64_t most, char stop, uint64_t *out)
{
	const char *first = *at;

	for (*out = 0; *at < end && **at >= '0' && **at <= '9' && *out <= most; ++*at)
		*out = *out * 10 + (uint64_t)(**at - '0');
	return *at > first && *out <= most && *at < end && *(*at)++ == stop;
}

static bool insn(const char **at, const char *end, struct exo_bpf_insn *out)
{
	uint64_t code, jt, jf, k;

	if (!number(at, end, UINT16_MAX, ' ', &code) || !number(at, end, UINT8_MAX, ' ', &jt) ||
	    !number(at, end, UINT8_MAX, ' ', &jf) || !number(at, end, UINT32_MAX, '\n', &k))
		return false;
	*out = (struct exo_bpf_insn){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, (uint32_t)k };
	return true;
}

/* "pass" or "deny". */
static bool verdict(const char **at, const char *end, bool *pass)
{
	const size_t length = strlen("pass\n");

	if ((size_t)(end - *at) < length)
		return false;
	*pass = memcmp(*at, "pass\n", length) == 0;
	if (!*pass && memcmp(*at, "deny\n", length) != 0)
		return false;
	*at += length;
	return true;
}

int rules_next(const char **at, const char *end, struct rule *out)
{
	uint64_t n;

	skip_silent_lines(at, end);
	if (*at == end)
		return 0;
	if (!verdict(at, end, &out->pass) || !number(at, end, UINT32_MAX, '\n', &n))
		return -E_INVAL;
	if (n == 0 || n > FILTER_INSNS_MAX)
		return -E_LIMIT;
	for (uint32_t i = 0; i < n; i++)
		if (!insn(at, end, &out->insn[i]))
			return -E_INVAL;
	out->head = (struct exo_filter){
		.bytes = (uint32_t)(sizeof out->head + n * sizeof *out->insn), .ninsns = (uint32_t)n,
	};
	return 1;
}
