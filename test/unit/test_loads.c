/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The tree of minima against a look at every load, for each size, and with
 * several threads that change loads at a time.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/hash.h"
#include "lb4/balance/loads.h"

#define COUNT_MAX 1000
#define THREADS 4

struct farm {
	size_t count;
	_Atomic uint64_t changes;
	_Atomic uint32_t active[COUNT_MAX];
	uint32_t weight[COUNT_MAX]; /* 0: down */
	struct loads *loads;
};

static uint64_t
read_farm(const void *of, unsigned index)
{
	const struct farm *farm = of;

	return farm->weight[index] == 0
	    ? LOADS_NONE
	    : loads_word(atomic_load(&farm->active[index]),
		  farm->weight[index] * LOADS_WEIGHT_ONE);
}

static struct farm *
farm_new(size_t count, uint32_t weight_max)
{
	struct farm *farm = calloc(1, sizeof(*farm));

	ck_assert_ptr_nonnull(farm);
	farm->count = count;
	for (size_t i = 0; i < count; i++)
		farm->weight[i] = 1 + (uint32_t)(hash_mix(i) % weight_max);
	farm->loads = loads_new(count, &farm->changes);
	ck_assert_ptr_nonnull(farm->loads);
	ck_assert(loads_refresh(farm->loads, read_farm, farm));
	ck_assert(!loads_refresh(farm->loads, read_farm, farm));
	return farm;
}

static void
farm_free(struct farm *farm)
{
	loads_free(farm->loads);
	free(farm);
}

/* Whether none is less loaded; by fractions, not by words. */
static bool
is_least(const struct farm *farm, unsigned index)
{
	uint64_t active = atomic_load(&farm->active[index]);

	for (size_t i = 0; i < farm->count; i++)
		if (farm->weight[i] != 0 &&
		    atomic_load(&farm->active[i]) * farm->weight[index] <
			active * farm->weight[i])
			return false;
	return farm->weight[index] != 0;
}

static void
add(struct farm *farm, unsigned index, uint32_t n)
{
	atomic_fetch_add(&farm->active[index], n);
	loads_update(farm->loads, index, read_farm, farm);
}

/* Conns come to the least loaded and leave at random. */
START_TEST(finds_the_least)
{
	static const size_t counts[] = { 1, 2, 7, 8, 9, 64, 65, 513, 1000 };
	struct farm *farm = farm_new(counts[_i], _i % 2 == 0 ? 256 : 3);
	uint64_t word;

	for (uint64_t n = 0; n < 20000; n++) {
		uint64_t hash = hash_mix(n);
		unsigned leaves = (unsigned)(hash % farm->count);
		int index = loads_least(farm->loads, hash, &word);

		ck_assert_int_ge(index, 0);
		if (!is_least(farm, (unsigned)index))
			ck_abort_msg("conn %lu: %d is not the least loaded", n,
			    index);
		add(farm, (unsigned)index, 1);
		if (n % 3 != 0 && atomic_load(&farm->active[leaves]) > 0)
			add(farm, leaves, UINT32_MAX);
	}
	farm_free(farm);
}
END_TEST

/* Among equals each has its weight's chance. */
START_TEST(breaks_ties_by_weight)
{
	struct farm *farm = farm_new(100, 4);
	uint32_t total = 0, picked[100] = { 0 };
	uint64_t word;

	for (size_t i = 0; i < 100; i++)
		total += farm->weight[i];
	for (uint64_t n = 0; n < 100000; n++)
		picked[loads_least(farm->loads, hash_mix(n), &word)]++;
	for (size_t i = 0; i < 100; i++) {
		double mean = 100000.0 * farm->weight[i] / total;

		ck_assert_double_eq_tol(picked[i], mean, 0.25 * mean);
	}
	farm_free(farm);
}
END_TEST

/* A change of state is seen once it is counted. */
START_TEST(refreshes_after_a_change)
{
	struct farm *farm = farm_new(40, 1);
	uint64_t word;

	for (size_t i = 0; i < 40; i++)
		farm->weight[i] = i == 33;
	atomic_fetch_add(&farm->changes, 1);
	ck_assert(loads_refresh(farm->loads, read_farm, farm));
	for (uint64_t n = 0; n < 100; n++)
		ck_assert_int_eq(loads_least(farm->loads, hash_mix(n), &word),
		    33);
	ck_assert_uint_eq(word, loads_word(0, LOADS_WEIGHT_ONE));
	farm->weight[33] = 0;
	atomic_fetch_add(&farm->changes, 1);
	ck_assert(loads_refresh(farm->loads, read_farm, farm));
	ck_assert_int_eq(loads_least(farm->loads, 1, &word), -1);
	farm_free(farm);
}
END_TEST

struct changer {
	pthread_t thread;
	struct farm *farm;
	uint64_t random;
};

static void *
change_loads(void *argument)
{
	struct changer *changer = argument;
	struct farm *farm = changer->farm;
	int mine[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };

	for (unsigned n = 0; n < 50000; n++) {
		int *slot = &mine[n % 8];
		uint64_t word;

		changer->random = hash_mix(changer->random + 1);
		if (*slot >= 0)
			add(farm, (unsigned)*slot, UINT32_MAX);
		*slot = loads_least(farm->loads, changer->random, &word);
		if (*slot >= 0)
			add(farm, (unsigned)*slot, 1);
	}
	for (unsigned i = 0; i < 8; i++)
		if (mine[i] >= 0)
			add(farm, (unsigned)mine[i], UINT32_MAX);
	return NULL;
}

/* Whatever the threads did to each other, the tree is exact when they are
 * done: all loads are 0 again, and each backend is found by its chance. */
START_TEST(is_exact_after_threads)
{
	struct farm *farm = farm_new(200, 1);
	struct changer changers[THREADS];
	uint64_t word;

	for (unsigned i = 0; i < THREADS; i++) {
		changers[i] = (struct changer){ .farm = farm,
			.random = hash_mix(i) };
		ck_assert_int_eq(pthread_create(&changers[i].thread, NULL,
				     change_loads, &changers[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(changers[i].thread, NULL), 0);
	for (unsigned i = 0; i < 200; i++) {
		int index = loads_least(farm->loads, hash_mix(i), &word);

		ck_assert_int_ge(index, 0);
		ck_assert_uint_eq(word, loads_word(0, LOADS_WEIGHT_ONE));
		add(farm, (unsigned)index, 1);
	}
	for (unsigned i = 0; i < 200; i++)
		ck_assert_uint_eq(atomic_load(&farm->active[i]), 1);
	farm_free(farm);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("loads");
	TCase *tc = tcase_create("loads");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, finds_the_least, 0, 9);
	tcase_add_test(tc, breaks_ties_by_weight);
	tcase_add_test(tc, refreshes_after_a_change);
	tcase_add_test(tc, is_exact_after_threads);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
