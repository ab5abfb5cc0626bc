/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backends at their maxconn, for every way to balance: passed over and never
 * exceeded, whoever takes at the same time; when only they are left, a conn has
 * to wait for them.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "lb4/balance/pick.h"
#include "lb4/balance/placing.h"
#include "policy_sim.h"

#define BACKENDS 4
#define PLACES 10 /* 1 + 2 + 3 + 4 */
#define THREADS 4
#define ROUNDS 20000
#define HELD 12 /* more than there are places */

/* Backend i has room for i + 1 conns. */
static struct sim *
full_sim_new(enum balance balance, unsigned max_load)
{
	struct sim *sim = sim_new(balance, BACKENDS, NULL);

	for (unsigned i = 0; i < BACKENDS; i++)
		sim_config(sim)->backend[i].maxconn = i + 1;
	sim_config(sim)->settings.max_load = max_load;
	sim_publish(sim, &sim_seed);
	return sim;
}

static int
take(struct sim *sim, uint32_t client)
{
	const struct pick pick = sim_client(client);

	return pick_take(sim->service, &pick);
}

static void
give(struct sim *sim, unsigned index)
{
	backend_release(sim_backend(sim, index));
}

static void
fill(struct sim *sim, uint32_t conns)
{
	for (uint32_t n = 0; n < conns; n++)
		ck_assert_int_ge(take(sim, n), 0);
}

static void
empty(struct sim *sim)
{
	for (unsigned i = 0; i < BACKENDS; i++)
		while (sim_active(sim, i) > 0)
			give(sim, i);
	sim_free(sim);
}

START_TEST(filled_to_the_last_place)
{
	for (unsigned max_load = 0; max_load <= 125; max_load += 125) {
		struct sim *sim = full_sim_new(_i, max_load);

		for (uint32_t n = 0; n < PLACES; n++) {
			ck_assert(!placing_must_wait(sim->service));
			ck_assert_int_ge(take(sim, n), 0);
		}
		for (unsigned i = 0; i < BACKENDS; i++)
			ck_assert_uint_eq(sim_active(sim, i), i + 1);
		ck_assert(placing_must_wait(sim->service));
		ck_assert_int_eq(take(sim, 77), PICK_FULL);
		for (unsigned i = 0; i < BACKENDS; i++) {
			give(sim, i);
			ck_assert(!placing_must_wait(sim->service));
			ck_assert_int_eq(take(sim, 77), (int)i);
		}
		empty(sim);
	}
}
END_TEST

/* Neither those that are down nor the backups take what is too much. */
START_TEST(waits_for_the_right_ones)
{
	struct sim *sim = full_sim_new(_i, 0);

	sim_config(sim)->backend[3].backup = true;
	sim_publish(sim, &sim_seed);
	sim_set_down(sim, 0, true);
	fill(sim, 5);
	ck_assert_uint_eq(sim_active(sim, 0) + sim_active(sim, 3), 0);
	ck_assert(placing_must_wait(sim->service));
	ck_assert_int_eq(take(sim, 77), PICK_FULL);

	/* none but the backup is up: its turn, until it is full */
	sim_set_down(sim, 1, true);
	sim_set_admin(sim, 2, ADMIN_DRAIN);
	fill(sim, 4);
	ck_assert_uint_eq(sim_active(sim, 3), 4);
	ck_assert(placing_must_wait(sim->service));
	ck_assert_int_eq(take(sim, 77), PICK_FULL);

	/* all are down: they are tried all the same, backups last */
	sim_set_all_down(sim, true);
	ck_assert_int_eq(take(sim, 77), 0);
	ck_assert_int_eq(take(sim, 77), PICK_FULL);
	give(sim, 3);
	ck_assert_int_eq(take(sim, 77), PICK_FULL);
	give(sim, 1);
	ck_assert_int_eq(take(sim, 77), 1);
	for (unsigned i = 0; i < BACKENDS; i++)
		sim_set_admin(sim, i, ADMIN_MAINT);
	ck_assert(!placing_must_wait(sim->service));
	ck_assert_int_eq(take(sim, 77), PICK_NONE);
	empty(sim);
}
END_TEST

/* With wait-for-backend a conn waits while none is available, and tries those
 * that are down once it waits no more. */
START_TEST(none_is_available)
{
	struct sim *sim = full_sim_new(_i, 125);
	struct pick pick = sim_client(1);

	sim_set_all_down(sim, true);
	pick.waits = true;
	ck_assert_int_eq(pick_take(sim->service, &pick), PICK_DOWN);
	ck_assert(!placing_must_wait(sim->service));
	sim_config(sim)->settings.conn.wait_for_backend_ms = 10000;
	sim_publish(sim, &sim_seed);
	ck_assert(sim->service->queues);
	ck_assert(placing_must_wait(sim->service));
	ck_assert_int_eq(pick_take(sim->service, &pick), PICK_DOWN);

	/* a backup that is up is enough */
	sim_set_down(sim, 3, false);
	ck_assert(!placing_must_wait(sim->service));
	ck_assert_int_eq(pick_take(sim->service, &pick), 3);
	sim_set_down(sim, 3, true);
	sim_set_down(sim, 1, false);
	ck_assert_int_eq(pick_take(sim->service, &pick), 1);

	/* it does not answer: the others are tried, whatever the checks say */
	pick.tried[pick.tries++] = sim_backend(sim, 1)->id;
	ck_assert_int_ge(pick_take(sim->service, &pick), 0);
	sim_set_down(sim, 1, true);
	ck_assert_int_eq(pick_take(sim->service, &pick), PICK_DOWN);
	pick.waits = false;
	ck_assert_int_ge(pick_take(sim->service, &pick), 0);
	for (unsigned i = 0; i < BACKENDS; i++)
		sim_set_admin(sim, i, ADMIN_MAINT);
	ck_assert(placing_must_wait(sim->service));
	ck_assert_int_eq(pick_take(sim->service, &pick), PICK_NONE);
	pick.waits = true;
	ck_assert_int_eq(pick_take(sim->service, &pick), PICK_DOWN);
	empty(sim);
}
END_TEST

/* What a conn has tried is no more of use to it, full or not. */
START_TEST(tried_and_full)
{
	struct sim *sim = full_sim_new(_i, 125);
	struct pick pick = sim_client(1);

	fill(sim, PLACES);
	give(sim, 0);
	pick.tried[pick.tries++] = sim_backend(sim, 0)->id;
	ck_assert_int_eq(pick_take(sim->service, &pick), PICK_FULL);
	give(sim, 2);
	ck_assert_int_eq(pick_take(sim->service, &pick), 2);
	for (unsigned i = 1; i < BACKENDS; i++)
		pick.tried[pick.tries++] = sim_backend(sim, i)->id;
	ck_assert_int_eq(pick_take(sim->service, &pick), PICK_NONE);
	empty(sim);
}
END_TEST

/* ---- threads --------------------------------------------------------- */

struct taker {
	struct sim *sim;
	pthread_barrier_t *barrier;
	uint32_t first;
	_Atomic uint32_t *inside; /* per backend, counted apart */
	_Atomic uint32_t *over;
	uint32_t taken, refused;
	pthread_t thread;
};

static void
let_go(struct taker *taker, int index)
{
	if (index < 0)
		return;
	atomic_fetch_sub(&taker->inside[index], 1);
	give(taker->sim, (unsigned)index);
}

static void *
take_and_give(void *argument)
{
	struct taker *taker = argument;
	int held[HELD];

	for (unsigned i = 0; i < HELD; i++)
		held[i] = -1;
	(void)pthread_barrier_wait(taker->barrier);
	for (uint32_t n = 0; n < ROUNDS; n++) {
		int *mine = &held[n % HELD];

		let_go(taker, *mine);
		*mine = take(taker->sim, taker->first + n);
		taker->taken += *mine >= 0;
		taker->refused += *mine == PICK_FULL;
		if (*mine >= 0 &&
		    atomic_fetch_add(&taker->inside[*mine], 1) >=
			(uint32_t)*mine + 1)
			atomic_fetch_add(taker->over, 1);
	}
	for (unsigned i = 0; i < HELD; i++)
		let_go(taker, held[i]);
	return NULL;
}

START_TEST(never_exceeded)
{
	struct sim *sim = full_sim_new(_i, 0);
	_Atomic uint32_t inside[BACKENDS] = { 0 };
	_Atomic uint32_t over = 0;
	struct taker takers[THREADS];
	pthread_barrier_t barrier;
	uint32_t refused = 0, taken = 0;

	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){
			.sim = sim,
			.barrier = &barrier,
			.first = i * ROUNDS,
			.inside = inside,
			.over = &over,
		};
		ck_assert_int_eq(pthread_create(&takers[i].thread, NULL,
				     take_and_give, &takers[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(takers[i].thread, NULL), 0);
		refused += takers[i].refused;
		taken += takers[i].taken;
	}
	(void)pthread_barrier_destroy(&barrier);
	ck_assert_uint_eq(atomic_load(&over), 0);
	ck_assert_uint_eq(refused + taken, THREADS * ROUNDS);
	ck_assert_uint_gt(refused, 0);
	for (unsigned i = 0; i < BACKENDS; i++)
		ck_assert_uint_eq(sim_active(sim, i), 0);
	sim_free(sim);
}
END_TEST

/* The queue is there for who needs it, and stays over reloads. */
START_TEST(the_queue_outlives_tables)
{
	struct sim *sim = sim_new(BALANCE_4TUPLE, BACKENDS, NULL);
	const struct waitqueue *queue;

	ck_assert(!sim->service->limited);
	ck_assert_ptr_null(atomic_load(&sim->service->state->waitqueue));
	sim_config(sim)->backend[2].maxconn = 7;
	sim_config(sim)->settings.conn.timeout_connect_ms = 5000;
	sim_publish(sim, &sim_seed);
	ck_assert(sim->service->limited);
	ck_assert_uint_eq(sim->service->settings.conn.timeout_queue_ms, 5000);
	queue = atomic_load(&sim->service->state->waitqueue);
	ck_assert_ptr_nonnull(queue);
	ck_assert_uint_eq(queue->workers, sim->tables.workers);
	sim_config(sim)->backend[2].maxconn = 0;
	sim_config(sim)->settings.conn.timeout_queue_ms = 70;
	sim_publish(sim, &sim_seed);
	ck_assert(!sim->service->limited);
	ck_assert_uint_eq(sim->service->settings.conn.timeout_queue_ms, 70);
	ck_assert_ptr_eq(atomic_load(&sim->service->state->waitqueue), queue);
	sim_free(sim);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy_full");
	TCase *tcase = tcase_create("policy_full");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, filled_to_the_last_place, 0, BALANCE_COUNT);
	tcase_add_loop_test(tcase, waits_for_the_right_ones, 0, BALANCE_COUNT);
	tcase_add_loop_test(tcase, tried_and_full, 0, BALANCE_COUNT);
	tcase_add_loop_test(tcase, none_is_available, 0, BALANCE_COUNT);
	tcase_add_loop_test(tcase, never_exceeded, 0, BALANCE_COUNT);
	tcase_add_test(tcase, the_queue_outlives_tables);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
