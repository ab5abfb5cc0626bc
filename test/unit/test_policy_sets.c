/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backups and zones, with every policy: who serves when, and which share of
 * the clients leaves its zone.
 */
#include <bsd/string.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy_sim.h"

#define CLIENTS 100000

static uint32_t
picked(const struct sim *sim, size_t from, size_t to)
{
	uint32_t sum = 0;

	for (size_t i = from; i < to; i++)
		sum += sim->picked[i];
	return sum;
}

/* 6 backends; 2 and 5 are backups. */
static struct sim *
with_backups(enum balance balance)
{
	struct sim *sim = sim_new(balance, 6, NULL);

	sim_config(sim)->backend[2].backup = true;
	sim_config(sim)->backend[5].backup = true;
	sim_publish(sim, &sim_seed);
	return sim;
}

static void
check_backups_serve(struct sim *sim)
{
	sim_run(sim, 10000, NULL);
	ck_assert_uint_eq(sim->picked[2] + sim->picked[5], 10000);
	if (sim->service->settings.balance == BALANCE_FIRST)
		ck_assert_uint_eq(sim->picked[2], 10000);
	else
		ck_assert_double_eq_tol(sim->picked[2], 5000, 300);
}

START_TEST(backups_serve_when_no_other_can)
{
	struct sim *sim = with_backups(_i);

	sim_run(sim, 10000, NULL);
	ck_assert_uint_eq(sim->picked[2] + sim->picked[5], 0);
	for (size_t i = 0; i < 4; i++)
		sim_set_down(sim, i, i != 2);
	sim_run(sim, 10000, NULL);
	ck_assert_uint_eq(sim->picked[4], 10000);
	sim_set_admin(sim, 4, ADMIN_DRAIN);
	check_backups_serve(sim);
	sim_set_admin(sim, 4, ADMIN_READY);
	sim_run(sim, 10000, NULL);
	ck_assert_uint_eq(sim->picked[4], 10000);
	sim_free(sim);
}
END_TEST

/* Weight 0 is not available either; nor is a backup of weight 0. */
/* A conn that could not reach those that are up is not sent to a backup: only
 * when none of them is up. */
START_TEST(backups_are_not_for_retries)
{
	struct sim *sim = with_backups(_i);
	const size_t primaries[] = { 0, 1, 3, 4 };
	struct pick pick = sim_client(7);

	for (size_t i = 0; i < 4; i++)
		pick.tried[pick.tries++] = sim_backend(sim, primaries[i])->id;
	ck_assert_int_eq(pick_find(sim->service, &pick), PICK_NONE);
	for (size_t i = 0; i < 3; i++)
		sim_set_down(sim, primaries[i], true);
	ck_assert_int_eq(pick_find(sim->service, &pick), PICK_NONE);
	sim_set_down(sim, 4, true);
	ck_assert_int_ge(pick_find(sim->service, &pick), 0);
	/* Nor when the backups are down, too, and one of the others is not. */
	sim_set_all_down(sim, true);
	sim_set_down(sim, 4, false);
	ck_assert_int_eq(pick_find(sim->service, &pick), PICK_NONE);
	sim_free(sim);
}
END_TEST

START_TEST(backups_serve_for_weight_zero)
{
	struct sim *sim = with_backups(_i);

	for (size_t i = 0; i < 6; i++)
		sim_config(sim)->backend[i].weight = i % 3 == 2 ? 7 : 0;
	sim_publish(sim, &sim_seed);
	check_backups_serve(sim);
	sim_config(sim)->backend[2].weight = 0;
	sim_publish(sim, &sim_seed);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[5], 1000);
	sim_free(sim);
}
END_TEST

/* A backup that is up before others that are down, these before nothing. */
START_TEST(backups_that_are_down_come_last)
{
	struct sim *sim = with_backups(_i);
	struct pick pick = sim_client(1);

	sim_set_all_down(sim, true);
	sim_set_down(sim, 5, false);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[5], 1000);
	sim_set_down(sim, 5, true);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[2] + sim->picked[5], 0);
	for (unsigned i = 0; i < 6; i++) {
		int index = pick_find(sim->service, &pick);

		ck_assert_int_eq(index % 3 == 2, i >= 4);
		pick.tried[pick.tries++] = sim_backend(sim, index)->id;
	}
	sim_free(sim);
}
END_TEST

/* `count` backends, in turn in each of the zones that `zones` names. */
static struct sim *
with_zones(enum balance balance, size_t count, const char *zones)
{
	struct sim *sim = sim_new(balance, count, NULL);
	size_t kinds = strlen(zones);

	for (size_t i = 0; i < count; i++) {
		sim_config(sim)->backend[i].zone[0] = zones[i % kinds];
		if (zones[i % kinds] == '-')
			sim_config(sim)->backend[i].zone[0] = '\0';
	}
	sim_config(sim)->settings.zone_affinity = true;
	return sim;
}

/* Makes the node one of that zone. */
static void
settle(struct sim *sim, const char *zone)
{
	strlcpy(sim->config->zone, zone, sizeof(sim->config->zone));
	sim_publish(sim, &sim_seed);
}

/* Fails unless that part of the clients goes to zone a, give or take 3 %. */
static void
check_near(struct sim *sim, size_t every, double want)
{
	uint32_t near = 0;

	sim_run(sim, CLIENTS, NULL);
	for (size_t i = 0; i < sim->service->backends; i += every)
		near += sim->picked[i];
	ck_assert_double_le(fabs(near - want * CLIENTS),
	    want < 1 ? 0.03 * CLIENTS * want : 0);
}

/* A service that is served gets a backend more: nobody is sent there before its
 * first check, but when all have joined at once, everybody is. */
START_TEST(who_joins_is_checked_first)
{
	struct sim *sim = sim_new((enum balance)_i, 3, NULL);
	struct config_service *service = sim_config(sim);

	service->settings.check.kind = CHECK_TCP;
	sim_publish(sim, &sim_seed);
	for (size_t i = 0; i < 3; i++)
		ck_assert(!backend_is_joining(sim_backend(sim, i)));
	/* sorts before the others, and is the first in the file */
	table_config_backend(service, "a", 1, 999)->order = 0;
	for (size_t i = 0; i < 3; i++)
		service->backend[i].order = (unsigned)i + 1;
	sim_publish(sim, &sim_seed);
	ck_assert(backend_is_joining(sim_backend(sim, 0)));
	ck_assert(!backend_is_available(sim_backend(sim, 0)));
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[0], 0);
	/* Another reload changes nothing about that. */
	sim_publish(sim, &sim_seed);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[0], 0);
	/* When nobody else is there it is tried. */
	for (size_t i = 1; i < 4; i++)
		sim_set_down(sim, i, true);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_gt(sim->picked[0], 0);
	for (size_t i = 1; i < 4; i++)
		sim_set_down(sim, i, false);
	/* A check that passes makes it one of them. */
	backend_joined(sim_backend(sim, 0),
	    health_pack(false, HEALTH_PASSED, 0), 5000);
	ck_assert_uint_eq(atomic_load(&sim_backend(sim, 0)->up_ms), 5000);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_gt(sim->picked[0], 0);
	sim_free(sim);
}
END_TEST

/* When lb4 starts, as `init` says. */
START_TEST(init_says_who_joins_at_the_start)
{
	struct config_service *service;

	for (int init = 0; init < CHECK_INIT_COUNT; init++) {
		struct tables tables;
		struct config *config = table_config_new();

		tables_init(&tables, 1);
		service = table_config_service(config, "web", BALANCE_SOURCE);
		table_config_backend(service, "a", 1, 80)->check_port = 9;
		service->settings.check.kind = CHECK_TCP;
		service->settings.check.init = init;
		ck_assert_int_eq(tables_publish(&tables, config, &sim_seed), 0);
		ck_assert_int_eq(backend_is_joining(table_current(&tables)
							->service[0]
							->backend[0]
							.backend),
		    init != CHECK_INIT_UP);
		ck_assert_uint_eq(addr_port(&table_current(&tables)
						 ->service[0]
						 ->check[0]
						 .addr),
		    9);
		tables_done(&tables);
		table_config_free(config);
	}
}
END_TEST

/* Removed with a conn left it stays the same object, and when it comes back it
 * joins like any other; so it does at another address. */
START_TEST(who_comes_back_is_checked_first)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, 2, NULL);
	struct config_service *service = sim_config(sim);
	struct backend *backend = sim_backend(sim, 1);

	service->settings.check.kind = CHECK_TCP;
	sim_publish(sim, &sim_seed);
	atomic_store(&backend->active, 1);
	service->backends = 1;
	sim_publish(sim, &sim_seed);
	ck_assert(!backend_is_joining(backend));
	service->backends = 2;
	sim_publish(sim, &sim_seed);
	ck_assert_ptr_eq(sim_backend(sim, 1), backend);
	ck_assert(backend_is_joining(backend));
	addr_set_port(&service->backend[0].addr, 77);
	sim_publish(sim, &sim_seed);
	ck_assert(backend_is_joining(sim_backend(sim, 0)));
	/* Without checks there is none to wait for. */
	service->settings.check.kind = CHECK_NONE;
	sim_publish(sim, &sim_seed);
	ck_assert(!backend_is_joining(backend));
	ck_assert(!backend_is_joining(sim_backend(sim, 0)));
	atomic_store(&backend->active, 0);
	sim_free(sim);
}
END_TEST

START_TEST(zones_of_equal_weight_keep_theirs)
{
	struct sim *sim = with_zones(_i, 8, "ab");

	settle(sim, "a");
	check_near(sim, 2, 1);
	settle(sim, "b");
	check_near(sim, 2, 0);
	/* without a zone of its own, or in one that nobody knows */
	settle(sim, "");
	check_near(sim, _i == BALANCE_FIRST ? 8 : 2,
	    _i == BALANCE_FIRST ? 1 : 0.5);
	settle(sim, "c");
	check_near(sim, _i == BALANCE_FIRST ? 8 : 2,
	    _i == BALANCE_FIRST ? 1 : 0.5);
	sim_free(sim);
}
END_TEST

START_TEST(a_zone_with_half_its_backends_sends_a_third_away)
{
	struct sim *sim = with_zones(_i, 8, "ab");

	settle(sim, "a");
	sim_set_down(sim, 0, true);
	sim_set_admin(sim, 4, ADMIN_MAINT);
	check_near(sim, 2, 2.0 / 3);
	if (_i != BALANCE_FIRST)
		for (size_t i = 1; i < 8; i += 2)
			ck_assert_double_eq_tol(sim->picked[i], CLIENTS / 12.0,
			    CLIENTS / 12.0 * 0.05);
	if (_i != BALANCE_FIRST)
		ck_assert_double_eq_tol(sim->picked[2], sim->picked[6],
		    CLIENTS / 3.0 * 0.05);
	/* The other zone has weight to spare. */
	settle(sim, "b");
	check_near(sim, 2, 0);
	sim_free(sim);
}
END_TEST

START_TEST(a_zone_that_is_gone_is_served_by_the_others)
{
	struct sim *sim = with_zones(_i, 6, "abc");

	settle(sim, "a");
	sim_set_down(sim, 0, true);
	sim_set_down(sim, 3, true);
	check_near(sim, 3, 0);
	ck_assert_uint_eq(picked(sim, 0, 6), CLIENTS);
	/* All are down: zones count again, health does not. */
	sim_set_all_down(sim, true);
	check_near(sim, 3, 1);
	sim_free(sim);
}
END_TEST

/* 3 zones; a has 1 of 8 units of weight: 3/8 of its clients stay. */
START_TEST(zones_go_by_weight)
{
	struct sim *sim = with_zones(_i, 6, "abc");

	for (size_t i = 0; i < 6; i++)
		sim_config(sim)->backend[i].weight = i % 3 == 0 ? 2
		    : i % 3 == 1				? 5
								: 9;
	settle(sim, "a");
	check_near(sim, 3, 3 * 4.0 / 32);
	sim_free(sim);
}
END_TEST

/* Backends in no zone: far from a, and no zone of their own. */
START_TEST(backends_without_a_zone_are_far)
{
	struct sim *sim = with_zones(_i, 8, "a-b-");

	settle(sim, "a");
	check_near(sim, 4, 2 * 2.0 / 8);
	sim_free(sim);

	sim = with_zones(_i, 8, "-");
	settle(sim, "a");
	check_near(sim, 8, _i == BALANCE_FIRST ? 1 : 0.125);
	sim_free(sim);
}
END_TEST

START_TEST(zones_mean_nothing_to_backups)
{
	struct sim *sim = with_zones(_i, 6, "ab");

	for (size_t i = 2; i < 6; i++)
		sim_config(sim)->backend[i].backup = true;
	settle(sim, "a");
	sim_set_down(sim, 0, true);
	sim_set_down(sim, 1, true);
	sim_run(sim, CLIENTS, NULL);
	ck_assert_uint_eq(picked(sim, 2, 6), CLIENTS);
	for (size_t i = 2; i < 6 && _i != BALANCE_FIRST; i++)
		ck_assert_double_eq_tol(sim->picked[i], CLIENTS / 4.0,
		    CLIENTS * 0.02);
	sim_free(sim);
}
END_TEST

/* What was tried is in the near set; then the far one has its turn. */
START_TEST(retries_leave_the_zone)
{
	struct sim *sim = with_zones(_i, 6, "ab");

	settle(sim, "a");
	for (uint32_t n = 0; n < 1000; n++) {
		struct pick pick = sim_client(n);

		for (unsigned i = 0; i < 6; i++) {
			int index = pick_find(sim->service, &pick);

			ck_assert_int_eq(index % 2, i >= 3);
			pick.tried[pick.tries++] = sim_backend(sim, index)->id;
		}
		ck_assert_int_eq(pick_find(sim->service, &pick), -1);
	}
	sim_free(sim);
}
END_TEST

/* By hash a client stays where it was, as far as the formula allows: only the
 * dead ones' clients and the share that has to leave the zone move. */
START_TEST(hash_keeps_clients_with_zones)
{
	struct sim *sim = with_zones(_i, 8, "ab");
	uint16_t *before = calloc(CLIENTS, sizeof(*before));
	uint16_t *after = calloc(CLIENTS, sizeof(*after));
	uint32_t moved = 0;

	settle(sim, "a");
	sim_run(sim, CLIENTS, before);
	sim_set_down(sim, 0, true);
	sim_run(sim, CLIENTS, after);
	/* 2 x 3/7 of all stay: 1/7 leaves, 1/4 was the dead one's */
	for (uint32_t i = 0; i < CLIENTS; i++)
		moved += before[i] != after[i];
	ck_assert_double_eq_tol(moved, CLIENTS * (1 - 6.0 / 7 * 3 / 4),
	    CLIENTS * 0.01);
	sim_set_down(sim, 0, false);
	sim_run(sim, CLIENTS, after);
	ck_assert_mem_eq(before, after, CLIENTS * sizeof(*before));
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

START_TEST(hash_goes_without_zones_by_default)
{
	struct sim *sim = with_zones(_i, 8, "ab");
	uint16_t *before = calloc(CLIENTS, sizeof(*before));
	uint16_t *after = calloc(CLIENTS, sizeof(*after));

	sim_run(sim, CLIENTS, before);
	sim_config(sim)->settings.zone_affinity = false;
	settle(sim, "a");
	sim_run(sim, CLIENTS, after);
	ck_assert_mem_eq(before, after, CLIENTS * sizeof(*before));
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

int
main(void)
{
	const int all = BALANCE_COUNT;
	Suite *suite = suite_create("policy sets");
	TCase *tc = tcase_create("policy sets");
	SRunner *runner;
	int failed;

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, backups_serve_when_no_other_can, 0, all);
	tcase_add_loop_test(tc, backups_are_not_for_retries, 0, all);
	tcase_add_loop_test(tc, backups_serve_for_weight_zero, 0, all);
	tcase_add_loop_test(tc, backups_that_are_down_come_last, 0, all);
	tcase_add_test(tc, init_says_who_joins_at_the_start);
	tcase_add_loop_test(tc, who_joins_is_checked_first, 0, all);
	tcase_add_test(tc, who_comes_back_is_checked_first);
	tcase_add_loop_test(tc, zones_of_equal_weight_keep_theirs, 0, all);
	tcase_add_loop_test(tc,
	    a_zone_with_half_its_backends_sends_a_third_away, 0, all);
	tcase_add_loop_test(tc, a_zone_that_is_gone_is_served_by_the_others, 0,
	    all);
	tcase_add_loop_test(tc, zones_go_by_weight, 0, all);
	tcase_add_loop_test(tc, backends_without_a_zone_are_far, 0, all);
	tcase_add_loop_test(tc, zones_mean_nothing_to_backups, 0, all);
	tcase_add_loop_test(tc, retries_leave_the_zone, 0, all);
	tcase_add_loop_test(tc, hash_keeps_clients_with_zones, BALANCE_4TUPLE,
	    BALANCE_SOURCE + 1);
	tcase_add_loop_test(tc, hash_goes_without_zones_by_default,
	    BALANCE_4TUPLE, BALANCE_SOURCE + 1);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
