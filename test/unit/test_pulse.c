/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Heartbeats: who is stuck and who has only had no CPU, on clocks of the test's
 * own, and on threads that really spin, wait and sleep.
 */
#include "common/pulse.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/timer.h"

#define BEGAN 1000 /* the turn */

static struct pulse_times
times(uint64_t ran_ms, uint64_t waited_ms, bool ready)
{
	return (struct pulse_times){ ran_ms, waited_ms, ready };
}

static uint64_t
age(struct pulse_sight *sight, uint64_t now_ms, struct pulse_times had)
{
	return pulse_age(sight, BEGAN, now_ms, &had);
}

/* It is in an endless loop: all that it had, it ran. */
START_TEST(spins)
{
	struct pulse_sight sight = { 0 };

	ck_assert_uint_eq(age(&sight, 1010, times(500, 0, true)), 0);
	ck_assert_uint_eq(age(&sight, 1110, times(600, 0, true)), 100);
	ck_assert_uint_eq(age(&sight, 1260, times(750, 0, true)), 250);
}
END_TEST

/* With a fifth of a CPU that takes five times as long. */
START_TEST(spins_under_a_quota)
{
	struct pulse_sight sight = { 0 };

	ck_assert_uint_eq(age(&sight, 1010, times(500, 900, true)), 0);
	ck_assert_uint_eq(age(&sight, 1510, times(600, 1300, true)), 100);
	ck_assert_uint_eq(age(&sight, 2010, times(700, 1700, true)), 200);
}
END_TEST

/* Ready to run, and for 5 s it gets no CPU; then the kernel adds that up. */
START_TEST(starves)
{
	struct pulse_sight sight = { 0 };

	ck_assert_uint_eq(age(&sight, 1400, times(500, 900, true)), 0);
	ck_assert_uint_eq(age(&sight, 3000, times(500, 900, true)), 0);
	ck_assert_uint_eq(age(&sight, 6400, times(500, 900, true)), 0);
	ck_assert_uint_eq(age(&sight, 6410, times(510, 5900, true)), 10);
	/* ... and is in a short wait just now */
	ck_assert_uint_eq(age(&sight, 6412, times(511, 5900, false)), 12);
}
END_TEST

/* It hangs in the kernel: on a disk, before a tracer. */
START_TEST(waits)
{
	struct pulse_sight sight = { 0 };

	ck_assert_uint_eq(age(&sight, 1010, times(500, 0, false)), 10);
	ck_assert_uint_eq(age(&sight, 1310, times(500, 0, false)), 310);

	/* one who asks for the first time sees that, too */
	sight = (struct pulse_sight){ 0 };
	ck_assert_uint_eq(age(&sight, 9000, times(500, 70, false)), 8000);
	ck_assert_uint_eq(age(&sight, 9100, times(500, 70, false)), 8100);
}
END_TEST

START_TEST(each_turn_is_new)
{
	struct pulse_sight sight = { 0 };
	struct pulse_times had = times(500, 0, true);

	ck_assert_uint_eq(pulse_age(&sight, 1000, 1010, &had), 0);
	had = times(600, 0, true);
	ck_assert_uint_eq(pulse_age(&sight, 1000, 1110, &had), 100);
	ck_assert_uint_eq(pulse_age(&sight, 1105, 1111, &had), 0);
	/* asleep, or not yet due to wake up */
	ck_assert_uint_eq(pulse_age(&sight, 0, 1200, NULL), 0);
	ck_assert_uint_eq(pulse_age(&sight, 5000, 1200, NULL), 0);
	ck_assert_uint_eq(sight.due_ms, 0);
	/* it has overslept, or the times are not to be had */
	ck_assert_uint_eq(pulse_age(&sight, 5000, 5300, NULL), 300);
}
END_TEST

/* ---- threads ------------------------------------------------------------- */

static struct {
	struct pulse pulse;
	_Atomic bool over;
	int pipe[2];
} one;

static void *
spin(void *unused)
{
	pulse_start(&one.pulse);
	pulse_due(&one.pulse, timer_now_ms());
	while (!atomic_load(&one.over))
		;
	return unused;
}

static void *
hang(void *unused)
{
	char byte;

	pulse_start(&one.pulse);
	pulse_due(&one.pulse, timer_now_ms());
	(void)!read(one.pipe[0], &byte, 1);
	return unused;
}

/* Looks each 10 ms for as long as the thread is not seen to be stuck for 200
 * ms, which is what the test is about; returns for how long that was. */
static uint64_t
watch(void *(*run)(void *))
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	struct pulse_sight sight = { 0 };
	pthread_t thread;
	uint64_t began_ms;

	atomic_store(&one.over, false);
	one.pulse = (struct pulse){ 0 };
	ck_assert_int_eq(pipe(one.pipe), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
	while (atomic_load(&one.pulse.due_ms) == 0)
		nanosleep(&nap, NULL);
	began_ms = atomic_load(&one.pulse.due_ms);
	while (pulse_judge(&sight, &one.pulse.due_ms,
		   atomic_load(&one.pulse.tid), timer_now_ms()) <= 200)
		nanosleep(&nap, NULL);
	began_ms = timer_now_ms() - began_ms;
	atomic_store(&one.over, true);
	ck_assert_int_eq(write(one.pipe[1], "", 1), 1);
	pthread_join(thread, NULL);
	close(one.pipe[0]);
	close(one.pipe[1]);
	return began_ms;
}

START_TEST(real_threads)
{
	ck_assert_uint_gt(watch(spin), 200);
	ck_assert_uint_gt(watch(hang), 200);
}
END_TEST

START_TEST(reads_its_own)
{
	struct pulse_times had;

	ck_assert(pulse_read(gettid(), &had));
	ck_assert(had.ready);
	ck_assert(!pulse_read(0x3fffffff, &had));
	ck_assert(pulse_read_process(getpid(), &had));
	ck_assert(had.ready);
	ck_assert(!pulse_read_process(0x3fffffff, &had));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pulse");
	TCase *tc = tcase_create("pulse");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, spins);
	tcase_add_test(tc, spins_under_a_quota);
	tcase_add_test(tc, starves);
	tcase_add_test(tc, waits);
	tcase_add_test(tc, each_turn_is_new);
	tcase_add_test(tc, real_threads);
	tcase_add_test(tc, reads_its_own);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
