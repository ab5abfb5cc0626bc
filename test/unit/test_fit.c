/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
#include "lb4/ctl/fit.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char got[4096];
static size_t widest;

static void
put(void *owner, const char *line, size_t len)
{
	const size_t at = strlen(got);

	ck_assert_ptr_eq(owner, got);
	(void)snprintf(got + at, sizeof(got) - at, "%.*s\n", (int)len, line);
	if (len > widest)
		widest = len;
}

static void
fit(size_t width, const char *const *lines)
{
	struct fit fit = { .width = width, .put = put, .owner = got };

	got[0] = '\0';
	widest = 0;
	for (; *lines != NULL; lines++)
		fit_line(&fit, *lines);
	fit_end(&fit);
	if (width > 0)
		ck_assert_uint_le(widest, width);
}

/* Columns as wide as their cells need; then texts are shortened, then columns
 * are dropped; an essential one stays. */
START_TEST(test_table)
{
	static const char *const lines[] = {
		"web: up, 2 of 2 backends",
		"  BACKEND       ADDRESS      STATE    WEIGHT  CHECK",
		"  one           10.0.0.1:80  up            1  connected, 3s ago",
		"  two           10.0.0.2:80  down         10  -",
		NULL,
	};

	fit(0, lines);
	ck_assert_ptr_nonnull(strstr(got, lines[1]));
	fit(60, lines);
	ck_assert_str_eq(got,
	    "web: up, 2 of 2 backends\n"
	    "  BACKEND  ADDRESS      STATE  WEIGHT  CHECK\n"
	    "  one      10.0.0.1:80  up          1  connected, 3s ago\n"
	    "  two      10.0.0.2:80  down       10  -\n");
	fit(52, lines);
	ck_assert_str_eq(got,
	    "web: up, 2 of 2 backends\n"
	    "  BACKEND  ADDRESS      STATE  WEIGHT  CHECK\n"
	    "  one      10.0.0.1:80  up          1  connected, 3~\n"
	    "  two      10.0.0.2:80  down       10  -\n");
	fit(45, lines);
	ck_assert_str_eq(got,
	    "web: up, 2 of 2 backends\n"
	    "  BACKEND  ADDRESS      STATE  CHECK\n"
	    "  one      10.0.0.1:80  up     connected, 3s~\n"
	    "  two      10.0.0.2:80  down   -\n");
	fit(20, lines);
	ck_assert_str_eq(got,
	    "web: up, 2 of 2\n"
	    "    backends\n"
	    "  BACKEND  STATE\n"
	    "  one      up\n"
	    "  two      down\n");
}
END_TEST

/* A name is shortened in its middle, one table is aligned throughout, and
 * a line that is no row of it stays where it is. */
START_TEST(test_names)
{
	static const char *const lines[] = {
		"      ID  CLIENT                 BACKEND      WORKER",
		"       7  [2001:db8::1]:5000     a-rather-long-name-0001       0",
		"removed:",
		"      ID  CLIENT                 BACKEND      WORKER",
		"123456789  10.1.1.1:1             a-rather-long-name-0002      12",
		NULL,
	};

	fit(48, lines);
	ck_assert_str_eq(got,
	    "       ID  CLIENT              BACKEND\n"
	    "        7  [2001:db8::1]:5000  a-rather~ame-0001\n"
	    "removed:\n"
	    "       ID  CLIENT              BACKEND\n"
	    "123456789  10.1.1.1:1          a-rather~ame-0002\n");
}
END_TEST

/* Titles that are new here: numbers stand at the right, the first column is
 * not dropped.  A row in capitals is a row. */
START_TEST(test_unknown)
{
	static const char *const lines[] = {
		"WHO         HITS  P99/MS  WHERE",
		"A              1     1.5  here",
		"B            200       -  10.0.0.1:80",
		NULL,
	};

	fit(80, lines);
	ck_assert_str_eq(got,
	    "WHO  HITS  P99/MS  WHERE\n"
	    "A       1     1.5  here\n"
	    "B     200       -  10.0.0.1:80\n");
	fit(20, lines);
	ck_assert_str_eq(got,
	    "WHO  HITS  P99/MS\n"
	    "A       1     1.5\n"
	    "B     200       -\n");
}
END_TEST

/* What is essential may still be too wide, and no line has an end that breaks
 * a character. */
START_TEST(test_cut)
{
	static const char umlauts[] =
	    "\303\244\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\303\244";
	static const char *const lines[] = {
		"CLIENT       STATE  SERVICE",
		"unix:/a/path/that/is/longer/than/all  relaying  web",
		"",
		"a-word-that-is-longer-than-the-terminal: \303\244\303\266",
		umlauts,
		NULL,
	};

	fit(21, lines);
	ck_assert_str_eq(got,
	    "CLIENT              ~\n"
	    "unix:/a/path/that/is~\n"
	    "\n"
	    "a-word-that-is-longer\n"
	    "    -than-the-termina\n"
	    "    l: \303\244\303\266\n"
	    "\303\244\303\244\303\244\303\244\303\244"
	    "\303\244\303\244\303\244\303\244\303\244\n"
	    "    \303\244\303\244\n");
}
END_TEST

START_TEST(test_suits)
{
	ck_assert(fit_suits("status"));
	ck_assert(!fit_suits("save"));
	ck_assert(!fit_suits("config"));
	ck_assert(!fit_suits("monitor"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fit");
	TCase *tc = tcase_create("fit");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_table);
	tcase_add_test(tc, test_names);
	tcase_add_test(tc, test_unknown);
	tcase_add_test(tc, test_cut);
	tcase_add_test(tc, test_suits);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
