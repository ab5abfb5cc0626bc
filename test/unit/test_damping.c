/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A backend that flaps comes up seldom, one that does not at once.  Pure, so
 * hours pass in no time.
 */
#include "lb4/health/damping.h"

#include <check.h>
#include <stdlib.h>

#define HOUR_MS UINT64_C(3600000)

/* A backend that works for `good_ms` and fails for `bad_ms`, in turn, for two
 * hours.  Returns the most transitions in any window, and how many there were
 * in the last hour. */
static unsigned
flap(unsigned good_ms, unsigned bad_ms, unsigned *last_hour)
{
	uint64_t at_ms[20000];
	unsigned count = 0, most = 0;
	struct damping damping = { 0 };
	bool down = false;

	*last_hour = 0;
	for (uint64_t now_ms = 1000000; now_ms < 1000000 + 2 * HOUR_MS;
	     now_ms += 100) {
		const bool bad = now_ms % (good_ms + bad_ms) < bad_ms;

		if (bad == down || (!bad && now_ms < damping_until(&damping)))
			continue;
		down = bad;
		damping_note(&damping, down, now_ms);
		*last_hour += now_ms >= 1000000 + HOUR_MS;
		at_ms[count++] = now_ms;
		for (unsigned i = 0; i < count; i++)
			if (now_ms - at_ms[i] < DAMPING_WINDOW_MS &&
			    count - i > most)
				most = count - i;
	}
	return most;
}

START_TEST(few_transitions)
{
	unsigned last_hour;

	ck_assert_uint_le(flap(700, 700, &last_hour), DAMPING_MOST);
	ck_assert_uint_le(last_hour, 14); /* the hold-down has grown */
	ck_assert_uint_le(flap(100, 100, &last_hour), DAMPING_MOST);
	ck_assert_uint_le(flap(20000, 300, &last_hour), DAMPING_MOST);
	ck_assert_uint_le(flap(300, 20000, &last_hour), DAMPING_MOST);
}
END_TEST

START_TEST(no_hold_without_flapping)
{
	struct damping damping = { 0 };
	uint64_t now_ms = 5000000;

	ck_assert_uint_eq(damping_until(&damping), 0);
	for (int i = 0; i < 10; i++) {
		damping_note(&damping, true, now_ms);
		ck_assert_uint_le(damping_until(&damping), now_ms);
		damping_note(&damping, false, now_ms + 1000);
		now_ms += DAMPING_WINDOW_MS + 2000;
	}
}
END_TEST

START_TEST(hold_grows_and_is_forgotten)
{
	struct damping damping = { 0 };
	uint64_t now_ms = 5000000, before_ms = 0, hold_ms = 0;

	for (int i = 0; i < 12; i++) {
		damping_note(&damping, true, now_ms);
		hold_ms = damping_until(&damping) > now_ms
		    ? damping_until(&damping) - now_ms
		    : 0;
		ck_assert_uint_ge(hold_ms + 2000, before_ms);
		before_ms = hold_ms;
		now_ms += hold_ms;
		damping_note(&damping, false, now_ms);
		now_ms += 1000;
	}
	ck_assert_uint_eq(hold_ms, DAMPING_LONGEST_MS);
	now_ms += DAMPING_WINDOW_MS;
	damping_note(&damping, true, now_ms);
	ck_assert_uint_le(damping_until(&damping), now_ms);
}
END_TEST

START_TEST(carried_over)
{
	struct damping damping = { .carried_ms = 777 };

	ck_assert_uint_eq(damping_until(&damping), 777);
	damping_note(&damping, false, 800);
	ck_assert_uint_eq(damping_until(&damping), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("damping");
	TCase *tc = tcase_create("damping");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, few_transitions);
	tcase_add_test(tc, no_hold_without_flapping);
	tcase_add_test(tc, hold_grows_and_is_forgotten);
	tcase_add_test(tc, carried_over);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
