/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * RCU: what a reader holds is not freed before it lets go, an offline reader
 * holds nobody up.  Under ThreadSanitizer this also tests that the wrapper
 * tells it enough.
 */
#include "lb4/model/rcu.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define READERS 3
#define SWAPS 2000

struct pair {
	int a;
	int b;
};

struct shared {
	_Atomic(struct pair *) current;
	_Atomic bool stop;
	_Atomic int running;
	_Atomic bool waited;
	_Atomic uint64_t reads;
	_Atomic uint64_t torn;
};

static void *
read_on(void *arg)
{
	struct shared *shared = arg;
	bool away = false;

	rcu_reader_start();
	atomic_fetch_add(&shared->running, 1);
	while (!atomic_load(&shared->stop)) {
		struct pair *pair = atomic_load_explicit(&shared->current,
		    memory_order_acquire);

		if (pair->a + pair->b != 0)
			atomic_fetch_add(&shared->torn, 1);
		atomic_fetch_add(&shared->reads, 1);
		/* By turns the two ways of letting go. */
		away = !away;
		if (away) {
			rcu_offline();
			sched_yield();
			rcu_online();
		} else {
			rcu_quiescent();
		}
	}
	rcu_reader_stop();
	return NULL;
}

static struct pair *
pair_new(int a)
{
	struct pair *pair = malloc(sizeof(*pair));

	ck_assert_ptr_nonnull(pair);
	pair->a = a;
	pair->b = -a;
	return pair;
}

START_TEST(readers_never_see_what_was_freed)
{
	struct shared shared = { .current = pair_new(0) };
	pthread_t thread[READERS];

	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, read_on,
				     &shared),
		    0);
	while (atomic_load(&shared.running) < READERS)
		sched_yield();
	for (int i = 1; i <= SWAPS; i++) {
		struct pair *old = atomic_load(&shared.current);

		atomic_store_explicit(&shared.current, pair_new(i),
		    memory_order_release);
		rcu_wait();
		old->a = 1; /* a reader that still looks sees it torn */
		old->b = 1;
		free(old);
	}
	while (atomic_load(&shared.reads) < SWAPS)
		sched_yield();
	atomic_store(&shared.stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(atomic_load(&shared.torn), 0);
	free(atomic_load(&shared.current));
}
END_TEST

static void *
wait_once(void *arg)
{
	struct shared *shared = arg;

	atomic_store(&shared->running, 1);
	rcu_wait();
	atomic_store(&shared->waited, true);
	return NULL;
}

/* Whether the writer gets past its wait within about 50 ms. */
static bool
waits_less(struct shared *shared)
{
	const struct timespec step = { .tv_nsec = 1000000 };

	for (int i = 0; i < 50; i++) {
		if (atomic_load(&shared->waited))
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

START_TEST(the_writer_waits_for_a_reader)
{
	struct shared shared = { .running = 0 };
	pthread_t thread;

	rcu_reader_start();
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_once, &shared), 0);
	while (atomic_load(&shared.running) == 0)
		sched_yield();
	ck_assert(!waits_less(&shared));
	/* It may have begun before or after this one, so until it is done. */
	while (!atomic_load(&shared.waited)) {
		rcu_quiescent();
		sched_yield();
	}
	pthread_join(thread, NULL);
	rcu_reader_stop();
}
END_TEST

START_TEST(the_writer_does_not_wait_for_those_offline_or_gone)
{
	struct shared shared = { .running = 0 };
	pthread_t thread;

	rcu_reader_start();
	rcu_offline();
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_once, &shared), 0);
	pthread_join(thread, NULL); /* or the test's time runs out */
	ck_assert(atomic_load(&shared.waited));
	rcu_online();
	rcu_reader_stop();
	rcu_wait();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rcu");
	TCase *tc = tcase_create("rcu");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, readers_never_see_what_was_freed);
	tcase_add_test(tc, the_writer_waits_for_a_reader);
	tcase_add_test(tc, the_writer_does_not_wait_for_those_offline_or_gone);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
