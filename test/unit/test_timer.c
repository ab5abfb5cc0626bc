/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The timing wheel under a clock of the test's own: against a model that looks
 * at every timer, at the edges of the levels, over jumps, and for how often an
 * idle owner would be woken.
 */
#include "common/timer.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"

#define HOUR ((uint64_t)3600 * 1000)

/* The wheel's reach: 64 to the power of its levels. */
#define HORIZON ((uint64_t)1 << 6 * TIMER_LEVELS)

static const uint64_t starts[] = {
	0,
	1,
	63,
	64,
	1234567890123,
	HORIZON - 1,
	HORIZON,
	5 * HORIZON - 30,
};
#define STARTS ((int)(sizeof(starts) / sizeof(starts[0])))

START_TEST(test_empty)
{
	struct timer_wheel wheel;
	struct timer timer = { 0 };

	timer_wheel_init(&wheel, starts[_i]);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, starts[_i]), -1);
	ck_assert_ptr_null(timer_wheel_next(&wheel, starts[_i]));
	ck_assert_ptr_null(timer_wheel_next(&wheel, starts[_i] + 100 * HOUR));
	ck_assert_int_eq(timer_wheel_sleep(&wheel, starts[_i] + 100 * HOUR),
	    -1);
	ck_assert(!timer_armed(&timer));
	timer_disarm(&wheel, &timer);
	ck_assert(!timer_armed(&timer));
}
END_TEST

/* One timer at each distance around the levels' edges: not a millisecond early,
 * not one late, whether the wheel is turned by jumps or by its own sleeps. */
START_TEST(test_exact)
{
	struct timer_wheel wheel;
	struct timer timer = { 0 };
	uint64_t start = starts[_i];

	for (int bit = 0; bit < 42; bit++) {
		for (uint64_t off = 0; off <= 4; off++) {
			uint64_t deadline = start + ((uint64_t)1 << bit) + off;
			uint64_t now = start;

			if (deadline < start + 3)
				continue;
			deadline -= 2;
			timer_wheel_init(&wheel, start);
			timer_arm(&wheel, &timer, deadline);
			ck_assert(timer_armed(&timer));
			ck_assert_ptr_null(timer_wheel_next(&wheel,
			    deadline - 1));
			ck_assert(timer_armed(&timer));
			ck_assert_int_eq(timer_wheel_sleep(&wheel,
					     deadline - 1),
			    1);
			ck_assert_ptr_eq(timer_wheel_next(&wheel, deadline),
			    &timer);
			ck_assert(!timer_armed(&timer));
			ck_assert_ptr_null(timer_wheel_next(&wheel, deadline));

			timer_wheel_init(&wheel, start);
			timer_arm(&wheel, &timer, deadline);
			while (timer_wheel_next(&wheel, now) == NULL) {
				int sleep = timer_wheel_sleep(&wheel, now);

				ck_assert_int_gt(sleep, 0);
				now += (uint64_t)sleep;
				ck_assert_uint_le(now, deadline);
			}
			ck_assert_uint_eq(now, deadline);
		}
	}
}
END_TEST

START_TEST(test_passed_deadline)
{
	struct timer_wheel wheel;
	struct timer past = { 0 };
	struct timer now = { 0 };

	timer_wheel_init(&wheel, 1000);
	timer_arm(&wheel, &past, 10);
	timer_arm(&wheel, &now, 1000);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, 1000), 0);
	ck_assert_ptr_nonnull(timer_wheel_next(&wheel, 1000));
	ck_assert_ptr_nonnull(timer_wheel_next(&wheel, 1000));
	ck_assert_ptr_null(timer_wheel_next(&wheel, 1000));
	ck_assert(!timer_armed(&past));
	ck_assert(!timer_armed(&now));
	ck_assert_int_eq(timer_wheel_sleep(&wheel, 1000), -1);
}
END_TEST

/* A clock that seems to go back (two readings by two threads) does no harm. */
START_TEST(test_time_does_not_go_back)
{
	struct timer_wheel wheel;
	struct timer timer = { 0 };

	timer_wheel_init(&wheel, 5000);
	timer_arm(&wheel, &timer, 5500);
	ck_assert_ptr_null(timer_wheel_next(&wheel, 4000));
	ck_assert_uint_eq(wheel.now_ms, 5000);
	ck_assert_int_le(timer_wheel_sleep(&wheel, 4000), 1500);
	ck_assert_ptr_null(timer_wheel_next(&wheel, 5499));
	ck_assert_ptr_eq(timer_wheel_next(&wheel, 5500), &timer);
}
END_TEST

/* Never: behind the horizon for ever, and the owner sleeps as long as an
 * int allows. */
START_TEST(test_beyond_the_horizon)
{
	struct timer_wheel wheel;
	struct timer never = { 0 };
	struct timer later = { 0 };
	uint64_t now = 77;

	timer_wheel_init(&wheel, now);
	timer_arm(&wheel, &never, UINT64_MAX);
	timer_arm(&wheel, &later, now + 3 * HORIZON + 5);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, now), INT_MAX);
	ck_assert_ptr_null(timer_wheel_next(&wheel, now + 3 * HORIZON + 4));
	ck_assert_ptr_eq(timer_wheel_next(&wheel, now + 3 * HORIZON + 5),
	    &later);
	ck_assert_ptr_null(timer_wheel_next(&wheel, now + 1000 * HORIZON));
	ck_assert(timer_armed(&never));
	timer_disarm(&wheel, &never);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, now + 1000 * HORIZON), -1);
}
END_TEST

START_TEST(test_disarm_and_move)
{
	struct timer_wheel wheel;
	struct timer timer[3];

	memset(timer, 0, sizeof(timer));
	timer_wheel_init(&wheel, 0);
	/* One slot's first, middle and last. */
	for (int gone = 0; gone < 3; gone++) {
		for (int i = 0; i < 3; i++)
			timer_arm(&wheel, &timer[i], wheel.now_ms + 100);
		timer_disarm(&wheel, &timer[gone]);
		ck_assert(!timer_armed(&timer[gone]));
		for (int left = 2; left > 0; left--) {
			struct timer *fired = timer_wheel_next(&wheel,
			    wheel.now_ms + 100);

			ck_assert_ptr_nonnull(fired);
			ck_assert_ptr_ne(fired, &timer[gone]);
		}
		ck_assert_ptr_null(timer_wheel_next(&wheel, wheel.now_ms));
	}
	/* Nearer and further away; the last word counts. */
	timer_arm(&wheel, &timer[0], wheel.now_ms + HOUR);
	timer_arm(&wheel, &timer[0], wheel.now_ms + 5);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, wheel.now_ms), 5);
	timer_arm(&wheel, &timer[0], wheel.now_ms + HOUR);
	ck_assert_ptr_null(timer_wheel_next(&wheel, wheel.now_ms + HOUR - 1));
	ck_assert_ptr_eq(timer_wheel_next(&wheel, wheel.now_ms + 1), &timer[0]);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, wheel.now_ms), -1);
}
END_TEST

/* The bits of emptied slots go out, or an idle owner would be woken for
 * nothing. */
START_TEST(test_disarm_leaves_no_trace)
{
	struct timer_wheel wheel;
	struct timer timer[60];

	memset(timer, 0, sizeof(timer));
	timer_wheel_init(&wheel, starts[_i]);
	for (int i = 0; i < 60; i++)
		timer_arm(&wheel, &timer[i], starts[_i] + ((uint64_t)1 << i));
	for (int i = 0; i < 60; i++)
		timer_disarm(&wheel, &timer[i]);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, starts[_i]), -1);
	for (int level = 0; level < TIMER_LEVELS; level++) {
		ck_assert_uint_eq(wheel.used[level], 0);
		for (int slot = 0; slot < TIMER_SLOTS; slot++)
			ck_assert_ptr_null(wheel.slot[level][slot]);
	}
	ck_assert_ptr_null(timer_wheel_next(&wheel, UINT64_MAX));
}
END_TEST

/* Timers that are due together, while the first one's handler disarms one,
 * moves one, and arms its own again. */
START_TEST(test_handler_changes_due_timers)
{
	struct timer_wheel wheel;
	struct timer timer[4];
	struct timer *fired;
	int other[3];
	int count = 0;

	memset(timer, 0, sizeof(timer));
	timer_wheel_init(&wheel, 0);
	for (int i = 0; i < 4; i++)
		timer_arm(&wheel, &timer[i], 500);
	fired = timer_wheel_next(&wheel, 600);
	ck_assert_ptr_nonnull(fired);
	for (int i = 0; i < 4; i++)
		if (&timer[i] != fired)
			other[count++] = i;
	ck_assert_int_eq(count, 3);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, 600), 0);
	timer_disarm(&wheel, &timer[other[0]]);
	timer_arm(&wheel, &timer[other[1]], 700);
	timer_arm(&wheel, fired, 800);

	ck_assert_ptr_eq(timer_wheel_next(&wheel, 600), &timer[other[2]]);
	ck_assert_ptr_null(timer_wheel_next(&wheel, 600));
	ck_assert_ptr_eq(timer_wheel_next(&wheel, 700), &timer[other[1]]);
	ck_assert_ptr_null(timer_wheel_next(&wheel, 799));
	ck_assert_ptr_eq(timer_wheel_next(&wheel, 800), fired);
	ck_assert_ptr_null(timer_wheel_next(&wheel, 10000));
}
END_TEST

/* A handler that arms its timer for the past each time does not keep the owner
 * in the round. */
START_TEST(test_armed_for_the_past_again)
{
	struct timer_wheel wheel;
	struct timer one, other;

	memset(&one, 0, sizeof(one));
	memset(&other, 0, sizeof(other));
	timer_wheel_init(&wheel, 1000);
	timer_arm(&wheel, &one, 900);
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(timer_wheel_sleep(&wheel, 1000), 0);
		ck_assert_ptr_eq(timer_wheel_next(&wheel, 1000), &one);
		timer_arm(&wheel, &one, round);
		timer_arm(&wheel, &other, 1000);
		timer_disarm(&wheel, &other);
		ck_assert_ptr_null(timer_wheel_next(&wheel, 1000));
		ck_assert(timer_armed(&one));
	}
	timer_disarm(&wheel, &one);
	ck_assert_int_eq(timer_wheel_sleep(&wheel, 1000), -1);
	ck_assert_ptr_null(timer_wheel_next(&wheel, 1000));
}
END_TEST

/* After a jump, timers come in the order of their deadlines. */
START_TEST(test_order_after_jump)
{
	enum { COUNT = 1000 };
	struct timer_wheel wheel;
	static struct timer timer[COUNT];
	uint64_t start = starts[_i];
	uint64_t last = 0;
	struct timer *fired;
	int count = 0;

	memset(timer, 0, sizeof(timer));
	timer_wheel_init(&wheel, start);
	for (uint64_t i = 0; i < COUNT; i++)
		timer_arm(&wheel, &timer[i],
		    start + (hash_mix(i) >> (22 + i % 40)));
	while ((fired = timer_wheel_next(&wheel, start + 70 * HORIZON))) {
		ck_assert_uint_ge(fired->deadline_ms, last);
		last = fired->deadline_ms;
		count++;
	}
	ck_assert_int_eq(count, COUNT);
}
END_TEST

/* A thousand jumps of a year, 30 thousand million milliseconds each: a wheel
 * that stepped through them would not come back. */
START_TEST(test_jumps_are_cheap)
{
	struct timer_wheel wheel;
	struct timer far = { 0 };
	struct timer near = { 0 };
	uint64_t year = 365 * 24 * HOUR;
	uint64_t now = 123;

	timer_wheel_init(&wheel, now);
	timer_arm(&wheel, &far, now + 1000 * year);
	for (int i = 0; i < 1000; i++) {
		timer_arm(&wheel, &near, now + year / 2 + (uint64_t)i);
		now += year;
		ck_assert_ptr_eq(timer_wheel_next(&wheel, now), &near);
	}
	ck_assert_ptr_eq(timer_wheel_next(&wheel, now), &far);
	ck_assert_ptr_null(timer_wheel_next(&wheel, now));
}
END_TEST

#define IDLE 5000

/*
 * The wakeups of an idle process: 5000 conns with a timeout of an hour, opened
 * in the course of a minute.  Until the first one is due the wheel wakes its
 * owner only to move timers down a level: 4 times here.  Firing costs one
 * wakeup for each millisecond that has timers (5000), and one for each slot of
 * the levels above (64 ms, 4 s) that is moved down.
 */
START_TEST(test_few_wakeups)
{
	struct timer_wheel wheel;
	static struct timer timer[IDLE];
	uint64_t start = 987654321;
	uint64_t now = start;
	int idle = 0;
	int busy = 0;
	int fired = 0;
	int sleep;

	memset(timer, 0, sizeof(timer));
	timer_wheel_init(&wheel, start);
	for (uint64_t i = 0; i < IDLE; i++) {
		now = start + i * 12;
		ck_assert_ptr_null(timer_wheel_next(&wheel, now));
		timer_arm(&wheel, &timer[i], now + HOUR);
	}
	while ((sleep = timer_wheel_sleep(&wheel, now)) >= 0) {
		now += (uint64_t)sleep;
		if (now < start + HOUR)
			idle++;
		else
			busy++;
		while (timer_wheel_next(&wheel, now) != NULL)
			fired++;
	}
	ck_assert_int_eq(fired, IDLE);
	ck_assert_uint_eq(now, start + HOUR + (IDLE - 1) * 12);
	ck_assert_int_le(idle, 4);
	ck_assert_int_le(busy, IDLE + 60000 / 64 + 60000 / 4096 + 4);
}
END_TEST

/* The same with lazy timers: each conn has traffic all the time, so that each
 * timer that fires is armed again.  One wakeup a timer and hour, and those of
 * the levels. */
START_TEST(test_few_wakeups_when_lazy)
{
	struct timer_wheel wheel;
	static struct timer timer[IDLE];
	uint64_t start = 987654321;
	uint64_t now = start;
	int wakeups = 0;
	int fired = 0;

	memset(timer, 0, sizeof(timer));
	timer_wheel_init(&wheel, start);
	for (uint64_t i = 0; i < IDLE; i++)
		timer_arm(&wheel, &timer[i], start + HOUR + i % 100);
	while (now < start + 10 * HOUR) {
		struct timer *due;
		int sleep = timer_wheel_sleep(&wheel, now);

		ck_assert_int_ge(sleep, 0);
		now += (uint64_t)sleep;
		wakeups++;
		while ((due = timer_wheel_next(&wheel, now)) != NULL) {
			timer_arm(&wheel, due, now + HOUR);
			fired++;
		}
	}
	ck_assert_int_ge(fired, 9 * IDLE);
	/* 100 milliseconds with timers, 10 moves down at most, 10 hours. */
	ck_assert_int_le(wakeups, 10 * (100 + 10));
}
END_TEST

/* The model: every timer's deadline, looked at one by one. */
#define MODEL 200

struct model {
	struct timer_wheel wheel;
	struct timer timer[MODEL];
	bool armed[MODEL];
	uint64_t deadline[MODEL];
	uint64_t now;
	uint64_t seed;
	unsigned long fired;
};

static uint64_t
random_next(struct model *m)
{
	return hash_mix(m->seed++);
}

/* A distance of any magnitude up to 2^40, beyond the horizon. */
static uint64_t
random_distance(struct model *m)
{
	uint64_t random = random_next(m);

	return (random >> 24) >> random % 40;
}

static void
model_arm(struct model *m, uint64_t i)
{
	uint64_t deadline = m->now + random_distance(m);
	uint64_t random = random_next(m);

	if (random % 16 == 0)
		deadline = m->now - m->now / (1 + random % 1000);
	else if (random % 16 == 1) /* onto a level's edge */
		deadline &= ~(uint64_t)0 << 6 * (random / 16 % 7);
	m->armed[i] = true;
	m->deadline[i] = deadline;
	timer_arm(&m->wheel, &m->timer[i], deadline);
}

static void
model_disarm(struct model *m, uint64_t i)
{
	m->armed[i] = false;
	timer_disarm(&m->wheel, &m->timer[i]);
}

/* Takes what is due; some handlers change other timers or arm their own. */
static void
model_drain(struct model *m)
{
	struct timer *timer;

	for (;;) {
		ptrdiff_t i;
		uint64_t random;

		timer = timer_wheel_next(&m->wheel, m->now);
		if (timer == NULL) {
			if (timer_wheel_sleep(&m->wheel, m->now) != 0)
				break;
			continue; /* one was armed for the past */
		}
		i = timer - m->timer;
		random = random_next(m);
		ck_assert_int_ge(i, 0);
		ck_assert_int_lt(i, MODEL);
		ck_assert(m->armed[i]);
		ck_assert(!timer_armed(timer));
		ck_assert_uint_le(m->deadline[i], m->now);
		m->armed[i] = false;
		m->fired++;
		if (random % 4 == 0)
			model_disarm(m, random / 16 % MODEL);
		else if (random % 4 == 1)
			model_arm(m, random / 16 % MODEL);
	}
}

static void
model_check(const struct model *m)
{
	uint64_t first = UINT64_MAX;
	bool any = false;
	int sleep = timer_wheel_sleep(&m->wheel, m->now);

	for (int i = 0; i < MODEL; i++) {
		if (timer_armed(&m->timer[i]) != m->armed[i])
			ck_abort_msg("timer %d should be %sarmed", i,
			    m->armed[i] ? "" : "dis");
		if (!m->armed[i])
			continue;
		any = true;
		if (m->deadline[i] < first)
			first = m->deadline[i];
	}
	if (any) {
		ck_assert_uint_gt(first, m->now);
		ck_assert_int_gt(sleep, 0);
		ck_assert_uint_le(m->now + (uint64_t)sleep, first);
	} else {
		ck_assert_int_eq(sleep, -1);
	}
}

START_TEST(test_random_against_model)
{
	static struct model m;
	int steps = getenv("SANITIZED") != NULL ? 20000 : 100000;

	memset(&m, 0, sizeof(m));
	m.now = starts[_i];
	m.seed = (uint64_t)_i << 32;
	timer_wheel_init(&m.wheel, m.now);
	for (int step = 0; step < steps; step++) {
		uint64_t random = random_next(&m);
		uint64_t i = random / 16 % MODEL;

		switch (random % 8) {
		case 0:
		case 1:
		case 2:
		case 3:
			model_arm(&m, i);
			break;
		case 4:
			model_disarm(&m, i);
			break;
		case 5: /* exactly as long as the owner would sleep */
			if (timer_wheel_sleep(&m.wheel, m.now) > 0)
				m.now += (uint64_t)timer_wheel_sleep(&m.wheel,
				    m.now);
			break;
		case 6:
			m.now++;
			break;
		default: /* a jump, seldom one of months */
			m.now += random_distance(&m) >> random / 16 % 24;
			break;
		}
		model_drain(&m);
		model_check(&m);
	}
	ck_assert_uint_gt(m.fired, (unsigned long)steps / 10);
}
END_TEST

START_TEST(test_after)
{
	ck_assert_uint_eq(timer_after(5, 0), 5);
	ck_assert_uint_eq(timer_after(5, 1000), 1005);
	ck_assert_uint_eq(timer_after(5, UINT64_MAX - 5), UINT64_MAX);
	ck_assert_uint_eq(timer_after(5, UINT64_MAX), UINT64_MAX);
}
END_TEST

START_TEST(test_now)
{
	uint64_t before = timer_now_ms();
	struct timespec time;
	uint64_t between;
	uint64_t after;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &time), 0);
	between = (uint64_t)time.tv_sec * 1000 +
	    (uint64_t)time.tv_nsec / 1000000;
	after = timer_now_ms();
	ck_assert_uint_le(before, between);
	ck_assert_uint_le(between, after);
}
END_TEST

static Suite *
timer_suite(void)
{
	Suite *suite = suite_create("timer");
	TCase *tc = tcase_create("timer");

	tcase_set_tags(tc, "one-thread");
	tcase_add_loop_test(tc, test_empty, 0, STARTS);
	tcase_add_loop_test(tc, test_exact, 0, STARTS);
	tcase_add_test(tc, test_passed_deadline);
	tcase_add_test(tc, test_time_does_not_go_back);
	tcase_add_test(tc, test_beyond_the_horizon);
	tcase_add_test(tc, test_disarm_and_move);
	tcase_add_loop_test(tc, test_disarm_leaves_no_trace, 0, STARTS);
	tcase_add_test(tc, test_handler_changes_due_timers);
	tcase_add_test(tc, test_armed_for_the_past_again);
	tcase_add_loop_test(tc, test_order_after_jump, 0, STARTS);
	tcase_add_test(tc, test_jumps_are_cheap);
	tcase_add_test(tc, test_few_wakeups);
	tcase_add_test(tc, test_few_wakeups_when_lazy);
	tcase_add_loop_test(tc, test_random_against_model, 0, STARTS);
	tcase_add_test(tc, test_after);
	tcase_add_test(tc, test_now);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(timer_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
