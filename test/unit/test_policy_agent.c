/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Weights and limits that agents set, with each policy.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy_sim.h"

#define CLIENTS 40000

static const enum balance ways[] = { BALANCE_4TUPLE, BALANCE_SOURCE,
	BALANCE_ROUNDROBIN, BALANCE_LEASTCONN, BALANCE_RANDOM };
#define WAYS (int)(sizeof(ways) / sizeof(ways[0]))

static struct sim *
with_agents(enum balance balance, size_t count, const unsigned *weights)
{
	struct sim *sim = sim_new(balance, count, weights);

	sim_config(sim)->settings.agent.port = 9;
	sim_publish(sim, &sim_seed);
	return sim;
}

static void
set_percent(const struct sim *sim, size_t index, unsigned percent)
{
	const struct agent_said said = { .answered = true,
		.has_percent = true,
		.percent = percent };

	backend_set_agent_said(sim_backend(sim, index), agent_pack(&said));
}

static void
check_share(struct sim *sim, size_t index, double want)
{
	uint32_t its = 0;

	for (uint32_t n = 0; n < CLIENTS; n++) {
		struct pick pick = sim_client(n);

		its += pick_find(sim->service, &pick) == (int)index;
	}
	ck_assert_double_eq_tol((double)its / CLIENTS, want, 0.012);
}

/* Backend 0 of weight 1 among three others of weight 1, 2 and 4: idle ones. */
START_TEST(shares_follow_the_agents)
{
	static const unsigned weights[] = { 1, 1, 2, 4 };
	struct sim *sim = with_agents(ways[_i], 4, weights);

	check_share(sim, 0, 1 / 8.0);
	set_percent(sim, 0, 50);
	check_share(sim, 0, 0.5 / 7.5);
	check_share(sim, 3, 4 / 7.5);
	set_percent(sim, 0, 300);
	check_share(sim, 0, 3 / 10.0);
	check_share(sim, 3, 4 / 10.0);
	set_percent(sim, 3, 25);
	check_share(sim, 0, 3 / 7.0);
	check_share(sim, 3, 1 / 7.0);
	/* no weight is above 256 */
	set_percent(sim, 3, AGENT_PERCENT_MAX);
	set_percent(sim, 0, 6400);
	check_share(sim, 0, 64 / 323.0);
	check_share(sim, 3, 256 / 323.0);
	set_percent(sim, 0, 0);
	check_share(sim, 0, 0);
	for (size_t i = 0; i < 4; i++)
		set_percent(sim, i, 10);
	check_share(sim, 0, 1 / 8.0);
	sim_free(sim);
}
END_TEST

/* Enough backends for a tree of loads. */
START_TEST(shares_of_many_follow_the_agents)
{
	struct sim *sim = with_agents(ways[_i], 64, NULL);

	set_percent(sim, 0, 1600);
	check_share(sim, 0, 16 / 79.0);
	for (size_t i = 1; i < 64; i++)
		set_percent(sim, i, 25);
	set_percent(sim, 0, 525);
	check_share(sim, 0, 5.25 / 21);
	sim_free(sim);
}
END_TEST

/* While conns last, the load is even for the weights. */
START_TEST(load_follows_the_agents)
{
	const size_t count = _i == 0 ? 4 : 64;
	struct sim *sim = with_agents(BALANCE_LEASTCONN, count, NULL);

	set_percent(sim, 0, 50);
	for (uint32_t n = 0; n < 100 * count; n++) {
		struct pick pick = sim_client(n);

		ck_assert_int_ge(pick_take(sim->service, &pick), 0);
	}
	ck_assert_double_eq_tol(sim_active(sim, 0),
	    100 * (double)count * 0.5 / ((double)count - 0.5), 1.5);
	sim_free(sim);
}
END_TEST

/* With the policies by hash only clients of that backend move, none but its own
 * come back, and whoever moved first comes back last. */
START_TEST(few_clients_move)
{
	static uint16_t before[CLIENTS], half[CLIENTS], less[CLIENTS];
	static uint16_t again[CLIENTS];
	struct sim *sim = with_agents(ways[_i], 10, NULL);

	sim_run(sim, CLIENTS, before);
	set_percent(sim, 4, 50);
	sim_run(sim, CLIENTS, half);
	set_percent(sim, 4, 20);
	sim_run(sim, CLIENTS, less);
	set_percent(sim, 4, 50);
	sim_run(sim, CLIENTS, again);
	for (size_t i = 0; i < CLIENTS; i++) {
		ck_assert(before[i] == 4 || half[i] == before[i]);
		ck_assert(half[i] == 4 || less[i] == half[i]);
		ck_assert_uint_eq(half[i], again[i]);
	}
	sim_free(sim);
}
END_TEST

START_TEST(max_load_follows_the_agents)
{
	struct sim *sim = with_agents(BALANCE_SOURCE, 4, NULL);

	sim_config(sim)->settings.max_load = 100;
	sim_publish(sim, &sim_seed);
	set_percent(sim, 0, 50);
	for (uint32_t n = 0; n < 700; n++) {
		struct pick pick = sim_client(n);

		ck_assert_int_ge(pick_take(sim->service, &pick), 0);
	}
	ck_assert_double_eq_tol(sim_active(sim, 0), 100, 2);
	ck_assert_double_eq_tol(sim_active(sim, 1), 200, 2);
	sim_free(sim);
}
END_TEST

START_TEST(maxconn_of_an_agent_is_obeyed)
{
	struct agent_said said = { .answered = true,
		.has_maxconn = true,
		.maxconn = 3 };
	struct sim *sim = with_agents(ways[_i], 2, NULL);

	backend_set_agent_said(sim_backend(sim, 0), agent_pack(&said));
	said.maxconn = 5;
	backend_set_agent_said(sim_backend(sim, 1), agent_pack(&said));
	for (uint32_t n = 0; n < 8; n++) {
		struct pick pick = sim_client(n);

		ck_assert_int_ge(pick_take(sim->service, &pick), 0);
	}
	for (uint32_t n = 8; n < 20; n++) {
		struct pick pick = sim_client(n);

		ck_assert_int_eq(pick_take(sim->service, &pick), PICK_FULL);
	}
	ck_assert_uint_eq(sim_active(sim, 0), 3);
	said.maxconn = 0; /* no limit */
	backend_set_agent_said(sim_backend(sim, 0), agent_pack(&said));
	for (uint32_t n = 0; n < 100; n++) {
		struct pick pick = sim_client(n);

		ck_assert_int_eq(pick_take(sim->service, &pick), 0);
	}
	sim_free(sim);
}
END_TEST

/* Without an agent in the configuration, what one has said is nothing. */
START_TEST(without_agents_weights_are_whole)
{
	struct sim *sim = sim_new(ways[_i], 4, NULL);

	set_percent(sim, 0, 0);
	check_share(sim, 0, 0.25);
	sim_free(sim);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy agent");
	TCase *tc = tcase_create("policy agent");
	SRunner *runner;
	int failed;

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, shares_follow_the_agents, 0, WAYS);
	tcase_add_loop_test(tc, shares_of_many_follow_the_agents, 0, WAYS);
	tcase_add_loop_test(tc, load_follows_the_agents, 0, 2);
	tcase_add_loop_test(tc, few_clients_move, 0, 2);
	tcase_add_test(tc, max_load_follows_the_agents);
	tcase_add_loop_test(tc, maxconn_of_an_agent_is_obeyed, 0, WAYS);
	tcase_add_loop_test(tc, without_agents_weights_are_whole, 0, WAYS);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
