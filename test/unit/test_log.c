/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Levels and lines: where they go, what is filtered, cut and cleaned.
 */
#include "common/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static char sunk[LOG_LINE_MAX + 1];
static enum log_level sunk_level;
static int sunk_count;

static void
sink(enum log_level level, const char *line, size_t len)
{
	ck_assert_uint_lt(len, LOG_LINE_MAX);
	ck_assert_uint_eq(strlen(line), len);
	memcpy(sunk, line, len + 1);
	sunk_level = level;
	sunk_count++;
	errno = EBADF; /* as a sink's own calls may */
}

START_TEST(test_names)
{
	static const char *const names[] = { "error", "warning", "notice",
		"info", "debug" };

	for (int i = 0; i < 5; i++) {
		ck_assert_str_eq(log_level_name(LOG_LEVEL_ERROR + i), names[i]);
		ck_assert_int_eq(log_level_parse(names[i]),
		    LOG_LEVEL_ERROR + i);
	}
	for (int level = -3; level < 12; level++)
		if (level < LOG_LEVEL_ERROR || level > LOG_LEVEL_DEBUG)
			ck_assert_ptr_null(log_level_name(level));
	ck_assert_int_eq(log_level_parse(""), -1);
	ck_assert_int_eq(log_level_parse("err"), -1);
	ck_assert_int_eq(log_level_parse("Error"), -1);
	ck_assert_int_eq(log_level_parse("errors"), -1);
	ck_assert_int_eq(LOG_LEVEL_ERROR, LOG_ERR);
	ck_assert_int_eq(LOG_LEVEL_DEBUG, LOG_DEBUG);
}
END_TEST

START_TEST(test_sink_gets_lines)
{
	log_set_sink(sink);
	log_error("backend %s is %d", "app1", 7);
	ck_assert_str_eq(sunk, "backend app1 is 7");
	ck_assert_int_eq((int)sunk_level, LOG_LEVEL_ERROR);
	log_info("%s", "");
	ck_assert_str_eq(sunk, "");
	ck_assert_int_eq((int)sunk_level, LOG_LEVEL_INFO);
	ck_assert_int_eq(sunk_count, 2);
}
END_TEST

static int evaluated;

static int
evaluate(void)
{
	return ++evaluated;
}

/* What is not written is not even put together. */
START_TEST(test_level_filters)
{
	log_set_sink(sink);
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		sunk_count = 0;
		evaluated = 0;
		log_level = level;
		log_error("%d", evaluate());
		log_warning("%d", evaluate());
		log_notice("%d", evaluate());
		log_info("%d", evaluate());
		log_debug("%d", evaluate());
		ck_assert_int_eq(sunk_count, level - LOG_LEVEL_ERROR + 1);
		ck_assert_int_eq(evaluated, sunk_count);
		ck_assert_int_eq((int)sunk_level, level);
	}
}
END_TEST

START_TEST(test_long_line_is_cut)
{
	char text[2 * LOG_LINE_MAX];

	log_set_sink(sink);
	memset(text, 'y', sizeof(text));
	for (int len = LOG_LINE_MAX - 3; len < LOG_LINE_MAX + 3; len++) {
		log_notice("%.*s", len, text);
		ck_assert_uint_eq(strlen(sunk),
		    (size_t)(len < LOG_LINE_MAX ? len : LOG_LINE_MAX - 1));
	}
	ck_assert_uint_eq(strspn(sunk, "y"), LOG_LINE_MAX - 1);
}
END_TEST

/* Nothing that a client sent makes a second line, or moves a terminal. */
START_TEST(test_control_characters)
{
	log_set_sink(sink);
	log_notice("sni %s", "a\nerror: forged\r\t\x1b[31m\x01\x7f z");
	ck_assert_str_eq(sunk,
	    "sni a\\x0aerror: forged\\x0d\\x09\\x1b[31m\\x01\\x7f z");
	/* U+009B, a terminal's other ESC [, as UTF-8 and as one byte. */
	log_notice("\xc2\x9b"
		   "31m \x9b"
		   "31m \xc2");
	ck_assert_str_eq(sunk, "\\xc2\\x9b31m \\x9b31m \\xc2");
	/* Other letters stay. */
	log_notice("gr\xc3\xbc\xc3\x9f \xc2\xa0 \xe2\x82\xac");
	ck_assert_str_eq(sunk, "gr\xc3\xbc\xc3\x9f \xc2\xa0 \xe2\x82\xac");
}
END_TEST

START_TEST(test_errno_is_kept)
{
	log_set_sink(sink);
	errno = ENOENT;
	log_error("%m");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(sunk, strerror(ENOENT));
	log_set_sink(NULL);
	ck_assert_int_eq(close(STDERR_FILENO), 0);
	errno = EPIPE;
	log_error("nobody reads this");
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(test_standard_error)
{
	char got[2 * LOG_LINE_MAX];
	char text[LOG_LINE_MAX];
	int fd[2];
	ssize_t len;

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
	close(fd[1]);
	log_set_sink(sink);
	log_set_sink(NULL);
	log_warning("one\n%s", "two");
	len = read(fd[0], got, sizeof(got));
	ck_assert_int_eq(len, 20);
	ck_assert_mem_eq(got, "warning: one\\x0atwo\n", 20);

	/* The longest line, in one piece. */
	memset(text, 'z', sizeof(text));
	log_error("%.*s", LOG_LINE_MAX - 1, text);
	len = read(fd[0], got, sizeof(got));
	ck_assert_int_eq(len, 7 + LOG_LINE_MAX - 1 + 1);
	ck_assert_mem_eq(got, "error: zzz", 10);
	ck_assert_int_eq(got[len - 1], '\n');
	ck_assert_int_eq(sunk_count, 0);
	close(fd[0]);
}
END_TEST

static Suite *
log_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_test(tc, test_names);
	tcase_add_test(tc, test_sink_gets_lines);
	tcase_add_test(tc, test_level_filters);
	tcase_add_test(tc, test_long_line_is_cut);
	tcase_add_test(tc, test_control_characters);
	tcase_add_test(tc, test_errno_is_kept);
	tcase_add_test(tc, test_standard_error);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(log_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
