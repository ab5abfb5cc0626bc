/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Warnings about what is valid: where there is one, and where not. */
#include "lb4/config/advice.h"
#include "lb4/config/config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many warnings there are; the first begins as it should. */
static size_t
warnings(const char *rest)
{
	struct config_errors list = { 0 };
	struct config *config;
	char text[512];
	size_t count;

	snprintf(text, sizeof(text), "[service db]\nlisten = :80\n%s", rest);
	config = config_parse("t.ini", text, strlen(text), &list);
	ck_assert_ptr_nonnull(config);
	advice_give(config, "t.ini", ADVICE_FOR_LOG, &list);
	ck_assert_uint_eq(list.count, 0);
	advice_give(config, "t.ini", ADVICE_FOR_CHECK, &list);
	count = list.count;
	if (count > 0)
		ck_assert_ptr_eq(strstr(list.text[0],
				     "t.ini:1: warning: [service db] check: "
				     "MySQL and MariaDB (port 3306 of a) "),
		    list.text[0]);
	config_errors_done(&list);
	config_free(config);
	return count;
}

START_TEST(mysql)
{
	ck_assert_uint_eq(warnings("backend = a 1.2.3.4:3306\n"
				   "backend = b 1.2.3.5:3306\ncheck = tcp\n"),
	    1);
	ck_assert_uint_eq(warnings("backend = a 1.2.3.4:1 "
				   "check-addr=1.2.3.4:3306\ncheck = tcp\n"),
	    1);
	ck_assert_uint_eq(warnings("backend = a 1.2.3.4:3306\n"), 0);
	ck_assert_uint_eq(warnings("backend = a 1.2.3.4:3306 "
				   "check-addr=1.2.3.4:9\ncheck = tcp\n"),
	    0);
	ck_assert_uint_eq(warnings("backend = a 1.2.3.4:3306\n"
				   "check = http GET /\n"),
	    0);
	ck_assert_uint_eq(warnings("backend = a unix:/s\ncheck = tcp\n"), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("advice");
	TCase *tc = tcase_create("advice");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, mysql);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
