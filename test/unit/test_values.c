/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Single values: numbers, times, sizes and words, from text and back.
 */
#include "lb4/config/values.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct sample {
	const char *text;
	uint64_t value;
};

static const struct sample numbers[] = {
	{ "0", 0 },
	{ "007", 7 },
	{ "18446744073709551614", UINT64_MAX - 1 },
	{ "18446744073709551615", UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX },
	{ "99999999999999999999999999999999", UINT64_MAX },
};

static const struct sample times[] = {
	{ "0", 0 },
	{ "0s", 0 },
	{ "1ms", 1 },
	{ "500ms", 500 },
	{ "2s", 2000 },
	{ "10m", 600000 },
	{ "3h", 10800000 },
	{ "30d", 2592000000 },
	{ "1m30s", 90000 },
	{ "1d2h3m4s5ms", 93784005 },
	{ "213503982334d", 18446744073657600000u },
	{ "213503982335d", UINT64_MAX },
	{ "18446744073709551615ms", UINT64_MAX },
	{ "1s18446744073709551615ms", UINT64_MAX },
};

static const struct sample sizes[] = {
	{ "0", 0 },
	{ "65536", 65536 },
	{ "64k", 65536 },
	{ "1m", 1048576 },
	{ "2g", 2147483648 },
	{ "17179869184g", UINT64_MAX },
};

static const char *const no_numbers[] = { "", "x", "-1", "+1", "1x", "1 ", " 1",
	"0x10", "1.0", "1,000" };

/* With what is said of each. */
static const struct {
	const char *text;
	const char *problem;
} no_times[] = {
	{ "", "is not a time (500ms, 2s, 1m30s)" },
	{ "s", "is not a time (500ms, 2s, 1m30s)" },
	{ "-1s", "is not a time (500ms, 2s, 1m30s)" },
	{ "1s ", "is not a time (500ms, 2s, 1m30s)" },
	{ "1m 30s", "is not a time (500ms, 2s, 1m30s)" },
	{ "1", "needs a unit (500ms, 2s, 10m)" },
	{ "00", "needs a unit (500ms, 2s, 10m)" },
	{ "1m30", "needs a unit (500ms, 2s, 10m)" },
	{ "1.5s", "has decimals (1.5s is 1500ms)" },
	{ "1,5s", "has decimals (1.5s is 1500ms)" },
	{ "10us", "has an unknown unit (known: ms, s, m, h, d)" },
	{ "10sec", "has an unknown unit (known: ms, s, m, h, d)" },
	{ "10S", "has an unknown unit (known: ms, s, m, h, d)" },
	{ "1w", "has an unknown unit (known: ms, s, m, h, d)" },
	{ "1s1s", "does not go from large units to small ones" },
	{ "1s1m", "does not go from large units to small ones" },
};

static const char *const no_sizes[] = { "", "k", "64K", "64kb", "-1", "1.5k",
	"1k1", "1 k", "64t" };

START_TEST(test_number)
{
	uint64_t value;

	for (size_t i = 0; i < COUNT(numbers); i++) {
		ck_assert_ptr_null(value_number(numbers[i].text, &value));
		ck_assert_uint_eq(value, numbers[i].value);
	}
	for (size_t i = 0; i < COUNT(no_numbers); i++)
		ck_assert_pstr_eq(value_number(no_numbers[i], &value),
		    "is not a whole number");
}
END_TEST

START_TEST(test_time)
{
	uint64_t value;

	for (size_t i = 0; i < COUNT(times); i++) {
		ck_assert_ptr_null(value_time(times[i].text, &value));
		ck_assert_uint_eq(value, times[i].value);
	}
	for (size_t i = 0; i < COUNT(no_times); i++)
		ck_assert_pstr_eq(value_time(no_times[i].text, &value),
		    no_times[i].problem);
}
END_TEST

START_TEST(test_size)
{
	uint64_t value;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		ck_assert_ptr_null(value_size(sizes[i].text, &value));
		ck_assert_uint_eq(value, sizes[i].value);
	}
	for (size_t i = 0; i < COUNT(no_sizes); i++)
		ck_assert_pstr_eq(value_size(no_sizes[i], &value),
		    "is not a size (65536, 64k, 1m)");
}
END_TEST

START_TEST(test_rate)
{
	static const char *const none[] = { "", "/s", "x", "20/m", "20 /s",
		"20/sec", "-1", "1.5/s" };
	uint64_t value = 0;

	ck_assert_ptr_null(value_rate("20/s", &value));
	ck_assert_uint_eq(value, 20);
	ck_assert_ptr_null(value_rate("7", &value));
	ck_assert_uint_eq(value, 7);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_pstr_eq(value_rate(none[i], &value),
		    "is not a rate (20/s)");
}
END_TEST

START_TEST(test_sample)
{
	static const char *const none[] = { "", "1", "1/", "/100", "2/100",
		"1/x", "1/100 ", "1/-1", "1/1.5", "1%" };
	uint64_t value = 0;

	ck_assert_ptr_null(value_sample("1/100", &value));
	ck_assert_uint_eq(value, 100);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_pstr_eq(value_sample(none[i], &value),
		    "is not a sample (1/100)");
}
END_TEST

START_TEST(test_percent)
{
	static const char *const none[] = { "", "%", "125", "125 %", "-1%",
		"1.5%", "125%%", "125%x", "x%" };
	uint64_t value;

	ck_assert_ptr_null(value_percent("0%", &value));
	ck_assert_uint_eq(value, 0);
	ck_assert_ptr_null(value_percent("125%", &value));
	ck_assert_uint_eq(value, 125);
	for (size_t i = 0; i < COUNT(none); i++)
		ck_assert_pstr_eq(value_percent(none[i], &value),
		    "is not a percentage (125%)");
}
END_TEST

START_TEST(test_format)
{
	char buf[VALUE_TEXT_MAX];
	uint64_t back;

	ck_assert_str_eq(value_format_time(0, buf, sizeof(buf)), "0s");
	ck_assert_str_eq(value_format_time(90000, buf, sizeof(buf)), "90s");
	ck_assert_str_eq(value_format_time(3600000, buf, sizeof(buf)), "1h");
	ck_assert_str_eq(value_format_time(86400000, buf, sizeof(buf)), "1d");
	ck_assert_str_eq(value_format_time(1001, buf, sizeof(buf)), "1001ms");
	ck_assert_str_eq(value_format_size(0, buf, sizeof(buf)), "0");
	ck_assert_str_eq(value_format_size(262144, buf, sizeof(buf)), "256k");
	ck_assert_str_eq(value_format_size(65537, buf, sizeof(buf)), "65537");
	value_format_time(UINT64_MAX, buf, sizeof(buf));
	ck_assert_ptr_null(value_time(buf, &back));
	ck_assert_uint_eq(back, UINT64_MAX);
}
END_TEST

START_TEST(test_words)
{
	const char *text = " a\t b\\x20c  \\x5cx ;d e;f\\x3B\xc3\xa9 ";
	static const char *const want[] = { "a", "b c", "\\x", ";d",
		"e;f;\xc3\xa9", "", "" };
	struct why why = { "" };
	char word[9];

	for (size_t i = 0; i < COUNT(want); i++) {
		ck_assert_int_eq(value_word(&text, word, sizeof(word), &why),
		    0);
		ck_assert_str_eq(word, want[i]);
	}
}
END_TEST

START_TEST(test_wrong_words)
{
	static const struct {
		const char *text;
		const char *why;
	} wrong[] = {
		{ "12345678",
		    "\"12345678...\" is too long: give at most 7 characters" },
		{ "a\\",
		    "'\\' without x and two hex digits: write \\x5c for "
		    "a backslash" },
		{ "a\\n",
		    "'\\' without x and two hex digits: write \\x5c for "
		    "a backslash" },
		{ "a\\x",
		    "'\\' without x and two hex digits: write \\x5c for "
		    "a backslash" },
		{ "a\\x3",
		    "'\\' without x and two hex digits: write \\x5c "
		    "for a backslash" },
		{ "\\xg0",
		    "'\\' without x and two hex digits: write \\x5c "
		    "for a backslash" },
		{ "a\\x00", "\\x00 is a control character: remove it" },
		{ "a\\x0a", "\\x0a is a control character: remove it" },
		{ "a\\x7f", "\\x7f is a control character: remove it" },
		{ "a b ",
		    "\"b \" is one word too many: remove it, or write "
		    "\\x20 for a space" },
	};
	struct why why = { "" };
	char word[8];

	for (size_t i = 0; i < COUNT(wrong); i++) {
		ck_assert_int_eq(value_only_word(wrong[i].text, word,
				     sizeof(word), &why),
		    -EINVAL);
		ck_assert_str_eq(why.text, wrong[i].why);
	}
	ck_assert_int_eq(value_only_word("1234567", word, sizeof(word), &why),
	    0);
	ck_assert_str_eq(word, "1234567");
}
END_TEST

/* Every string without control characters can be a word. */
START_TEST(test_printed_words_come_back)
{
	char word[4] = "";
	char back[4];
	char *text;
	size_t len;
	struct why why = { "" };

	for (int byte = ' '; byte < 256; byte++) {
		for (int place = 0; place < 3 && byte != 0x7f; place++) {
			FILE *out = open_memstream(&text, &len);

			memset(word, 'a', 3);
			word[place] = (char)byte;
			value_print_word(word, out);
			fclose(out);
			ck_assert_int_eq(value_only_word(text, back,
					     sizeof(back), &why),
			    0);
			ck_assert_str_eq(back, word);
			/* Nor may inih see a comment, or we a quote. */
			ck_assert_ptr_null(strchr(";#\"'", text[0]));
			free(text);
		}
	}
}
END_TEST

static Suite *
values_suite(void)
{
	Suite *suite = suite_create("values");
	TCase *tc = tcase_create("values");

	tcase_add_test(tc, test_number);
	tcase_add_test(tc, test_time);
	tcase_add_test(tc, test_size);
	tcase_add_test(tc, test_percent);
	tcase_add_test(tc, test_rate);
	tcase_add_test(tc, test_sample);
	tcase_add_test(tc, test_format);
	tcase_add_test(tc, test_words);
	tcase_add_test(tc, test_wrong_words);
	tcase_add_test(tc, test_printed_words_come_back);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(values_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
