/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reasons in words. */
#include "common/why.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(returns)
{
	struct why why = { "" };

	ck_assert_int_eq(why_set(&why, "%d is odd", 3), -EINVAL);
	ck_assert_str_eq(why.text, "3 is odd");
	ck_assert_int_eq(why_fail(&why, -ENOENT, "no %s", "file"), -ENOENT);
	ck_assert_str_eq(why.text, "no file");
}
END_TEST

START_TEST(quotes_itself)
{
	struct why why = { "" };

	(void)why_set(&why, "cause");
	(void)why_set(&why, "effect: %s", why.text);
	ck_assert_str_eq(why.text, "effect: cause");
}
END_TEST

START_TEST(is_cut)
{
	struct why why = { "" };
	char text[2 * WHY_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)why_set(&why, "%s", text);
	ck_assert_uint_eq(strlen(why.text), WHY_TEXT_MAX - 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("why");
	TCase *tcase = tcase_create("why");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, returns);
	tcase_add_test(tcase, quotes_itself);
	tcase_add_test(tcase, is_cut);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
