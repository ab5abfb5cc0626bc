/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rise and fall, and when to check.  Both are pure, so the test provides the
 * clock and the random numbers.
 */
#include "lb4/health/verdict.h"

#include <check.h>
#include <stdlib.h>

#include "common/hash.h"
#include "lb4/health/schedule.h"

/* Plays results ('+' good, '-' bad) and compares what each changes: 'U' up,
 * 'D' down, '.' nothing. */
static void
play(const char *results, const char *want, unsigned rise, unsigned fall)
{
	struct verdict verdict = { 0 };

	for (size_t i = 0; results[i] != '\0'; i++) {
		enum verdict_change change = verdict_note(&verdict,
		    results[i] == '+', rise, fall);
		char got = change == VERDICT_UP ? 'U'
		    : change == VERDICT_DOWN	? 'D'
						: '.';

		ck_assert_msg(got == want[i], "%s %u/%u, result %zu: %c not %c",
		    results, rise, fall, i, got, want[i]);
		if (change != VERDICT_SAME)
			ck_assert_int_eq(verdict.down, change == VERDICT_DOWN);
	}
}

START_TEST(unknown_counts_as_up)
{
	struct verdict verdict = { 0 };

	ck_assert(!verdict.decided);
	ck_assert(!verdict.down);
}
END_TEST

START_TEST(the_first_result_decides)
{
	play("+", "U", 5, 5);
	play("-", "D", 5, 5);
	play("+---", "U..D", 2, 3);
	play("-++", "D.U", 2, 3);
}
END_TEST

START_TEST(in_a_row)
{
	play("+--+--+---", "U........D", 2, 3);
	play("-+-+-++-", "D.....U.", 2, 3);
	play("-++-+--", "D.U....", 2, 3);
	play("-+++", "D..U", 3, 1);
	play("++++++", "U.....", 2, 3);
	play("------", "D.....", 2, 3);
	play("+-+-+-", "UDUDUD", 1, 1);
}
END_TEST

/* Every sequence of 12 results against the definition itself. */
START_TEST(by_definition)
{
	const unsigned rise = 2, fall = 3;

	for (unsigned bits = 0; bits < 1 << 12; bits++) {
		struct verdict verdict = { 0 };
		bool down = false;

		for (unsigned i = 0; i < 12; i++) {
			unsigned run = 1;
			bool passed = (bits >> i & 1) != 0;
			bool before = down;
			enum verdict_change want = VERDICT_SAME;

			while (run <= i && (bits >> (i - run) & 1) == passed)
				run++;
			if (i == 0 || (passed && run >= rise) ||
			    (!passed && run >= fall))
				down = !passed;
			if (i == 0 || down != before)
				want = down ? VERDICT_DOWN : VERDICT_UP;
			if (verdict_note(&verdict, passed, rise, fall) !=
				want ||
			    verdict.down != down)
				ck_abort_msg("%x at %u", bits, i);
		}
	}
}
END_TEST

/* A week of checks of a backend that fails each second one: no change. */
START_TEST(does_not_flap)
{
	struct verdict verdict = { 0 };
	unsigned changes = 0;

	for (unsigned i = 0; i < 7 * 86400 / 2; i++)
		changes += verdict_note(&verdict, i % 2 == 0, 2, 3) !=
		    VERDICT_SAME;
	ck_assert_uint_eq(changes, 1);
}
END_TEST

START_TEST(first_checks_are_spread)
{
	unsigned least = 1000, most = 0;

	for (uint64_t i = 0; i < 10000; i++) {
		unsigned wait = schedule_first_ms(2000, hash_mix(i));

		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		ck_assert_uint_lt(schedule_first_ms(20, hash_mix(i)), 20);
		ck_assert_uint_eq(schedule_first_ms(1, hash_mix(i)), 0);
	}
	ck_assert_uint_eq(least, 0);
	ck_assert_uint_eq(most, 499);
}
END_TEST

START_TEST(checks_are_jittered)
{
	unsigned least = 10000, most = 0;
	double sum = 0;

	for (uint64_t i = 0; i < 10000; i++) {
		unsigned wait = schedule_next_ms(2000, hash_mix(i));

		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		sum += wait;
		ck_assert_uint_eq(schedule_next_ms(9, hash_mix(i)), 9);
	}
	ck_assert_uint_ge(least, 1800);
	ck_assert_uint_lt(least, 1810);
	ck_assert_uint_le(most, 2200);
	ck_assert_uint_gt(most, 2190);
	ck_assert_double_eq_tol(sum / 10000, 2000, 10);
}
END_TEST

/* inter, but for a backend that changes or is down. */
START_TEST(intervals)
{
	struct config_check check = { .inter_ms = 3 };
	const struct verdict verdict[] = { { .passed = 1 }, { .failed = 1 },
		{ .down = true, .failed = 3 }, { .down = true, .passed = 1 } };
	static const unsigned want[][4] = { { 3, 3, 3, 3 }, { 3, 1, 3, 1 },
		{ 3, 1, 9, 1 }, { 3, 3, 9, 9 } };

	for (int set = 0; set < 4; set++) {
		check.fastinter_ms = set == 1 || set == 2 ? 1 : 0;
		check.downinter_ms = set >= 2 ? 9 : 0;
		for (int i = 0; i < 4; i++)
			ck_assert_uint_eq(schedule_inter(&check, &verdict[i]),
			    want[set][i]);
	}
}
END_TEST

START_TEST(suspicion)
{
	const struct schedule_last none = { 0, false };
	const struct schedule_last good = { 1000, false };
	const struct schedule_last bad = { 1000, true };

	ck_assert(schedule_suspect(5, &none, 10000)); /* never checked */
	ck_assert(!schedule_suspect(1000, &good, 10000));
	ck_assert(!schedule_suspect(1099, &good, 10000));
	ck_assert(schedule_suspect(1100, &good, 10000));
	/* after a failure, as the regular checks */
	ck_assert(!schedule_suspect(1100, &bad, 10000));
	ck_assert(!schedule_suspect(10999, &bad, 10000));
	ck_assert(schedule_suspect(11000, &bad, 10000));
	ck_assert(!schedule_suspect(1099, &bad, 10));
	ck_assert(schedule_suspect(1100, &bad, 10));
}
END_TEST

/* Clients come each ms, every conn of theirs is refused from `from_ms` to
 * `to_ms`, and the regular checks go on; returns how many failures were
 * counted in that hour. */
static unsigned
count_failures(uint64_t from_ms, uint64_t to_ms, unsigned inter_ms)
{
	struct schedule_last last = { 0, false };
	uint64_t next_ms = 1;
	unsigned failures = 0;

	for (uint64_t now_ms = 1; now_ms < 3600000; now_ms++) {
		bool refused = now_ms >= from_ms && now_ms < to_ms;

		if (now_ms < next_ms &&
		    !(refused && schedule_suspect(now_ms, &last, inter_ms)))
			continue;
		failures += refused;
		last = (struct schedule_last){ now_ms, refused };
		next_ms = now_ms + schedule_next_ms(inter_ms, hash_mix(now_ms));
	}
	return failures;
}

START_TEST(a_burst_is_one_failure)
{
	for (uint64_t from_ms = 100000; from_ms < 111000; from_ms += 97) {
		ck_assert_uint_eq(count_failures(from_ms, from_ms + 600, 10000),
		    1);
		/* at once and after two inters: down when fall is 3 */
		ck_assert_uint_eq(count_failures(from_ms, from_ms + 17900,
				      10000),
		    2);
		ck_assert_uint_ge(count_failures(from_ms, from_ms + 22100,
				      10000),
		    3);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tc = tcase_create("verdict");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, unknown_counts_as_up);
	tcase_add_test(tc, the_first_result_decides);
	tcase_add_test(tc, in_a_row);
	tcase_add_test(tc, by_definition);
	tcase_add_test(tc, does_not_flap);
	tcase_add_test(tc, first_checks_are_spread);
	tcase_add_test(tc, checks_are_jittered);
	tcase_add_test(tc, intervals);
	tcase_add_test(tc, suspicion);
	tcase_add_test(tc, a_burst_is_one_failure);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
