/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The gate: who goes in before whom, and with several threads that nobody waits
 * before an open gate for good.
 */
#include "lb4/model/gate.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 4
#define ENTRIES 5000
#define LIMIT 2
#define PATIENCE_MS 60000

static struct gate *
gate_new(void)
{
	struct gate *gate = aligned_alloc(_Alignof(struct gate), sizeof(*gate));

	ck_assert_ptr_nonnull(gate);
	memset(gate, 0, sizeof(*gate));
	return gate;
}

START_TEST(a_limit_holds)
{
	struct gate *gate = gate_new();

	for (int i = 0; i < 3; i++)
		ck_assert(gate_enter(gate, 3, GATE_NO_TICKET));
	ck_assert(!gate_enter(gate, 3, GATE_NO_TICKET));
	ck_assert(!gate_enter(gate, 3, 0));
	ck_assert(!gate_has_room(gate, 3));
	ck_assert(gate_enter(gate, 0, GATE_NO_TICKET)); /* no limit */
	ck_assert(!gate_leave(gate));
	ck_assert(!gate_leave(gate));
	ck_assert(gate_has_room(gate, 3));
	ck_assert(gate_enter(gate, 3, GATE_NO_TICKET));
	free(gate);
}
END_TEST

/* Those with an older ticket go first, in whatever worker they are; the others
 * take what these leave. */
START_TEST(the_oldest_goes_first)
{
	struct gate *gate = gate_new();

	ck_assert_int_eq(gate_oldest(gate), -1);
	gate_show(gate, 200, 7);
	gate_show(gate, 3, 9);
	gate_show(gate, 64, 8);
	ck_assert_int_eq(gate_oldest(gate), 200);
	/* one place, and three who wait */
	ck_assert(!gate_enter(gate, 1, GATE_NO_TICKET));
	ck_assert(!gate_enter(gate, 1, 9));
	ck_assert(!gate_enter(gate, 1, 8));
	/* three places: the third in line need not wait for the others */
	ck_assert(gate_enter(gate, 3, 9));
	gate_withdraw(gate, 3);
	ck_assert(!gate_enter(gate, 3, GATE_NO_TICKET));
	ck_assert(gate_enter(gate, 3, 7));
	gate_withdraw(gate, 200);
	ck_assert_int_eq(gate_oldest(gate), 64);
	ck_assert(!gate_enter(gate, 3, GATE_NO_TICKET));
	ck_assert(gate_leave(gate)); /* somebody waits */
	gate_withdraw(gate, 64);
	ck_assert(gate_enter(gate, 3, GATE_NO_TICKET));
	ck_assert(!gate_leave(gate));
	free(gate);
}
END_TEST

/* ---- threads ------------------------------------------------------------- */

struct street {
	struct gate *gate;
	_Atomic uint64_t tickets;
	_Atomic unsigned inside, most;
	_Atomic bool stuck;
	int bell[THREADS];
};

struct walker {
	struct street *street;
	unsigned index;
};

static void
call_oldest(struct street *street)
{
	int oldest = gate_oldest(street->gate);

	if (oldest >= 0)
		(void)eventfd_write(street->bell[oldest], 1);
}

static bool
wait_for_bell(struct street *street, unsigned index)
{
	struct pollfd poll_one = { street->bell[index], POLLIN, 0 };
	eventfd_t count;

	if (poll(&poll_one, 1, PATIENCE_MS) != 1)
		return false;
	(void)eventfd_read(street->bell[index], &count);
	return true;
}

/* As a listener does. */
static bool
walk_in(struct street *street, unsigned index)
{
	uint64_t ticket;

	if (gate_enter(street->gate, LIMIT, GATE_NO_TICKET))
		return true;
	ticket = atomic_fetch_add(&street->tickets, 1);
	gate_show(street->gate, index, ticket);
	while (!gate_enter(street->gate, LIMIT, ticket))
		if (!wait_for_bell(street, index))
			return false;
	gate_withdraw(street->gate, index);
	if (gate_has_waiters(street->gate))
		call_oldest(street);
	return true;
}

static void *
walk(void *argument)
{
	struct walker *walker = argument;
	struct street *street = walker->street;

	for (unsigned i = 0; i < ENTRIES; i++) {
		unsigned inside, most;

		if (!walk_in(street, walker->index)) {
			atomic_store(&street->stuck, true);
			return NULL;
		}
		inside = atomic_fetch_add(&street->inside, 1) + 1;
		most = atomic_load(&street->most);
		while (inside > most &&
		    !atomic_compare_exchange_weak(&street->most, &most, inside))
			continue;
		(void)atomic_fetch_sub(&street->inside, 1);
		if (gate_leave(street->gate))
			call_oldest(street);
	}
	return NULL;
}

START_TEST(nobody_waits_before_an_open_gate)
{
	struct street street = { .gate = gate_new() };
	struct walker walkers[THREADS];
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		street.bell[i] = eventfd(0, EFD_CLOEXEC);
		ck_assert_int_ge(street.bell[i], 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		walkers[i] = (struct walker){ &street, i };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, walk,
				     &walkers[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
		(void)close(street.bell[i]);
	}
	ck_assert(!atomic_load(&street.stuck));
	ck_assert_uint_le(atomic_load(&street.most), LIMIT);
	ck_assert_uint_eq(atomic_load(&street.gate->inside), 0);
	ck_assert(!gate_has_waiters(street.gate));
	free(street.gate);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("gate");
	TCase *tc = tcase_create("gate");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_limit_holds);
	tcase_add_test(tc, the_oldest_goes_first);
	tcase_add_test(tc, nobody_waits_before_an_open_gate);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
