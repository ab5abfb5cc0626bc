/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Windows: what passes, what is counted, and when that is told. */
#include "common/limiter.h"

#include <check.h>
#include <stdlib.h>

START_TEST(test_window)
{
	struct limiter limiter;

	limiter_init(&limiter, 3, 1000);
	for (int i = 0; i < 3; i++)
		ck_assert(limiter_pass(&limiter, 5000));
	for (int i = 0; i < 7; i++)
		ck_assert(!limiter_pass(&limiter, 5999));
	ck_assert_uint_eq(limiter_left_out(&limiter, 5999), 0);
	ck_assert_uint_eq(limiter_left_out(&limiter, 6000), 7);
	ck_assert_uint_eq(limiter_left_out(&limiter, 6000), 0);
	ck_assert(limiter_pass(&limiter, 6000));
}
END_TEST

/* A flood without end is told of once in a window. */
START_TEST(test_next_window)
{
	struct limiter limiter;

	limiter_init(&limiter, 1, 1000);
	ck_assert(limiter_pass(&limiter, 1));
	ck_assert(!limiter_pass(&limiter, 2));
	ck_assert(limiter_pass(&limiter, 1001));
	ck_assert(!limiter_pass(&limiter, 1002));
	ck_assert_uint_eq(limiter_left_out(&limiter, 1500), 1);
	ck_assert_uint_eq(limiter_left_out(&limiter, 1500), 0);
	ck_assert(!limiter_pass(&limiter, 1900));
	ck_assert_uint_eq(limiter_left_out(&limiter, 2001), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("limiter");
	TCase *tc = tcase_create("limiter");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_window);
	tcase_add_test(tc, test_next_window);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
