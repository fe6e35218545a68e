/* apps/console/test/line_test.c - editing a line. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "apps/console/line.h"

static char shown[1024];

static void echo(const char *text) { strcat(shown, text); }

/* Type text; returns how many lines were completed. The last one is in *l. */
static int type(struct line *l, const char *text)
{
	int lines = 0;

	memset(l, 0, sizeof *l);
	shown[0] = '\0';
	for (; *text; text++) {
		if (line_input(l, *text, echo)) {
			lines++;
			l->length = 0;
		}
	}
	return lines;
}

static void a_line_ends_with_cr_lf_or_both(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(type(&l, "help\r"), 1);
	assert_string_equal(l.text, "help");
	assert_string_equal(shown, "help\n");
	assert_int_equal(type(&l, "a\r\nb\n\r"), 3);
	assert_int_equal(type(&l, "\n\n"), 2);
}

static void characters_can_be_taken_back(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(type(&l, "\bhex\x7f" "lpp\b\r"), 1);
	assert_string_equal(l.text, "help");
}

static void a_whole_line_can_be_taken_back(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(type(&l, "kill httpd\x15ps\r"), 1);
	assert_string_equal(l.text, "ps");
	assert_int_equal(type(&l, "kill httpd\x03stat\r"), 1);
	assert_string_equal(l.text, "stat");
}

static void what_does_not_fit_or_print_is_ignored(void **state)
{
	char text[600];
	struct line l;

	(void)state;
	memset(text, 'x', sizeof text);
	strcpy(text + sizeof text - 2, "\r");
	assert_int_equal(type(&l, text), 1);
	assert_int_equal(strlen(l.text), LINE_MAX_BYTES - 1);
	assert_int_equal(type(&l, "p\x1b\x01s\r"), 1);
	assert_string_equal(l.text, "ps");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_ends_with_cr_lf_or_both),
		cmocka_unit_test(characters_can_be_taken_back),
		cmocka_unit_test(a_whole_line_can_be_taken_back),
		cmocka_unit_test(what_does_not_fit_or_print_is_ignored),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
