/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Panic: with too few backends up, all that nobody has taken out get conns,
 * whatever the policy; and who counts.
 */
#include "lb4/balance/panic.h"

#include <check.h>
#include <stdlib.h>

#include "policy_sim.h"

#define PICKS 10000

static struct sim *
make(enum balance balance, size_t backends)
{
	struct sim *sim = sim_new(balance, backends, NULL);

	sim_config(sim)->settings.panic = 30;
	sim_publish(sim, &sim_seed);
	return sim;
}

/* How many backends get conns. */
static size_t
used(struct sim *sim)
{
	size_t count = 0;

	sim_run(sim, PICKS, NULL);
	for (size_t i = 0; i < sim->service->backends; i++)
		count += sim->picked[i] > 0;
	return count;
}

START_TEST(all_are_used)
{
	struct sim *sim = make(_i, 10);
	const size_t all = _i == BALANCE_FIRST ? 1 : 10;

	for (size_t i = 0; i < 7; i++)
		sim_set_down(sim, i, true);
	ck_assert(!panic_is_on(sim->service));
	ck_assert_uint_le(used(sim), 3);
	sim_set_down(sim, 7, true);
	ck_assert(panic_is_on(sim->service));
	ck_assert_uint_eq(used(sim), all);
	/* who is taken out is not used */
	sim_set_admin(sim, 0, ADMIN_MAINT);
	sim_set_admin(sim, 1, ADMIN_DRAIN);
	ck_assert(panic_is_on(sim->service));
	(void)used(sim);
	ck_assert_uint_eq(sim->picked[0] + sim->picked[1], 0);
	sim_set_down(sim, 7, false);
	ck_assert(!panic_is_on(sim->service));
	ck_assert_uint_le(used(sim), 3);
	sim_free(sim);
}
END_TEST

START_TEST(few_never_panic)
{
	struct sim *sim = make(BALANCE_ROUNDROBIN, 2);

	sim_set_all_down(sim, true);
	ck_assert(!panic_is_on(sim->service));
	sim_free(sim);
	sim = make(BALANCE_ROUNDROBIN, 3);
	sim_set_all_down(sim, true);
	ck_assert(panic_is_on(sim->service));
	sim_free(sim);
}
END_TEST

START_TEST(off)
{
	struct sim *sim = make(BALANCE_ROUNDROBIN, 5);

	sim_config(sim)->settings.panic = 0;
	sim_publish(sim, &sim_seed);
	sim_set_all_down(sim, true);
	ck_assert(!panic_is_on(sim->service));
	sim_free(sim);
}
END_TEST

START_TEST(backups_serve_first)
{
	struct sim *sim = sim_new(BALANCE_ROUNDROBIN, 10, NULL);

	sim_config(sim)->settings.panic = 30;
	sim_config(sim)->backend[9].backup = true;
	sim_publish(sim, &sim_seed);
	for (size_t i = 0; i < 9; i++)
		sim_set_down(sim, i, true);
	ck_assert(!panic_is_on(sim->service));
	ck_assert_uint_eq(used(sim), 1);
	ck_assert_uint_eq(sim->picked[9], PICKS);
	sim_set_down(sim, 9, true);
	ck_assert(panic_is_on(sim->service));
	sim_free(sim);
}
END_TEST

/* Backends that join say nothing about the others. */
START_TEST(joining_ones_do_not_count)
{
	struct sim *sim = make(BALANCE_ROUNDROBIN, 10);
	struct panic_share share;

	for (size_t i = 0; i < 8; i++)
		backend_set_joining(sim_backend(sim, i), true);
	panic_count(sim->service, &share);
	ck_assert_uint_eq(share.backends, 2);
	ck_assert_uint_eq(share.available, 2);
	ck_assert(!panic_is_on(sim->service));
	sim_free(sim);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("panic");
	TCase *tc = tcase_create("panic");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, all_are_used, 0, BALANCE_COUNT);
	tcase_add_test(tc, few_never_panic);
	tcase_add_test(tc, off);
	tcase_add_test(tc, backups_serve_first);
	tcase_add_test(tc, joining_ones_do_not_count);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
