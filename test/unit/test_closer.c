/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* How many conns a backend may have, and how fast they are closed. */
#include <check.h>
#include <stdlib.h>

#include "lb4/control/closer.h"
#include "lb4/control/rebalance.h"

START_TEST(test_allowance)
{
	/* 2,000 conns, four alike */
	ck_assert_uint_eq(rebalance_allowance(2000, 1, 4, 1.1), 550);
	/* by weight */
	ck_assert_uint_eq(rebalance_allowance(2000, 3, 4, 1.1), 1650);
	ck_assert_uint_eq(rebalance_allowance(2000, 3, 4, 1.0), 1500);
	/* few conns: what cannot be divided is no surplus */
	ck_assert_uint_eq(rebalance_allowance(3, 1, 2, 1.1), 2);
	ck_assert_uint_eq(rebalance_allowance(1, 1, 4, 1.1), 1);
	ck_assert_uint_eq(rebalance_allowance(0, 1, 4, 1.1), 0);
}
END_TEST

/* Whatever the numbers: all that there are have a place. */
START_TEST(test_room_for_all)
{
	for (uint64_t conns = 0; conns < 100; conns++)
		for (uint64_t weight = 1; weight < 10; weight++) {
			uint64_t room = rebalance_allowance(conns, weight, 10,
					    1) +
			    rebalance_allowance(conns, 10 - weight, 10, 1);

			ck_assert_uint_ge(room, conns);
			ck_assert_uint_le(room, conns + 1);
		}
}
END_TEST

/* All that are idle are closed before lb4 ends, at no rate that is out of
 * bounds. */
START_TEST(test_stop_rate)
{
	static const unsigned within_ms[] = { 0, 1, 500, 1000, 3000, 30000,
		86400000 };

	ck_assert_uint_eq(closer_stop_rate(0, 30000), CLOSER_RATE);
	ck_assert_uint_eq(closer_stop_rate(UINT64_C(1) << 40, 1000),
	    CLOSER_RATE_MAX);
	for (size_t i = 0; i < sizeof(within_ms) / sizeof(within_ms[0]); i++)
		for (uint64_t conns = 1; conns < 20000; conns += 37) {
			unsigned rate = closer_stop_rate(conns, within_ms[i]);

			ck_assert_uint_ge(rate, CLOSER_RATE);
			ck_assert_uint_le(rate, CLOSER_RATE_MAX);
			if (rate < CLOSER_RATE_MAX)
				ck_assert_uint_le(conns * 1000 / rate,
				    within_ms[i] + 1);
		}
	/* no haste: most of the time is used */
	ck_assert_uint_le(closer_stop_rate(20000, 30000), 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("closer");
	TCase *tcase = tcase_create("closer");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, test_allowance);
	tcase_add_test(tcase, test_room_for_all);
	tcase_add_test(tcase, test_stop_rate);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
