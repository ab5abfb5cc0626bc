/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How clients are shared out by the policies that hash, by simulation with
 * many of them: POLICY_CLIENTS=10000000 asks for so many and shows the
 * figures.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/maglev.h"
#include "policy_sim.h"

/* What clients may be above or below `share` of them: a hundredth, or five
 * times the chance's own scatter if there are too few of them. */
static double
tolerance(double clients, double share)
{
	double expected = clients * share;
	double scatter = 5 * sqrt(expected * (1 - share));

	return fmax(expected / 100, scatter);
}

static void
check_slots(const struct sim *sim, unsigned sum)
{
	const struct maglev *maglev = sim->service->maglev[SET_NEAR];
	uint32_t slots[SIM_BACKENDS_MAX] = { 0 };

	for (uint32_t i = 0; i < maglev->size; i++)
		slots[maglev->slot[i]]++;
	for (size_t i = 0; i < sim->service->backends; i++) {
		double exact = (double)maglev->size *
		    sim->service->backend[i].weight / sum;

		ck_assert_double_le(fabs(slots[i] - exact), 1);
	}
}

START_TEST(equal_weights)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, 10, NULL);
	double evenness;

	check_slots(sim, 10);
	sim_run(sim, sim_clients(), NULL);
	evenness = sim_evenness(sim->picked, 10);
	sim_report("equal weights: max/mean %.4f", evenness);
	ck_assert_double_le(evenness, 1.01);
	sim_free(sim);
}
END_TEST

static void
check_weights(size_t count, const unsigned *weights)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, count, weights);
	double clients = sim_clients();
	double worst = 0;
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += weights[i];
	check_slots(sim, sum);
	sim_run(sim, sim_clients(), NULL);
	for (size_t i = 0; i < count; i++) {
		double share = (double)weights[i] / sum;
		double off = fabs(sim->picked[i] - clients * share);

		ck_assert_double_le(off, tolerance(clients, share));
		worst = fmax(worst, off / (clients * share));
	}
	sim_report("weights %u ... %u: worst share off by %.2f %%", weights[0],
	    weights[count - 1], 100 * worst);
	sim_free(sim);
}

START_TEST(unequal_weights)
{
	const unsigned steps[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	const unsigned extremes[] = { 256, 1 };

	check_weights(10, steps);
	check_weights(2, extremes);
}
END_TEST

/* Some of ten go down and come back. */
START_TEST(only_the_dead_ones_clients_move)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, 10, NULL);
	uint32_t clients = sim_clients();
	uint16_t *before = calloc(clients, sizeof(*before));
	uint16_t *after = calloc(clients, sizeof(*after));
	unsigned dead = _i == 0 ? 1 : 3;
	uint32_t moved[10] = { 0 };
	uint32_t own = 0, others = 0;

	sim_run(sim, clients, before);
	for (unsigned i = 0; i < dead; i++)
		sim_set_down(sim, 2 + 3 * i, true);
	sim_run(sim, clients, after);
	for (uint32_t i = 0; i < clients; i++) {
		if (before[i] == after[i])
			continue;
		if (before[i] % 3 == 2 && before[i] < 2 + 3 * dead) {
			moved[after[i]]++;
			own++;
		} else {
			others++;
		}
	}
	sim_report("%u of 10 down: %u clients moved, %u of them of others, "
		   "spread with max/mean %.4f",
	    dead, own + others, others, sim_evenness(moved, 10));
	ck_assert_uint_eq(others, 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(moved[i] > 0, i % 3 != 2 || i >= 2 + 3 * dead);
	ck_assert_double_le(sim_evenness(moved, 10), 1.02);
	for (unsigned i = 0; i < dead; i++)
		ck_assert_uint_eq(sim->picked[2 + 3 * i], 0);

	sim_set_all_down(sim, false);
	sim_run(sim, clients, after);
	ck_assert_mem_eq(before, after, clients * sizeof(*before));
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

/* Two nodes whose files have their lines in different orders. */
START_TEST(nodes_agree)
{
	const struct hash_key other_seed = { 1, 2 };
	const unsigned weights[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
	struct sim *one = sim_new(_i, 8, weights);
	struct sim *two = sim_new(_i, 8, weights);
	const char *names[8];
	uint64_t sums[3];
	uint32_t differ = 0;

	for (size_t i = 0; i < 8; i++)
		names[i] = sim_backend(one, i)->name;
	table_config_shuffle(sim_config(two), 5);
	sim_publish(two, &sim_seed);
	sums[0] = maglev_checksum(one->service->maglev[SET_NEAR], names, 8);
	sums[1] = maglev_checksum(two->service->maglev[SET_NEAR], names, 8);
	ck_assert_uint_eq(sums[0], sums[1]);
	for (uint32_t i = 0; i < 1000000; i++) {
		struct pick pick = sim_client((uint32_t)hash_mix(i));

		differ += pick_find(one->service, &pick) !=
		    pick_find(two->service, &pick);
	}
	ck_assert_uint_eq(differ, 0);

	sim_publish(two, &other_seed);
	sums[2] = maglev_checksum(two->service->maglev[SET_NEAR], names, 8);
	ck_assert_uint_ne(sums[0], sums[2]);
	for (uint32_t i = 0; i < 1000; i++) {
		struct pick pick = sim_client(i);

		differ += pick_find(one->service, &pick) !=
		    pick_find(two->service, &pick);
	}
	ck_assert_uint_gt(differ, 500);
	sim_free(one);
	sim_free(two);
}
END_TEST

/* Who can compute the hash chooses 100,000 addresses for one backend. */
START_TEST(an_attacker_needs_the_seed)
{
	const struct hash_key no_seed = { 0, 0 };
	struct sim *known = sim_new(BALANCE_SOURCE, 10, NULL);
	struct sim *keyed = sim_new(BALANCE_SOURCE, 10, NULL);
	uint32_t hits[10] = { 0 };
	uint32_t chosen = 0;

	sim_publish(known, &no_seed);
	for (uint32_t i = 0; chosen < 100000; i++) {
		struct pick pick = sim_client(i);

		if (pick_find(known->service, &pick) != 7)
			continue;
		chosen++;
		hits[pick_find(keyed->service, &pick)]++;
	}
	sim_report("attack: without a key %u of %u on one backend, with it "
		   "max/mean %.4f",
	    chosen, chosen, sim_evenness(hits, 10));
	for (int i = 0; i < 10; i++)
		ck_assert_uint_gt(hits[i], 0);
	ck_assert_double_le(sim_evenness(hits, 10), 1.05);
	sim_free(known);
	sim_free(keyed);
}
END_TEST

/* The same client by a listener of either family. */
START_TEST(mapped_addresses_are_ipv4)
{
	struct sim *sim = sim_new(_i, 10, NULL);

	for (uint32_t i = 0; i < 1000; i++) {
		struct pick pick = sim_client(i);
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		int want = pick_find(sim->service, &pick);

		in.sin_port = in6.sin6_port = htons(pick.client.port);
		memcpy(&in.sin_addr, pick.client.ip + 12, 4);
		memcpy(&in6.sin6_addr, pick.client.ip, 16);
		endpoint_from_sockaddr(&pick.client, (struct sockaddr *)&in,
		    sizeof(in));
		ck_assert_int_eq(pick_find(sim->service, &pick), want);
		endpoint_from_sockaddr(&pick.client, (struct sockaddr *)&in6,
		    sizeof(in6));
		ck_assert_int_eq(pick_find(sim->service, &pick), want);
	}
	sim_free(sim);
}
END_TEST

/* A /24 is one client when the configuration says so. */
START_TEST(prefixes_are_clients)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, 10, NULL);
	unsigned seen = 0;

	sim_config(sim)->settings.source_prefix4 = 24;
	sim_publish(sim, &sim_seed);
	for (uint32_t i = 0; i < 256 * 256; i++) {
		struct pick pick = sim_client(i);
		struct pick first = sim_client(i & ~0xffu);
		int index = pick_find(sim->service, &pick);

		if (index != pick_find(sim->service, &first))
			ck_abort_msg("client %u is another", i);
		seen |= 1u << index;
	}
	ck_assert_uint_eq(seen, 0x3ff);
	sim_free(sim);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy shares");
	TCase *tc = tcase_create("policy shares");
	SRunner *runner;
	int failed;

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, equal_weights);
	tcase_add_test(tc, unequal_weights);
	tcase_add_loop_test(tc, only_the_dead_ones_clients_move, 0, 2);
	tcase_add_loop_test(tc, nodes_agree, BALANCE_4TUPLE,
	    BALANCE_SOURCE + 1);
	tcase_add_test(tc, an_attacker_needs_the_seed);
	tcase_add_loop_test(tc, mapped_addresses_are_ipv4, BALANCE_4TUPLE,
	    BALANCE_SOURCE + 1);
	tcase_add_test(tc, prefixes_are_clients);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
