/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What real traffic says of a backend: rows of failures, and how long an
 * ejection lasts.  Pure, so the test provides counts and clock.
 */
#include "lb4/health/observe.h"

#include <check.h>
#include <stdlib.h>

#define TIME_MS 1000

/* Plays what conns meet: 'r' refused, 't' timed out, 'c' connected, 'R' reset
 * early, 'a' answered.  Returns the failures in a row after the last one. */
static unsigned
play(struct observe *observe, struct backend_sums *sums, const char *conns)
{
	unsigned row = 0;

	for (; *conns != '\0'; conns++) {
		switch (*conns) {
		case 'r':
			sums->refused++;
			sums->connect_failures++;
			break;
		case 't':
			sums->timeouts++;
			sums->connect_failures++;
			break;
		case 'c':
			sums->conns++;
			break;
		case 'R':
			sums->early_resets++;
			break;
		default:
			sums->answered++;
			break;
		}
		row = observe_look(observe, sums, 1);
	}
	return row;
}

START_TEST(rows)
{
	static const struct {
		const char *conns;
		unsigned row;
		enum health_result last;
	} cases[] = {
		{ "ca", 0, HEALTH_UNKNOWN }, { "rrr", 3, HEALTH_REFUSED },
		{ "rrt", 3, HEALTH_NO_ANSWER }, { "rrcrr", 2, HEALTH_REFUSED },
		{ "cRcRcR", 3, HEALTH_RESET }, /* connecting is not enough */
		{ "cRcacR", 1, HEALTH_RESET },
		{ "cccccr", 1, HEALTH_REFUSED }, /* the backend is silent */
		{ "rra", 2, HEALTH_REFUSED },	 /* of a conn from before */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct backend_sums sums = { .conns = 7, .refused = 9 };
		struct observe observe;

		observe_begin(&observe, &sums);
		ck_assert_msg(play(&observe, &sums, cases[i].conns) ==
			cases[i].row,
		    "%s", cases[i].conns);
		ck_assert_int_eq(health_result(observe_word(&observe)),
		    cases[i].last);
		ck_assert(!health_is_down(observe_word(&observe)));
	}
}
END_TEST

START_TEST(history_does_not_count)
{
	struct backend_sums sums = { .connect_failures = 1000 };
	struct observe observe;

	observe_begin(&observe, &sums);
	ck_assert_uint_eq(play(&observe, &sums, "r"), 1);
	/* several at once are one look */
	sums.connect_failures += 4;
	ck_assert_uint_eq(observe_look(&observe, &sums, 1), 5);
	sums.connect_failures += 4;
	sums.conns++;
	ck_assert_uint_eq(observe_look(&observe, &sums, 1), 0);
	sums.connect_failures += UINT32_MAX;
	ck_assert_uint_eq(observe_look(&observe, &sums, 1), UINT16_MAX);
}
END_TEST

START_TEST(doubles_and_forgets)
{
	struct backend_sums sums = { 0 };
	struct observe observe;
	uint64_t now_ms = 1000000, want_ms = TIME_MS;

	observe_begin(&observe, &sums);
	for (int i = 0; i < 7; i++) {
		ck_assert_uint_eq(observe_eject(&observe, TIME_MS, now_ms),
		    want_ms);
		ck_assert(health_is_down(observe_word(&observe)));
		ck_assert_uint_eq(observe.until_ms, now_ms + want_ms);
		now_ms = observe.until_ms;
		observe_return(&observe, now_ms);
		ck_assert(!health_is_down(observe_word(&observe)));
		if (want_ms < OBSERVE_LONGEST * TIME_MS)
			want_ms *= 2;
	}
	now_ms += OBSERVE_LONGEST * TIME_MS - 1;
	ck_assert_uint_eq(observe_eject(&observe, TIME_MS, now_ms), want_ms);
	/* it comes back early: the quiet time begins */
	observe_return(&observe, now_ms + 1);
	now_ms += 1 + OBSERVE_LONGEST * TIME_MS;
	ck_assert_uint_eq(observe_eject(&observe, TIME_MS, now_ms), TIME_MS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("observe");
	TCase *tc = tcase_create("observe");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, rows);
	tcase_add_test(tc, history_does_not_count);
	tcase_add_test(tc, doubles_and_forgets);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
