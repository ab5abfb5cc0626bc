/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The status line's parser: what it takes and refuses, in one piece, split at
 * every place, and byte by byte.
 */
#include "lb4/health/http_status.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	const char *text;
	enum http_status_state state;
	uint16_t code;
};

static const struct sample samples[] = {
	{ "HTTP/1.1 200 OK\r\n", HTTP_STATUS_DONE, 200 },
	{ "HTTP/1.0 503 Service Unavailable\r\n", HTTP_STATUS_DONE, 503 },
	{ "HTTP/1.1 204 \r\n", HTTP_STATUS_DONE, 204 },
	{ "HTTP/1.1 204\r\n", HTTP_STATUS_DONE, 204 },
	{ "HTTP/1.1 301\n", HTTP_STATUS_DONE, 301 },
	{ "HTTP/1.1 999 ", HTTP_STATUS_DONE, 999 },
	{ "HTTP/2.0 200 OK", HTTP_STATUS_DONE, 200 },
	/* what comes behind the code does not matter */
	{ "HTTP/1.1 200 \x01\xff\n\n\n", HTTP_STATUS_DONE, 200 },
	/* interim responses come before */
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", HTTP_STATUS_DONE,
	    200 },
	{ "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
	  "HTTP/1.1 103\r\nA: HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 503 No\r\n",
	    HTTP_STATUS_DONE, 503 },
	{ "HTTP/1.1 102\n\nHTTP/1.0 204\n", HTTP_STATUS_DONE, 204 },
	{ "HTTP/1.1 199 x\n\r\nHTTP/1.1 404\n", HTTP_STATUS_DONE, 404 },
	{ "HTTP/1.1 101 Switching\r\n", HTTP_STATUS_DONE, 101 },

	{ "", HTTP_STATUS_MORE, 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\n", HTTP_STATUS_MORE, 0 },
	{ "HTTP/1.1 100 \r\nA: b\r\n", HTTP_STATUS_MORE, 0 },
	{ "HTTP/1.1 100 \r\nA: b\r\nHTTP/1.1 200 OK\r\n", HTTP_STATUS_MORE, 0 },
	{ "HTTP/1.1 100 \r\n\r\nHTTP/1.1 200", HTTP_STATUS_MORE, 0 },
	{ "H", HTTP_STATUS_MORE, 0 },
	{ "HTTP/1.1 ", HTTP_STATUS_MORE, 0 },
	{ "HTTP/1.1 200", HTTP_STATUS_MORE, 0 },

	{ "HTTP/1.1 100 \r\n\r\nX", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1 100 \r\n\r\n\r\nHTTP/1.1 200 ", HTTP_STATUS_GARBLED, 0 },
	{ "\r\nHTTP/1.1 200 OK", HTTP_STATUS_GARBLED, 0 },
	{ " HTTP/1.1 200 OK", HTTP_STATUS_GARBLED, 0 },
	{ "http/1.1 200 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1 200 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/11.1 200 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1  200 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1 20 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1 2000 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1 000 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1 099 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1 -20 OK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/1.1 200\tOK", HTTP_STATUS_GARBLED, 0 },
	{ "HTTP/x.1 200 OK", HTTP_STATUS_GARBLED, 0 },
	{ "SSH-2.0-OpenSSH_9.2\r\n", HTTP_STATUS_GARBLED, 0 },
	{ "\xff", HTTP_STATUS_GARBLED, 0 },
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void
check_end(const struct http_status *status, const struct sample *sample)
{
	ck_assert_msg(status->state == sample->state, "\"%s\": %d",
	    sample->text, (int)status->state);
	if (sample->state == HTTP_STATUS_DONE)
		ck_assert_uint_eq(status->code, sample->code);
}

START_TEST(split_at_every_place)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t len = strlen(samples[i].text);

		for (size_t cut = 0; cut <= len; cut++) {
			struct http_status status = { 0 };

			http_status_feed(&status, samples[i].text, cut);
			ck_assert_int_eq(http_status_feed(&status,
					     samples[i].text + cut, len - cut),
			    samples[i].state);
			check_end(&status, &samples[i]);
		}
	}
}
END_TEST

START_TEST(byte_by_byte)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		struct http_status status = { 0 };

		for (const char *p = samples[i].text; *p != '\0'; p++)
			http_status_feed(&status, p, 1);
		check_end(&status, &samples[i]);
	}
}
END_TEST

START_TEST(every_code)
{
	char line[] = "HTTP/1.1 000 x";

	for (unsigned code = 100; code <= 999; code++) {
		struct http_status status = { 0 };

		line[9] = (char)('0' + code / 100);
		line[10] = (char)('0' + code / 10 % 10);
		line[11] = (char)('0' + code % 10);
		http_status_feed(&status, line, strlen(line));
		ck_assert_int_eq(status.state,
		    code >= 200 || code == 101 ? HTTP_STATUS_DONE
					       : HTTP_STATUS_MORE);
		ck_assert_uint_eq(status.code, code);
	}
}
END_TEST

/* Any number of interim responses, but not without an end. */
START_TEST(too_much_before)
{
	static const char interim[] = "HTTP/1.1 103 Early Hints\r\n\r\n";
	const size_t len = strlen(interim);
	struct http_status status = { 0 };
	size_t fed = 0;

	while (http_status_feed(&status, interim, len) == HTTP_STATUS_MORE)
		fed += len;
	ck_assert_int_eq(status.state, HTTP_STATUS_GARBLED);
	ck_assert_uint_ge(fed, HTTP_STATUS_INTERIM_MAX);
	ck_assert_uint_lt(fed, 3 * HTTP_STATUS_INTERIM_MAX);
}
END_TEST

/* One wrong byte anywhere up to the end of the code is noticed at once, and
 * nothing repairs it. */
START_TEST(every_wrong_byte)
{
	const char good[] = "HTTP/1.1 200 ";

	for (size_t at = 0; at < strlen(good); at++) {
		for (int byte = 0; byte < 256; byte++) {
			struct http_status status = { 0 };
			char text[sizeof(good)];
			bool digit = byte >= '0' && byte <= '9';
			bool fine = byte == good[at];

			if (good[at] >= '0' && good[at] <= '9')
				fine = digit && (at != 9 || byte != '0');
			if (at == 12)
				fine = byte == ' ' || byte == '\r' ||
				    byte == '\n';
			memcpy(text, good, sizeof(good));
			text[at] = (char)byte;
			http_status_feed(&status, text, at + 1);
			if ((status.state != HTTP_STATUS_GARBLED) != fine)
				ck_abort_msg("byte %d at %zu", byte, at);
			http_status_feed(&status, good, strlen(good));
			if (!fine)
				ck_assert_int_eq(status.state,
				    HTTP_STATUS_GARBLED);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_status");
	TCase *tc = tcase_create("http_status");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, split_at_every_place);
	tcase_add_test(tc, byte_by_byte);
	tcase_add_test(tc, every_code);
	tcase_add_test(tc, too_much_before);
	tcase_add_test(tc, every_wrong_byte);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
