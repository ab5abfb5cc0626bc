/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Choosing a backend, by simulation with exact figures: shares, evenness, what
 * moves when a backend is down, retries, and when nothing is left.
 */
#include "lb4/balance/pick.h"
#include "lb4/balance/policy.h"
#include "lb4/config/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/maglev.h"
#include "lb4/balance/policy_hash.h"
#include "lb4/balance/turns.h"
#include "policy_sim.h"
#include "table_config.h"

START_TEST(each_has_its_policy)
{
	for (int i = 0; i < BALANCE_COUNT; i++)
		ck_assert_ptr_nonnull(policy_of(i)->pick);
	for (int i = 0; i < BALANCE_COUNT; i++)
		ck_assert_str_eq(policy_of(i)->name, balance_name(i));
}
END_TEST

/* The keys' layout is a promise to other nodes and builds. */
START_TEST(hash_keys)
{
	static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
		0xff, 192, 0, 2, 33, 0x12, 0x34 };
	static const uint8_t six[] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7,
		8, 9, 10, 11, 12, 0x12, 0x34 };
	static const uint8_t six_net[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4 };
	static const uint8_t unix_conn[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t
	    mapped_net[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 32 };
	static const uint8_t mapped_few[16] = { [10] = 0xff, [11] = 0xff, 128 };
	static const uint8_t six_odd[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5,
		6, 7, 8, 8 };
	struct service service = { .settings = { .source_prefix4 = 32,
				       .source_prefix6 = 64 } };
	struct pick pick = { .conn = 0x0102030405060708 };
	uint8_t key[PICK_KEY_MAX];

	pick.client.port = 0x1234;
	for (int family = 0; family < 2; family++) {
		/* Whichever listener the IPv4 client came to. */
		pick.client.family = family == 0 ? AF_INET : AF_INET6;
		memcpy(pick.client.ip, mapped, 16);
		ck_assert_uint_eq(policy_hash_whole(&service, &pick, key), 18);
		ck_assert_mem_eq(key, mapped, 18);
		ck_assert_uint_eq(policy_hash_network(&service, &pick, key),
		    16);
		ck_assert_mem_eq(key, mapped, 16);
	}
	memcpy(pick.client.ip, six, 16);
	ck_assert_uint_eq(policy_hash_whole(&service, &pick, key), 18);
	ck_assert_mem_eq(key, six, 18);
	ck_assert_uint_eq(policy_hash_network(&service, &pick, key), 16);
	ck_assert_mem_eq(key, six_net, 16);
	service.settings.source_prefix6 = 102;
	ck_assert_uint_eq(policy_hash_network(&service, &pick, key), 16);
	ck_assert_mem_eq(key, six_odd, 16);
	service.settings.source_prefix6 = 128;
	ck_assert_uint_eq(policy_hash_network(&service, &pick, key), 16);
	ck_assert_mem_eq(key, six, 16);
	memcpy(pick.client.ip, mapped, 16);
	service.settings.source_prefix4 = 28;
	ck_assert_uint_eq(policy_hash_network(&service, &pick, key), 16);
	ck_assert_mem_eq(key, mapped_net, 16);
	service.settings.source_prefix4 = 1;
	ck_assert_uint_eq(policy_hash_network(&service, &pick, key), 16);
	ck_assert_mem_eq(key, mapped_few, 16);
	pick.client.family = AF_UNIX;
	ck_assert_uint_eq(policy_hash_whole(&service, &pick, key), 8);
	ck_assert_mem_eq(key, unix_conn, 8);
	ck_assert_uint_eq(policy_hash_network(&service, &pick, key), 8);
	ck_assert_mem_eq(key, unix_conn, 8);
}
END_TEST

/* Fails unless the busiest of those picked is within `percent` of the mean. */
static void
check_even(const uint32_t *picked, size_t count, double percent)
{
	ck_assert_double_le(sim_evenness(picked, count), 1 + percent / 100);
}

#define MANY 1000000

static const enum balance hashing[] = { BALANCE_4TUPLE, BALANCE_SOURCE };

/* One of ten goes down and comes back. */
START_TEST(hash_moves_only_the_dead_ones_clients)
{
	struct sim *sim = sim_new(hashing[_i], 10, NULL);
	uint16_t *before = calloc(MANY, sizeof(*before));
	uint16_t *after = calloc(MANY, sizeof(*after));
	uint32_t moved[10] = { 0 };
	uint32_t count = 0;

	sim_run(sim, MANY, before);
	check_even(sim->picked, 10, 2);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_gt(sim->picked[i], 0);

	sim_set_down(sim, 4, true);
	sim_run(sim, MANY, after);
	ck_assert_uint_eq(sim->picked[4], 0);
	check_even(sim->picked, 10, 2);
	for (uint32_t i = 0; i < MANY; i++) {
		if (before[i] == 4) {
			moved[after[i]]++;
			count++;
		} else if (before[i] != after[i]) {
			ck_abort_msg("client %u moved for nothing", i);
		}
	}
	ck_assert_uint_gt(count, MANY / 11);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(moved[i] > 0, i != 4);
	check_even(moved, 10, 3);

	sim_set_down(sim, 4, false);
	sim_run(sim, MANY, after);
	ck_assert_mem_eq(before, after, MANY * sizeof(*before));
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

/* One after another goes down: those who have moved do not move again. */
START_TEST(hash_moves_nobody_twice)
{
	struct sim *sim = sim_new(hashing[_i], 10, NULL);
	uint16_t *before = calloc(MANY / 10, sizeof(*before));
	uint16_t *after = calloc(MANY / 10, sizeof(*after));

	sim_run(sim, MANY / 10, before);
	for (size_t dead = 0; dead < 4; dead++) {
		sim_set_down(sim, dead, true);
		sim_run(sim, MANY / 10, after);
		for (uint32_t i = 0; i < MANY / 10; i++)
			if (before[i] != dead && before[i] != after[i])
				ck_abort_msg("client %u moved for nothing", i);
		memcpy(before, after, MANY / 10 * sizeof(*before));
	}
	free(before);
	free(after);
	sim_free(sim);
}
END_TEST

START_TEST(hash_spreads_by_weight)
{
	unsigned weights[10];
	struct sim *sim;

	for (unsigned i = 0; i < 10; i++)
		weights[i] = i + 1;
	sim = sim_new(hashing[_i], 10, weights);
	sim_run(sim, MANY, NULL);
	for (unsigned i = 0; i < 10; i++) {
		double share = MANY * (double)weights[i] / 55;

		ck_assert_double_eq_tol(sim->picked[i], share, share * 0.03);
	}
	sim_free(sim);
}
END_TEST

/* With 18 of 20 down the steps mostly find nobody: the last resort. */
START_TEST(hash_is_even_with_most_down)
{
	unsigned weights[20];
	struct sim *sim;

	for (int i = 0; i < 20; i++)
		weights[i] = 1;
	weights[7] = 3;
	sim = sim_new(hashing[_i], 20, weights);
	sim_set_all_down(sim, true);
	sim_set_down(sim, 6, false);
	sim_set_down(sim, 7, false);
	sim_run(sim, 200000, NULL);
	ck_assert_uint_eq(sim->picked[6] + sim->picked[7], 200000);
	ck_assert_double_eq_tol(sim->picked[7], 150000, 3000);
	sim_set_down(sim, 7, true);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[6], 1000);
	sim_free(sim);
}
END_TEST

START_TEST(source_is_sticky)
{
	struct sim *sim = sim_new(BALANCE_SOURCE, 10, NULL);
	struct pick pick = sim_client(1);
	int first;
	unsigned seen = 0;

	first = pick_find(sim->service, &pick);
	for (uint32_t i = 0; i < 1000; i++) {
		pick.client.port = (uint16_t)i;
		pick.conn = i;
		ck_assert_int_eq(pick_find(sim->service, &pick), first);
	}
	/* One IPv6 network of 64 bits is one client ... */
	pick.client.family = AF_INET6;
	memset(pick.client.ip, 0x20, 16);
	first = pick_find(sim->service, &pick);
	for (uint32_t i = 0; i < 1000; i++) {
		memcpy(pick.client.ip + 8, &i, sizeof(i));
		ck_assert_int_eq(pick_find(sim->service, &pick), first);
	}
	/* ... and its neighbours are others. */
	for (uint32_t i = 0; i < 1000; i++) {
		memcpy(pick.client.ip + 4, &i, sizeof(i));
		seen |= 1u << pick_find(sim->service, &pick);
	}
	ck_assert_uint_eq(seen, 0x3ff);
	sim_free(sim);
}
END_TEST

START_TEST(four_tuple_looks_at_the_port)
{
	struct sim *sim = sim_new(BALANCE_4TUPLE, 10, NULL);
	struct pick pick = sim_client(1);
	unsigned seen = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		pick.client.port = (uint16_t)i;
		seen |= 1u << pick_find(sim->service, &pick);
	}
	ck_assert_uint_eq(seen, 0x3ff);
	sim_free(sim);
}
END_TEST

START_TEST(unix_clients_spread_by_conn)
{
	struct sim *sim = sim_new(hashing[_i], 10, NULL);
	struct pick pick = { .client.family = AF_UNIX };

	for (pick.conn = 0; pick.conn < 100000; pick.conn++)
		sim->picked[pick_find(sim->service, &pick)]++;
	for (int i = 0; i < 10; i++)
		ck_assert_double_eq_tol(sim->picked[i], 10000, 500);
	sim_free(sim);
}
END_TEST

START_TEST(the_order_of_lines_does_not_matter)
{
	struct config *config = table_config_new();
	struct config_service *web = table_config_service(config, "web",
	    hashing[_i]);
	const unsigned weights[6] = { 1, 2, 3, 1, 2, 3 };
	struct tables tables;
	struct maglev *first;

	tables_init(&tables, 1);
	table_config_backends(web, 6, weights);
	ck_assert_int_eq(tables_publish(&tables, config, &sim_seed), 0);
	first = table_current(&tables)->service[0]->maglev[SET_NEAR];
	first = memcpy(malloc(sizeof(*first) + first->size * 2), first,
	    sizeof(*first) + first->size * 2);
	for (unsigned i = 1; i < 5; i++) {
		const struct service *service;

		table_config_shuffle(web, i);
		ck_assert_int_eq(tables_publish(&tables, config, &sim_seed), 0);
		service = table_current(&tables)->service[0];
		ck_assert_uint_eq(service->maglev[SET_NEAR]->size, first->size);
		ck_assert_mem_eq(service->maglev[SET_NEAR]->slot, first->slot,
		    first->size * 2);
		for (size_t j = 0; j < 6; j++)
			ck_assert_uint_eq(service->backend[j].weight,
			    weights[j]);
	}
	free(first);
	tables_done(&tables);
	table_config_free(config);
}
END_TEST

/* Round robin's sequence over a whole schedule, as letters by name. */
static void
check_schedule(const char *want, size_t count, const unsigned *weights)
{
	struct sim *sim = sim_new(BALANCE_ROUNDROBIN, count, weights);

	ck_assert_uint_eq(sim->service->turns[SET_NEAR]->len, strlen(want));
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; want[i] != '\0'; i++) {
			struct pick pick = sim_client(0);

			ck_assert_int_eq('a' + pick_find(sim->service, &pick),
			    want[i]);
		}
	}
	sim_free(sim);
}

START_TEST(roundrobin_sequences)
{
	check_schedule("a", 1, (unsigned[]){ 9 });
	check_schedule("abc", 3, (unsigned[]){ 5, 5, 5 });
	check_schedule("abac", 3, (unsigned[]){ 2, 1, 1 });
	check_schedule("abac", 3, (unsigned[]){ 256, 128, 128 });
	check_schedule("cacb", 3, (unsigned[]){ 1, 1, 2 });
	check_schedule("abacad", 4, (unsigned[]){ 3, 1, 1, 1 });
	check_schedule("ac", 3, (unsigned[]){ 1, 0, 1 });
}
END_TEST

/* How often the schedule, as a ring, names one backend `times` in a row. */
static uint64_t
count_runs(const struct service *service, unsigned times)
{
	uint32_t len = service->turns[SET_NEAR]->len;
	uint64_t runs = 0;

	for (uint32_t t = 0; t < len; t++) {
		unsigned same = 1;

		while (same < times &&
		    service->turns[SET_NEAR]->turn[(t + same) % len] ==
			service->turns[SET_NEAR]->turn[t])
			same++;
		runs += same == times;
	}
	return runs;
}

/* In every prefix each has its share, within one turn; over the whole exactly.
 * None comes three times in a row that is not more than half of all. */
static void
check_smooth(const struct service *service)
{
	uint64_t len = service->turns[SET_NEAR]->len;
	uint64_t had[SIM_BACKENDS_MAX] = { 0 };
	uint64_t sum = 0, most = 0;
	uint64_t wrong = 0;

	for (size_t i = 0; i < service->backends; i++) {
		sum += service->backend[i].weight;
		if (service->backend[i].weight > most)
			most = service->backend[i].weight;
	}
	ck_assert_uint_eq(sum % len, 0);
	for (uint64_t t = 0; t < len; t++) {
		had[service->turns[SET_NEAR]->turn[t]]++;
		for (size_t i = 0; i < service->backends; i++) {
			uint64_t due = (t + 1) * service->backend[i].weight;

			wrong += had[i] * sum >= due + sum;
			wrong += due >= had[i] * sum + sum;
		}
	}
	ck_assert_uint_eq(wrong, 0);
	for (size_t i = 0; i < service->backends; i++)
		ck_assert_uint_eq(had[i] * sum,
		    len * service->backend[i].weight);
	if (2 * most <= sum)
		ck_assert_uint_eq(count_runs(service, 3), 0);
}

START_TEST(roundrobin_is_smooth)
{
	uint64_t random = 7;

	for (int i = 0; i < 300; i++) {
		unsigned weights[12];
		size_t count = 1 + (size_t)i % 12;
		struct sim *sim;

		for (size_t j = 0; j < count; j++) {
			random = hash_mix(random);
			weights[j] = 1 + (unsigned)(random % 256);
			if (i < 150)
				weights[j] = 1 + weights[j] % 9;
		}
		sim = sim_new(BALANCE_ROUNDROBIN, count, weights);
		check_smooth(sim->service);
		sim_free(sim);
	}
}
END_TEST

/* With small weights none comes twice in a row that need not, but once at the
 * seam of two rounds. */
START_TEST(roundrobin_avoids_repeats)
{
	unsigned w[3];

	for (w[0] = 1; w[0] < 8; w[0]++) {
		for (w[1] = 1; w[1] < 8; w[1]++) {
			for (w[2] = 1; w[2] <= w[0] + w[1] && w[2] < 8;
			     w[2]++) {
				struct sim *sim = sim_new(BALANCE_ROUNDROBIN, 3,
				    w);
				bool half = w[0] > w[1] + w[2] ||
				    w[1] > w[0] + w[2];

				if (!half)
					ck_assert_uint_le(
					    count_runs(sim->service, 2), 1);
				sim_free(sim);
			}
		}
	}
}
END_TEST

START_TEST(roundrobin_counts_exactly)
{
	const unsigned weights[5] = { 7, 1, 0, 4, 2 };
	struct sim *sim = sim_new(BALANCE_ROUNDROBIN, 5, weights);

	sim_run(sim, 14 * 100, NULL);
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(sim->picked[i], 100 * weights[i]);
	sim_free(sim);
}
END_TEST

START_TEST(roundrobin_spreads_a_dead_ones_share)
{
	const unsigned weights[5] = { 1, 1, 1, 1, 4 };
	struct sim *sim = sim_new(BALANCE_ROUNDROBIN, 5, weights);

	/* The heavy one's turns would all be one neighbour's, if neighbours
	 * took them. */
	sim_set_down(sim, 4, true);
	sim_run(sim, 4000, NULL);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(sim->picked[i], 1000);
	sim_set_down(sim, 4, false);
	sim_set_down(sim, 0, true);
	sim_run(sim, 7000, NULL);
	ck_assert_uint_eq(sim->picked[0], 0);
	for (int i = 1; i < 5; i++)
		ck_assert_uint_eq(sim->picked[i], 1000 * weights[i]);
	sim_free(sim);
}
END_TEST

/* 1,000 backends with 2 alive: more turns than are looked at pass between. */
START_TEST(roundrobin_is_even_with_most_down)
{
	struct sim *sim = sim_new(BALANCE_ROUNDROBIN, 1000, NULL);

	sim_set_all_down(sim, true);
	sim_set_down(sim, 500, false);
	sim_set_down(sim, 501, false);
	sim_run(sim, 20000, NULL);
	ck_assert_uint_eq(sim->picked[500] + sim->picked[501], 20000);
	ck_assert_double_eq_tol(sim->picked[500], 10000, 500);
	sim_free(sim);
}
END_TEST

/* What holds for every policy. */

START_TEST(weight_zero_is_never_picked)
{
	const unsigned one[3] = { 0, 2, 0 };
	const unsigned none[2] = { 0, 0 };
	struct sim *sim = sim_new(_i, 3, one);
	struct pick pick = sim_client(0);

	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[1], 1000);
	sim_set_down(sim, 1, true);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[1], 1000);
	sim_set_admin(sim, 1, ADMIN_MAINT);
	ck_assert_int_eq(pick_find(sim->service, &pick), -1);
	sim_free(sim);

	sim = sim_new(_i, 2, none);
	ck_assert_int_eq(pick_find(sim->service, &pick), -1);
	sim_free(sim);
}
END_TEST

START_TEST(what_was_tried_is_not_tried_again)
{
	struct sim *sim = sim_new(_i, 6, NULL);

	sim_set_down(sim, 2, true);
	for (uint32_t n = 0; n < 2000; n++) {
		struct pick pick = sim_client(n);
		unsigned seen = 0;

		for (unsigned i = 0; i < 6; i++) {
			int index = pick_find(sim->service, &pick);

			ck_assert_int_ge(index, 0);
			ck_assert_uint_eq(seen & 1u << index, 0);
			seen |= 1u << index;
			/* The one that is down comes last. */
			ck_assert_int_eq(index == 2, i == 5);
			pick.tried[pick.tries++] = sim_backend(sim, index)->id;
		}
		ck_assert_int_eq(pick_find(sim->service, &pick), -1);
	}
	sim_free(sim);
}
END_TEST

START_TEST(all_down_are_picked_all_the_same)
{
	struct sim *sim = sim_new(_i, 10, NULL);

	sim_set_all_down(sim, true);
	sim_run(sim, 100000, NULL);
	if (_i == BALANCE_FIRST)
		ck_assert_uint_eq(sim->picked[0], 100000);
	for (int i = 0; i < 10 && _i != BALANCE_FIRST; i++)
		ck_assert_double_eq_tol(sim->picked[i], 10000, 500);
	/* But not those that control has taken out. */
	sim_set_admin(sim, 3, ADMIN_DRAIN);
	sim_set_admin(sim, 4, ADMIN_MAINT);
	sim_run(sim, 10000, NULL);
	ck_assert_uint_eq(sim->picked[3] + sim->picked[4], 0);
	sim_free(sim);
}
END_TEST

START_TEST(drained_ones_get_nothing_new)
{
	struct sim *sim = sim_new(_i, 4, NULL);
	struct pick pick = sim_client(0);

	for (int i = 0; i < 3; i++) {
		sim_set_admin(sim, i, i == 1 ? ADMIN_MAINT : ADMIN_DRAIN);
		sim_run(sim, 1000, NULL);
		for (int j = 0; j < 4; j++)
			ck_assert_int_eq(sim->picked[j] > 0,
			    _i == BALANCE_FIRST ? j == i + 1 : j > i);
	}
	sim_set_admin(sim, 3, ADMIN_DRAIN);
	ck_assert_int_eq(pick_find(sim->service, &pick), -1);
	sim_set_admin(sim, 2, ADMIN_READY);
	sim_run(sim, 1000, NULL);
	ck_assert_uint_eq(sim->picked[2], 1000);
	sim_free(sim);
}
END_TEST

static void
add_hash_tests(TCase *tc)
{
	const int ways = sizeof(hashing) / sizeof(hashing[0]);

	tcase_add_test(tc, hash_keys);
	tcase_add_loop_test(tc, hash_moves_only_the_dead_ones_clients, 0, ways);
	tcase_add_loop_test(tc, hash_moves_nobody_twice, 0, ways);
	tcase_add_loop_test(tc, hash_spreads_by_weight, 0, ways);
	tcase_add_loop_test(tc, hash_is_even_with_most_down, 0, ways);
	tcase_add_loop_test(tc, unix_clients_spread_by_conn, 0, ways);
	tcase_add_loop_test(tc, the_order_of_lines_does_not_matter, 0, ways);
	tcase_add_test(tc, source_is_sticky);
	tcase_add_test(tc, four_tuple_looks_at_the_port);
}

int
main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tc = tcase_create("policy");
	SRunner *runner;
	int failed;

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, each_has_its_policy);
	add_hash_tests(tc);
	tcase_add_test(tc, roundrobin_sequences);
	tcase_add_test(tc, roundrobin_is_smooth);
	tcase_add_test(tc, roundrobin_avoids_repeats);
	tcase_add_test(tc, roundrobin_counts_exactly);
	tcase_add_test(tc, roundrobin_spreads_a_dead_ones_share);
	tcase_add_test(tc, roundrobin_is_even_with_most_down);
	tcase_add_loop_test(tc, weight_zero_is_never_picked, 0, BALANCE_COUNT);
	tcase_add_loop_test(tc, what_was_tried_is_not_tried_again, 0,
	    BALANCE_COUNT);
	tcase_add_loop_test(tc, all_down_are_picked_all_the_same, 0,
	    BALANCE_COUNT);
	tcase_add_loop_test(tc, drained_ones_get_nothing_new, 0, BALANCE_COUNT);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
