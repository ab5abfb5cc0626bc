/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the other backends of a service say when one is about to go down.
 */
#include "lb4/health/circle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Plays the results of backends 1, 2, ...: '+' and '-' end at 100, '.' before;
 * judges backend 1, whose failed check began at 100. */
static enum circle_says
judge(const char *results, size_t up)
{
	struct circle circle;

	memset(&circle, 0, sizeof(circle));
	for (uint32_t i = 0; results[i] != '\0'; i++)
		if (results[i] == '.')
			circle_note(&circle, i + 1, true, 99);
	for (uint32_t i = 0; results[i] != '\0'; i++)
		if (results[i] != '.')
			circle_note(&circle, i + 1, results[i] == '-', 100);
	return circle_judge(&circle, up, 1, 100);
}

START_TEST(verdicts)
{
	static const struct {
		const char *results;
		size_t up;
		enum circle_says says;
	} cases[] = {
		{ "-", 1, CIRCLE_FINE },
		{ "--", 2, CIRCLE_FINE }, /* two cannot tell */
		{ "---", 3, CIRCLE_TROUBLE },
		{ "-+-", 3, CIRCLE_FINE },
		{ "-", 3, CIRCLE_UNSURE },
		{ "-.-", 3, CIRCLE_UNSURE },
		{ "-..", 3, CIRCLE_UNSURE },
		{ "-----", 5, CIRCLE_TROUBLE },
		{ "-+---", 5, CIRCLE_TROUBLE },
		{ "-++", 5, CIRCLE_FINE },
		{ "---", 100, CIRCLE_UNSURE },
		{ "----", 100, CIRCLE_TROUBLE },
		{ "-++", 100, CIRCLE_FINE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const enum circle_says says = judge(cases[i].results,
		    cases[i].up);

		ck_assert_msg(says == cases[i].says, "%s of %zu: %d",
		    cases[i].results, cases[i].up, says);
	}
}
END_TEST

START_TEST(only_the_latest_result_of_each)
{
	struct circle circle;

	memset(&circle, 0, sizeof(circle));
	circle_note(&circle, 2, true, 100);
	circle_note(&circle, 3, true, 100);
	ck_assert_int_eq(circle_judge(&circle, 3, 1, 100), CIRCLE_TROUBLE);
	circle_note(&circle, 2, false, 101);
	ck_assert_int_eq(circle_judge(&circle, 3, 1, 100), CIRCLE_FINE);
	circle_note(&circle, 2, true, 102);
	ck_assert_int_eq(circle_judge(&circle, 3, 1, 100), CIRCLE_TROUBLE);
	/* one that is heard often says no more than one */
	for (int i = 0; i < CIRCLE_RECENT; i++)
		circle_note(&circle, 2, true, 103);
	ck_assert_int_eq(circle_judge(&circle, 3, 1, 100), CIRCLE_UNSURE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("circle");
	TCase *tc = tcase_create("circle");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, verdicts);
	tcase_add_test(tc, only_the_latest_result_of_each);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
