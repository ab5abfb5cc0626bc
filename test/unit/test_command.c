/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Lines of the control socket, and how values look in answers. */
#include "lb4/command/command.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/command/answer.h"
#include "lb4/config/values.h"

static struct command command;
static struct why why;

static int
parse(const char *line)
{
	return command_parse(&command, line, strlen(line), &why);
}

START_TEST(test_words)
{
	ck_assert_int_eq(parse("  drain \t web/app1 "), 0);
	ck_assert_uint_eq(command.words, 2);
	ck_assert_str_eq(command.word[0], "drain");
	ck_assert_str_eq(command.word[1], "web/app1");
	ck_assert(!command.json);
	ck_assert_int_eq(parse("  "), 0);
	ck_assert_uint_eq(command.words, 0);
	ck_assert_int_eq(parse("a b\\x20c \\x5c"), 0);
	ck_assert_str_eq(command.word[1], "b c");
	ck_assert_str_eq(command.word[2], "\\");
}
END_TEST

START_TEST(test_json_anywhere)
{
	ck_assert_int_eq(parse("--json info"), 0);
	ck_assert(command.json);
	ck_assert_uint_eq(command.words, 1);
	ck_assert_int_eq(parse("conns --json id=1"), 0);
	ck_assert(command.json);
	ck_assert_uint_eq(command.words, 2);
	ck_assert_int_eq(parse("info --jso"), 0);
	ck_assert(!command.json);
}
END_TEST

START_TEST(test_options)
{
	ck_assert_int_eq(parse("conns id=1 web id=2 on-x= =3 4=5"), 0);
	ck_assert_str_eq(command_option(&command, "id"), "2");
	ck_assert_str_eq(command_option(&command, "on-x"), "");
	ck_assert_ptr_null(command_option(&command, "i"));
	ck_assert_ptr_null(command_option(&command, "idx"));
	ck_assert_uint_eq(command_arguments(&command), 3);
	ck_assert_str_eq(command_argument(&command, 0), "web");
	ck_assert_str_eq(command_argument(&command, 1), "=3");
	ck_assert_str_eq(command_argument(&command, 2), "4=5");
	ck_assert_ptr_null(command_argument(&command, 3));
}
END_TEST

static void
refuses(const char *line, size_t len, const char *part)
{
	ck_assert_int_eq(command_parse(&command, line, len, &why), -EINVAL);
	ck_assert_msg(strstr(why.text, part) != NULL, "%s", why.text);
}

START_TEST(test_refused)
{
	char line[COMMAND_LINE_MAX + 1];

	memset(line, 'a', sizeof(line));
	refuses(line, sizeof(line), "longer than 4096 bytes");
	refuses(line, COMMAND_WORD_MAX, "too long");
	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = i % 2 == 0 ? 'a' : ' ';
	refuses(line, sizeof(line) - 1, "more than 24 words");
	refuses("a\0b", 3, "not text");
	refuses("a\x7f", 2, "not text");
	refuses("a \\x0", 5, "\\x");
	ck_assert_int_eq(command_parse(&command, line, 2 * COMMAND_WORDS_MAX,
			     &why),
	    0);
	ck_assert_uint_eq(command.words, COMMAND_WORDS_MAX);
}
END_TEST

START_TEST(test_times)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0ms" },
		{ 999, "999ms" },
		{ 1000, "1.0s" },
		{ 59999, "59.9s" },
		{ 60000, "1m0s" },
		{ 3599999, "59m59s" },
		{ 3600000, "1h0m" },
		{ 86399999, "23h59m" },
		{ 86400000, "1d0h" },
		{ UINT64_MAX, "213503982334d14h" },
	};
	char buf[ANSWER_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(answer_time(cases[i].ms, buf, sizeof(buf)),
		    cases[i].text);
}
END_TEST

START_TEST(test_bytes)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1023, "1023" },
		{ 1024, "1.0K" },
		{ 1048524, "1023.9K" },
		{ 1048575, "1.0M" },
		{ UINT64_C(1) << 40, "1.0T" },
		{ UINT64_MAX, "16.0E" },
	};
	char buf[ANSWER_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(answer_bytes(cases[i].bytes, buf, sizeof(buf)),
		    cases[i].text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("command");
	TCase *tc = tcase_create("command");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_words);
	tcase_add_test(tc, test_json_anywhere);
	tcase_add_test(tc, test_options);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_times);
	tcase_add_test(tc, test_bytes);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
