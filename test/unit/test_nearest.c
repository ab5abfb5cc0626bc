/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Names that are meant by others. */
#include "common/nearest.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

START_TEST(test_distance)
{
	ck_assert_uint_eq(nearest_distance("", ""), 0);
	ck_assert_uint_eq(nearest_distance("abc", ""), 3);
	ck_assert_uint_eq(nearest_distance("", "abc"), 3);
	ck_assert_uint_eq(nearest_distance("listen", "Listen"), 0);
	ck_assert_uint_eq(nearest_distance("listen", "listn"), 1);
	ck_assert_uint_eq(nearest_distance("listn", "listen"), 1);
	ck_assert_uint_eq(nearest_distance("listen", "lisken"), 1);
	ck_assert_uint_eq(nearest_distance("bakcend", "backend"), 2);
	ck_assert_uint_eq(nearest_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(
	    nearest_distance(
		"1234567890123456789012345678901234567890123456789012345678901234",
		"1234567890123456789012345678901234567890123456789012345678901234"),
	    0);
	ck_assert_uint_eq(
	    nearest_distance(
		"12345678901234567890123456789012345678901234567890123456789012345",
		"x"),
	    SIZE_MAX);
	ck_assert_uint_eq(
	    nearest_distance("x",
		"12345678901234567890123456789012345678901234567890123456789012345"),
	    SIZE_MAX);
}
END_TEST

static const char *
meant(const char *word)
{
	static const char *const names[] = { "drain", "kill", "status",
		"simulate", "web-one", "app1" };
	struct nearest nearest;

	nearest_begin(&nearest, word);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		nearest_try(&nearest, names[i]);
	return nearest.best;
}

START_TEST(test_nearest)
{
	ck_assert_str_eq(meant("drian"), "drain");
	ck_assert_str_eq(meant("Drain"), "drain");
	ck_assert_str_eq(meant("stauts"), "status");
	ck_assert_str_eq(meant("kil"), "kill");
	ck_assert_str_eq(meant("web"), "web-one");
	ck_assert_str_eq(meant("app2"), "app1");
	ck_assert_str_eq(meant("simulate-this"), "simulate");
	ck_assert_ptr_null(meant("bogus"));
	ck_assert_ptr_null(meant("ki"));
	ck_assert_ptr_null(meant(""));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("nearest");
	TCase *tc = tcase_create("nearest");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_distance);
	tcase_add_test(tc, test_nearest);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
