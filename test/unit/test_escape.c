/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Text that is not ours: what passes, what is escaped and how, at every length
 * of the place for it, and for bytes at random.
 */
#include "common/escape.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *
escaped(const char *text)
{
	static char out[4096];
	size_t len = escape_text(text, strlen(text), out, sizeof(out));

	ck_assert_uint_eq(len, strlen(out));
	ck_assert_int_eq(escape_is_plain(text), strcmp(text, out) == 0);
	return out;
}

START_TEST(test_plain)
{
	static const char *const plain[] = { "", "a b", "app-1.x_y", "\\x1b",
		"gr\xc3\xbc\xc3\x9f", "\xc2\xa0\xe2\x82\xac",
		"\xf0\x9f\x90\xa2", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		ck_assert_str_eq(escaped(plain[i]), plain[i]);
}
END_TEST

START_TEST(test_single_bytes)
{
	char text[2] = "", want[8];

	for (int byte = 1; byte < 256; byte++) {
		text[0] = (char)byte;
		if (byte >= ' ' && byte < 0x7f)
			snprintf(want, sizeof(want), "%c", byte);
		else
			snprintf(want, sizeof(want), "\\x%02x", byte);
		ck_assert_str_eq(escaped(text), want);
	}
}
END_TEST

START_TEST(test_escaped)
{
	static const char *const pairs[][2] = {
		{ "\x1b[2J", "\\x1b[2J" },
		{ "\xc2\x9b"
		  "2J",
		    "\\xc2\\x9b2J" },
		{ "\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f" },
		/* NOLINTBEGIN(misc-misleading-bidirectional): they are meant */
		/* line separators, right-to-left override, isolate */
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
		{ "\xe2\x80\xae"
		  "x",
		    "\\xe2\\x80\\xaex" },
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		/* NOLINTEND(misc-misleading-bidirectional) */
		/* too long, a surrogate, too big, cut */
		{ "\xc0\x9b", "\\xc0\\x9b" },
		{ "\xe0\x82\x9b", "\\xe0\\x82\\x9b" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xe2\x82"
		  "a",
		    "\\xe2\\x82"
		    "a" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		ck_assert_str_eq(escaped(pairs[i][0]), pairs[i][1]);
}
END_TEST

/* A NUL is a byte like others; what is to be kept passes. */
START_TEST(test_dup)
{
	char *text = escape_dup("a\0b\tc\nd\x1b", 8, "\t\n");

	ck_assert_str_eq(text, "a\\x00b\tc\nd\\x1b");
	free(text);
}
END_TEST

START_TEST(test_line)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	escape_line(out, "lb4: %s", "a\nb\x9b");
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_str_eq(text, "lb4: a\\x0ab\\x9b\n");
	free(text);
}
END_TEST

/* Whatever comes in, plain text comes out, whole characters of it, a beginning
 * of what there would be with more room; escaped again it stays as it is. */
START_TEST(test_random)
{
	char text[64], out[4 * sizeof(text) + 1], part[sizeof(out)];

	srandom(1);
	for (int turn = 0; turn < 20000; turn++) {
		const size_t len = (size_t)random() % sizeof(text);
		const size_t size = 1 + (size_t)random() % sizeof(out);
		size_t used;
		json_t *value;

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(random() % 4 == 0
				? random()
				: 0x80 + random() % 0x70);
		used = escape_text(text, len, out, sizeof(out));
		ck_assert_uint_eq(used, strlen(out));
		ck_assert(escape_is_plain(out));
		value = json_string(out);
		ck_assert_ptr_nonnull(value);
		json_decref(value);
		used = escape_text(text, len, part, size);
		ck_assert_uint_lt(used, size);
		ck_assert_mem_eq(part, out, used);
		ck_assert(escape_is_plain(part));
		ck_assert(used == strlen(out) || used + 5 > size - 1);
	}
}
END_TEST

static Suite *
escape_suite(void)
{
	Suite *suite = suite_create("escape");
	TCase *tc = tcase_create("escape");

	tcase_add_test(tc, test_plain);
	tcase_add_test(tc, test_single_bytes);
	tcase_add_test(tc, test_escaped);
	tcase_add_test(tc, test_dup);
	tcase_add_test(tc, test_line);
	tcase_add_test(tc, test_random);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(escape_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
