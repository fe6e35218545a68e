/* apps/bridge/test/rules_test.c - the bridge's rules as text. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "apps/bridge/rules.h"
#include "exo/err.h"

static struct rule rule;

/* Read the first rule of a text that lies at the very end of its memory. */
static int read_one(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	const char *at = copy;

	memcpy(copy, text, n);
	int got = rules_next(&at, copy + n, &rule);
	free(copy);
	return got;
}

static void rules_are_read_in_order(void **state)
{
	static const char text[] = "# a comment\n\ndeny\n2\n40 0 0 12\n6 0 0 262144\n"
	                           "pass\n1\n6 1 255 4294967295\n\n# the end\n";
	const char *at = text, *end = text + sizeof text - 1;

	(void)state;
	assert_int_equal(rules_next(&at, end, &rule), 1);
	assert_false(rule.pass);
	assert_int_equal(rule.head.ninsns, 2);
	assert_int_equal(rule.head.bytes, sizeof rule.head + 2 * sizeof *rule.insn);
	assert_int_equal(rule.insn[0].code, 40);
	assert_int_equal(rule.insn[0].k, 12);
	assert_int_equal(rule.insn[1].k, 262144);
	assert_int_equal(rules_next(&at, end, &rule), 1);
	assert_true(rule.pass);
	assert_int_equal(rule.head.ninsns, 1);
	assert_int_equal(rule.insn[0].jt, 1);
	assert_int_equal(rule.insn[0].jf, 255);
	assert_int_equal(rule.insn[0].k, UINT32_MAX);
	assert_int_equal(rules_next(&at, end, &rule), 0);
}

static void a_text_without_rules_has_none(void **state)
{
	(void)state;
	assert_int_equal(read_one(""), 0);
	assert_int_equal(read_one("\n\n# nothing\n"), 0);
	assert_int_equal(read_one("# no end"), 0);
}

static void what_is_no_rule_is_refused(void **state)
{
	static const char *const bad[] = {
		"allow\n1\n6 0 0 0\n", "deny \n1\n6 0 0 0\n", "den", "deny\n", "deny\nx\n", "deny\n1",
		"deny\n1\n",           "deny\n1\n6 0 0\n",    "deny\n1\n6 0 0 0", "deny\n1\n6 0 0 0 0\n",
		"deny\n1\n6  0 0 0\n", "deny\n1\n-6 0 0 0\n", "deny\n2\n6 0 0 0\n", "1\n6 0 0 0\n",
		"deny\n1\n65536 0 0 0\n", "deny\n1\n6 256 0 0\n", "deny\n1\n6 0 256 0\n",
		"deny\n1\n6 0 0 4294967296\n", "deny\n1\n6 0 0 99999999999999999999999\n",
		"deny\n99999999999999999999999\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(read_one(bad[i]), -E_INVAL);
}

static void a_program_has_some_instructions_and_not_too_many(void **state)
{
	(void)state;
	assert_int_equal(read_one("deny\n0\n"), -E_LIMIT);
	assert_int_equal(read_one("deny\n16385\n6 0 0 0\n"), -E_LIMIT);
	assert_int_equal(read_one("deny\n4294967295\n6 0 0 0\n"), -E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read_in_order),
		cmocka_unit_test(a_text_without_rules_has_none),
		cmocka_unit_test(what_is_no_rule_is_refused),
		cmocka_unit_test(a_program_has_some_instructions_and_not_too_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
