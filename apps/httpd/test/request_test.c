/* apps/httpd/test/request_test.c - requests, good and bad, and their answers. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "apps/httpd/answer.h"
#include "apps/httpd/request.h"
#include "apps/httpd/tar.h"

#define H "Host: x\r\n"

/* Parse a copy that ends where its memory ends, so that the sanitizer sees a read too far. */
static int parse(struct request *r, const char *text, size_t n, size_t *used)
{
	char *copy = malloc(n ? n : 1);

	memcpy(copy, text, n);
	int status = request_parse(r, copy, n, used);
	free(copy);
	return status;
}

static const struct {
	int status;
	const char *text;
} cases[] = {
	{ 200, "GET / HTTP/1.1\r\n" H "\r\n" },
	{ 200, "GET / HTTP/1.0\r\n\r\n" },
	{ 200, "\r\n\nGET / HTTP/1.0\n\n" },
	{ 200, "HEAD /a%20b?q=%zz HTTP/1.1\r\nhOsT:x\r\nA: b\r\n\r\n" },
	{ 200, "GET http://any.where/x HTTP/1.1\r\n" H "\r\n" },
	{ 200, "GET /a..b/.c/... HTTP/1.1\r\n" H "\r\n" },
	{ 200, "GET / HTTP/1.1\r\n" H "Content-Length: 65536\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H H "\r\n" },
	{ 400, "GET /\r\n\r\n" },
	{ 400, "GET  / HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET / HTTP/1.1 \r\n" H "\r\n" },
	{ 400, "GET / FTP/1.1\r\n" H "\r\n" },
	{ 400, "what is this\r\n\r\n" },
	{ 400, "GET x HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET http://x HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%2 HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%0a HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%00 HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /%g1 HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /../etc HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /a/%2e%2E HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET /./a HTTP/1.1\r\n" H "\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "no colon\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H " folded\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length: 1x\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n" },
	{ 400, "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n" },
	{ 400, "G(T / HTTP/1.1\r\n" H "\r\n" },
	{ 400, "\x16\x03\x01\x02\n\n" },
	{ 405, "POST / HTTP/1.1\r\n" H "\r\n" },
	{ 405, "DELETE /x HTTP/1.1\r\n" H "\r\n" },
	{ 413, "GET / HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n" },
	{ 413, "GET / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n" },
	{ 501, "BREW / HTTP/1.1\r\n" H "\r\n" },
	{ 501, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n" },
	{ 505, "GET / HTTP/2.0\r\n" H "\r\n" },
	{ 505, "GET / HTTP/1.2\r\n" H "\r\n" },
	{ 0, "" },
	{ 0, "\r\n\r\n" },
	{ 0, "GET / HTTP/1.1\r\n" H },
	{ 0, "GET / HTTP/1.1\r\n" H "\r" },
};

static void each_case_gets_its_status(void **state)
{
	struct request r;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = parse(&r, cases[i].text, strlen(cases[i].text), &used);

		if (status != cases[i].status)
			fail_msg("%s: %d, not %d", cases[i].text, status, cases[i].status);
	}
}

static void every_prefix_of_a_good_request_wants_more(void **state)
{
	static const char text[] = "GET /index.html HTTP/1.1\r\n" H "Connection: close\r\n\r\n";
	struct request r;
	size_t used;

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_int_equal(parse(&r, text, n, &used), REQUEST_MORE);
	assert_int_equal(parse(&r, text, sizeof text - 1, &used), REQUEST_GOOD);
	assert_int_equal(used, sizeof text - 1);
	assert_string_equal(r.path, "/index.html");
	assert_false(r.keep_alive);
	assert_false(r.head);
}

static void the_head_ends_where_the_next_request_begins(void **state)
{
	static const char text[] = "GET /a HTTP/1.1\r\n" H "\r\nGET /b HTTP/1.1\r\n" H "\r\n";
	struct request r;
	size_t used, n = sizeof text - 1;

	(void)state;
	assert_int_equal(parse(&r, text, n, &used), REQUEST_GOOD);
	assert_string_equal(r.path, "/a");
	assert_true(r.keep_alive);
	assert_int_equal(parse(&r, text + used, n - used, &used), REQUEST_GOOD);
	assert_string_equal(r.path, "/b");
}

static void connections_persist_as_asked(void **state)
{
	struct request r;
	size_t used;

	(void)state;
	parse(&r, "GET / HTTP/1.0\n\n", 16, &used);
	assert_false(r.keep_alive);
	parse(&r, "GET / HTTP/1.0\nConnection: Keep-Alive\n\n", 39, &used);
	assert_true(r.keep_alive);
	parse(&r, "GET / HTTP/1.1\nHost:\nConnection: x, Close\n\n", 43, &used);
	assert_false(r.keep_alive);
}

static void long_requests_are_refused_by_name(void **state)
{
	static char text[REQUEST_HEAD_MAX + 64];
	struct request r;
	size_t used;

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(parse(&r, text, REQUEST_HEAD_MAX - 1, &used), REQUEST_MORE);
	assert_int_equal(parse(&r, text, REQUEST_HEAD_MAX, &used), 431);
	memcpy(text, "GET /", 5);
	memcpy(text + 261, " HTTP/1.0\n\n", 11);
	assert_int_equal(parse(&r, text, 272, &used), 414);
	memcpy(text + 259, " HTTP/1.0\n\n", 11);
	assert_int_equal(parse(&r, text, 270, &used), REQUEST_GOOD);
	assert_int_equal(strlen(r.path), REQUEST_PATH_MAX);
}

static void tar_entry(char *at, const char *name, const char *size, char type)
{
	memset(at, 0, 512);
	strcpy(at, name);
	strcpy(at + 124, size);
	at[156] = type;
}

static void files_are_found_in_an_archive(void **state)
{
	static char archive[512 * 6];
	struct tar_file f;

	(void)state;
	tar_entry(archive, "./", "00000000000", '5');
	tar_entry(archive + 512, "./index.html", "00000000005", '0');
	memcpy(archive + 1024, "hello", 5);
	tar_entry(archive + 1536, "./x/empty", "00000000000", '0');
	assert_true(tar_find(archive, sizeof archive, "/index.html", &f));
	assert_int_equal(f.size, 5);
	assert_memory_equal(f.data, "hello", 5);
	assert_true(tar_find(archive, sizeof archive, "/x/empty", &f));
	assert_int_equal(f.size, 0);
	assert_false(tar_find(archive, sizeof archive, "/", &f));
	assert_false(tar_find(archive, sizeof archive, "/index", &f));
}

static void a_corrupt_archive_is_not_left(void **state)
{
	char *archive = malloc(1024);
	struct tar_file f;

	(void)state;
	for (size_t n = 0; n < 1024; n++) {
		tar_entry(archive, "a", "77777777777", '0');
		assert_false(tar_find(archive, n, "a", &f));
	}
	tar_entry(archive, "a", "0000000x000", '0');
	assert_false(tar_find(archive, 1024, "a", &f));
	tar_entry(archive, "a", "00000001001", '0');
	assert_false(tar_find(archive, 1024, "a", &f));
	tar_entry(archive, "a", "00000001000", '0');
	assert_true(tar_find(archive, 1024, "a", &f));
	assert_false(tar_find(archive, 1024, "b", &f));
	free(archive);
}

/* Answer text[0, n) by s, and by somebody who has answered nothing before: there is no difference. */
static void answers_alike(struct answers *s, const char *text, size_t n)
{
	struct answers fresh = { .archive = s->archive, .size = s->size };
	struct answer a = { 0 }, b = { 0 };
	size_t used = 0, fresh_used = 0;
	uint32_t skip, fresh_skip;
	int status = answer_request(s, &a, text, n, &used, &skip);

	assert_int_equal(answer_request(&fresh, &b, text, n, &fresh_used, &fresh_skip), status);
	if (status == REQUEST_MORE)
		return;
	assert_int_equal(used, fresh_used);
	assert_int_equal(skip, fresh_skip);
	assert_int_equal(a.closing, b.closing);
	assert_int_equal(a.length, b.length);
	assert_memory_equal(a.text, b.text, a.length);
	assert_int_equal(a.body_length, b.body_length);
}

static void who_asks_again_gets_the_same_answer(void **state)
{
	static char archive[512 * 8];
	static struct answers s = { .archive = archive, .size = sizeof archive };
	char text[64];

	(void)state;
	tar_entry(archive, "index.html", "00000000005", '0');
	memcpy(archive + 512, "hello", 5);
	tar_entry(archive + 1024, "long", "00000002000", '0');
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
			answers_alike(&s, cases[i].text, strlen(cases[i].text));
		for (int i = 0; i < 2 * ANSWERS_KEPT; i++) { /* more than are kept, then less */
			int n = snprintf(text, sizeof text, "GET /%s HTTP/1.%d\r\n" H "\r\nGET",
			                 i % 3 ? "" : "long", i >> round & 1);
			for (int part = 0; part <= n; part++)
				answers_alike(&s, text, (size_t)part);
		}
	}
}

static void a_small_body_is_in_the_text_and_a_long_one_apart(void **state)
{
	static char archive[512 * 8];
	static struct answers s = { .archive = archive, .size = sizeof archive };
	static const char small[] = "GET / HTTP/1.0\n\n", large[] = "GET /long HTTP/1.0\n\n";
	struct answer a = { 0 };
	size_t used;
	uint32_t skip;

	(void)state;
	tar_entry(archive, "index.html", "00000000005", '0');
	memcpy(archive + 512, "hello", 5);
	tar_entry(archive + 1024, "long", "00000002000", '0');
	assert_int_equal(answer_request(&s, &a, small, sizeof small - 1, &used, &skip), 200);
	assert_memory_equal(a.text + a.length - 9, "\r\n\r\nhello", 9);
	assert_int_equal(a.body_length, 0);
	assert_true(a.closing);
	assert_int_equal(answer_request(&s, &a, large, sizeof large - 1, &used, &skip), 200);
	assert_int_equal(a.body_length, 1024);
	assert_ptr_equal(a.body, archive + 1536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_gets_its_status),
		cmocka_unit_test(every_prefix_of_a_good_request_wants_more),
		cmocka_unit_test(the_head_ends_where_the_next_request_begins),
		cmocka_unit_test(connections_persist_as_asked),
		cmocka_unit_test(long_requests_are_refused_by_name),
		cmocka_unit_test(files_are_found_in_an_archive),
		cmocka_unit_test(a_corrupt_archive_is_not_left),
		cmocka_unit_test(who_asks_again_gets_the_same_answer),
		cmocka_unit_test(a_small_body_is_in_the_text_and_a_long_one_apart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
