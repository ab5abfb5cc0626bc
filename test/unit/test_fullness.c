/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When it is told that a gate is full, and when that it is not any more.
 */
#include "lb4/control/fullness.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(it_is_told_once)
{
	struct gate *gate = aligned_alloc(_Alignof(struct gate), sizeof(*gate));
	uint64_t now_ms = 1000, lasted_ms = 0;

	ck_assert_ptr_nonnull(gate);
	memset(gate, 0, sizeof(*gate));
	ck_assert_int_eq(fullness_look_at(gate, 4, now_ms, &lasted_ms),
	    FULLNESS_SAME);
	/* as many as may be, and nobody waits */
	atomic_store(&gate->inside, 4);
	ck_assert_int_eq(fullness_look_at(gate, 4, now_ms, &lasted_ms),
	    FULLNESS_SAME);
	gate_show(gate, 0, 1);
	now_ms += 1000;
	ck_assert_int_eq(fullness_look_at(gate, 4, now_ms, &lasted_ms),
	    FULLNESS_BEGAN);
	/* Places come and go: somebody has waited between any two looks. */
	gate_withdraw(gate, 0);
	for (int i = 0; i < 100; i++) {
		atomic_fetch_add(&gate->waits, 17);
		now_ms += 1000;
		ck_assert_int_eq(fullness_look_at(gate, 4, now_ms, &lasted_ms),
		    FULLNESS_SAME);
	}
	/* Over is what has been over for a while. */
	for (int i = 0; i < 4; i++) {
		now_ms += 1000;
		ck_assert_int_eq(fullness_look_at(gate, 4, now_ms, &lasted_ms),
		    FULLNESS_SAME);
	}
	now_ms += 1000;
	ck_assert_int_eq(fullness_look_at(gate, 4, now_ms, &lasted_ms),
	    FULLNESS_ENDED);
	ck_assert_uint_eq(lasted_ms, 100000);
	ck_assert_int_eq(fullness_look_at(gate, 4, now_ms, &lasted_ms),
	    FULLNESS_SAME);
	free(gate);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fullness");
	TCase *tc = tcase_create("fullness");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, it_is_told_once);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
