/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Accept fields of Prometheus and of other clients. */
#include "lb4/http/accept.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *field;
	bool open;
} cases[] = {
	{ "", false },
	{ "*/*", false },
	{ "text/plain", false },
	{ "text/html,application/xhtml+xml,*/*;q=0.8", false },
	{ "application/openmetrics-text", true },
	{ "Application/OpenMetrics-Text", true },
	{ "application/openmetrics-text-more", false },
	{ "application/openmetrics-text; version=1.0.0; charset=utf-8", true },
	{ "application/openmetrics-text;version=\"1.0.0\"", true },
	{ "application/openmetrics-text; version=0.0.1", false },
	{ "application/openmetrics-text;q=0", false },
	{ "application/openmetrics-text;q=0.000", false },
	/* Prometheus 2.42, 2.50 and 3 */
	{ "application/openmetrics-text;version=1.0.0,"
	  "application/openmetrics-text;version=0.0.1;q=0.75,"
	  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	    true },
	{ "application/openmetrics-text;version=1.0.0;q=0.5,"
	  "text/plain;version=0.0.4;q=0.6",
	    false },
	{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;"
	  "q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
	  "text/plain;version=1.0.0;q=0.3,*/*;q=0.2",
	    true },
	{ "text/plain;q=0.5,application/openmetrics-text;q=0.5", true },
	{ "text/plain;q=0.5,application/openmetrics-text;q=0.499", false },
	{ "*/*;q=0.9,application/openmetrics-text;q=0.5", false },
	{ "*/*;q=0.9,text/plain;q=0.1,application/openmetrics-text;q=0.5",
	    true },
	{ " ,, application/openmetrics-text ; q=1.0 ,", true },
	{ "application/openmetrics-text;q=9;q=0.1,text/plain;q=0.2", false },
	{ ";q=0.1,;;,=,q=", false },
};

START_TEST(test_cases)
{
	ck_assert_msg(accept_openmetrics(cases[_i].field) == cases[_i].open,
	    "\"%s\"", cases[_i].field);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("accept");
	TCase *tests = tcase_create("cases");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_cases, 0,
	    (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
