/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Limits of sources: exact for one, honest ones never refused, in bounded
 * memory, and from several threads. */
#include "common/sources.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#define SECOND UINT64_C(1000000000)
#define BEGIN (1000 * SECOND)

static const struct hash_key key = { 1, 2 };

static uint64_t
hash_of(const struct sources *sources, uint64_t number)
{
	return sources_hash(sources, &number, sizeof(number));
}

/* A rate of so many per second. */
static struct sources_limit
limit_of(uint32_t conns, uint64_t rate, uint64_t burst)
{
	struct sources_limit limit = { .conns = conns };

	if (rate > 0) {
		limit.interval_ns = SECOND / rate;
		limit.slack_ns = (burst - 1) * limit.interval_ns;
	}
	return limit;
}

START_TEST(conns)
{
	struct sources *sources = sources_new(0, &key);
	const struct sources_limit limit = limit_of(3, 0, 0);
	const uint64_t one = hash_of(sources, 1), two = hash_of(sources, 2);
	sources_entry entry[3], more;
	uint64_t wait;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sources_enter(sources, one, &limit, BEGIN,
				     &entry[i]),
		    SOURCES_PASS);
	ck_assert_int_eq(sources_enter(sources, one, &limit, BEGIN, &more),
	    SOURCES_CONNS);
	ck_assert_uint_eq(more, 0);
	ck_assert_int_eq(sources_enter(sources, two, &limit, BEGIN, &more),
	    SOURCES_PASS);
	sources_leave(sources, more);
	ck_assert_uint_eq(sources_look(sources, one, &limit, BEGIN, &wait), 3);
	sources_leave(sources, entry[0]);
	ck_assert_int_eq(sources_enter(sources, one, &limit, BEGIN, &entry[0]),
	    SOURCES_PASS);
	for (int i = 0; i < 3; i++)
		sources_leave(sources, entry[i]);
	ck_assert_uint_eq(sources_look(sources, one, &limit, BEGIN, &wait), 0);
	sources_leave(sources, 0);
	sources_free(sources);
	sources_free(NULL);
}
END_TEST

/* How many conns of the source pass at that time. */
static unsigned
passes(struct sources *sources, const struct sources_limit *limit,
    uint64_t now_ns)
{
	const uint64_t hash = hash_of(sources, 7);
	sources_entry entry;
	unsigned count = 0;

	while (sources_enter(sources, hash, limit, now_ns, &entry) ==
	    SOURCES_PASS) {
		sources_leave(sources, entry);
		count++;
	}
	return count;
}

START_TEST(rate)
{
	struct sources *sources = sources_new(0, &key);
	const struct sources_limit limit = limit_of(0, 50, 100);
	const uint64_t hash = hash_of(sources, 7);
	sources_entry entry;
	uint64_t wait;

	ck_assert_uint_eq(passes(sources, &limit, BEGIN), 100);
	ck_assert_uint_eq(passes(sources, &limit, BEGIN + SECOND), 50);
	(void)sources_look(sources, hash, &limit, BEGIN + SECOND, &wait);
	ck_assert_uint_gt(wait, SECOND / 51);
	ck_assert_uint_le(wait, SECOND / 50);
	/* at its rate, a source is never refused */
	for (int i = 2; i < 200; i++)
		ck_assert_uint_eq(passes(sources, &limit,
				      BEGIN + SECOND + i * SECOND / 50) > 0,
		    true);
	ck_assert_uint_eq(passes(sources, &limit, BEGIN + 100 * SECOND), 100);
	/* what was refused elsewhere does not count */
	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(sources_enter(sources, hash, &limit,
				     BEGIN + 200 * SECOND, &entry),
		    SOURCES_PASS);
		sources_undo(sources, entry, limit.interval_ns);
	}
	sources_free(sources);
}
END_TEST

/* A limit that is raised holds at once. */
START_TEST(rate_is_raised)
{
	struct sources *sources = sources_new(0, &key);
	const struct sources_limit strict = {
		.interval_ns = 60 * SECOND,
		.slack_ns = 8 * 60 * SECOND,
	};
	const struct sources_limit loose = limit_of(0, 200, 1);
	_Atomic uint64_t time = 0;

	ck_assert_uint_eq(passes(sources, &strict, BEGIN), 9);
	ck_assert_uint_eq(passes(sources, &loose, BEGIN), 1);
	ck_assert_uint_eq(passes(sources, &loose, BEGIN + SECOND / 200), 1);
	for (int i = 0; i < 9; i++)
		ck_assert(sources_pace(&time, &strict, BEGIN));
	ck_assert(!sources_pace(&time, &strict, BEGIN));
	ck_assert(sources_pace(&time, &loose, BEGIN));
	ck_assert(!sources_pace(&time, &loose, BEGIN));
	sources_free(sources);
}
END_TEST

START_TEST(pace)
{
	const struct sources_limit limit = limit_of(0, 1000, 10);
	const struct sources_limit none = { .conns = 0 };
	_Atomic uint64_t time = 0;
	int passed = 0;

	for (int i = 0; i < 100; i++)
		passed += sources_pace(&time, &limit, BEGIN);
	for (int i = 0; i < 100; i++)
		passed += sources_pace(&time, &limit, BEGIN + SECOND / 200);
	ck_assert_int_eq(passed, 15);
	ck_assert(sources_pace(&time, &none, BEGIN));
}
END_TEST

#define HONEST 1000

/* How many sources there are; SOURCES sets it, 1,000,000 takes a second. */
static uint64_t
sources_of_attack(void)
{
	const char *many = getenv("SOURCES");

	return many != NULL ? strtoull(many, NULL, 10) : 100000;
}

/* Many sources within a minute, each with one conn, against a table for few
 * conns.  1,000 honest sources hold a conn each and open another one each
 * second: none is refused, none loses its count, and the greedy one is held to
 * its limit. */
START_TEST(attack)
{
	const uint64_t many = sources_of_attack(), each = many / 60;
	struct sources *sources = sources_new(10000, &key);
	const struct sources_limit limit = limit_of(100, 2, 4);
	const uint64_t room = sources_room(sources);
	sources_entry held[HONEST], entry, greedy[100];
	uint64_t now_ns = BEGIN;
	unsigned passed = 0;

	ck_assert_uint_le(room * 16, 4 << 20); /* bytes */
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(sources_enter(sources,
				     hash_of(sources, UINT64_MAX), &limit,
				     BEGIN - 100 * SECOND + i * SECOND, &entry),
		    SOURCES_PASS);
		greedy[i] = entry;
	}
	for (uint64_t i = 0; i < HONEST; i++)
		ck_assert_int_eq(sources_enter(sources, hash_of(sources, i),
				     &limit, now_ns, &held[i]),
		    SOURCES_PASS);
	for (uint64_t i = 0; i < many; i++) {
		now_ns = BEGIN + i * (60 * SECOND / many);
		ck_assert_int_eq(sources_enter(sources,
				     hash_of(sources, HONEST + i), &limit,
				     now_ns, &entry),
		    SOURCES_PASS);
		sources_leave(sources, entry);
		if (i % 100 == 0)
			passed += sources_enter(sources,
				      hash_of(sources, UINT64_MAX), &limit,
				      now_ns, &entry) == SOURCES_PASS;
		if (i % each >= HONEST)
			continue;
		ck_assert_int_eq(sources_enter(sources,
				     hash_of(sources, i % each), &limit, now_ns,
				     &entry),
		    SOURCES_PASS);
		sources_leave(sources, entry);
	}
	ck_assert_uint_eq(passed, 0);
	ck_assert_uint_eq(sources_untracked(sources), 0);
	ck_assert_uint_eq(sources_room(sources), room);
	for (uint64_t i = 0; i < HONEST; i++) {
		uint64_t wait;

		ck_assert_uint_eq(sources_look(sources, hash_of(sources, i),
				      &limit, now_ns, &wait),
		    1);
		sources_leave(sources, held[i]);
	}
	for (int i = 0; i < 100; i++)
		sources_leave(sources, greedy[i]);
	sources_free(sources);
}
END_TEST

/* Where each conn is of another source, 10,000 are tracked. */
START_TEST(crowd)
{
	struct sources *sources = sources_new(10000, &key);
	const struct sources_limit limit = limit_of(1, 0, 0);
	sources_entry entry;

	for (uint64_t i = 0; i < 10000; i++)
		(void)sources_enter(sources, hash_of(sources, i), &limit, BEGIN,
		    &entry);
	ck_assert_uint_eq(sources_untracked(sources), 0);
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert_int_eq(sources_enter(sources, hash_of(sources, i),
				     &limit, BEGIN, &entry),
		    SOURCES_CONNS);
	/* beyond all bounds, it lets others in */
	for (uint64_t i = 10000; i < 200000; i++)
		ck_assert_int_eq(sources_enter(sources, hash_of(sources, i),
				     &limit, BEGIN, &entry),
		    SOURCES_PASS);
	ck_assert_uint_gt(sources_untracked(sources), 0);
	sources_free(sources);
}
END_TEST

#define THREADS 4
#define ROUNDS 10000
#define LIMIT 3

static struct sources *shared;
static _Atomic int inside[4];
static _Atomic unsigned exceeded, untouched;

static void *
enter_and_leave(void *seed)
{
	const struct sources_limit limit = limit_of(LIMIT, 0, 0);
	uint64_t number = *(uint64_t *)seed;
	sources_entry entry;

	for (int i = 0; i < ROUNDS; i++) {
		const uint64_t who = hash_mix(++number) % 4;

		if (sources_enter(shared, hash_of(shared, who), &limit, BEGIN,
			&entry) != SOURCES_PASS)
			continue;
		if (entry == 0)
			atomic_fetch_add(&untouched, 1);
		if (atomic_fetch_add(&inside[who], 1) >= LIMIT)
			atomic_fetch_add(&exceeded, 1);
		atomic_fetch_sub(&inside[who], 1);
		sources_leave(shared, entry);
		/* others push it out */
		if (sources_enter(shared, hash_of(shared, number), &limit,
			BEGIN, &entry) == SOURCES_PASS)
			sources_leave(shared, entry);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t thread[THREADS];
	uint64_t seed[THREADS];
	uint64_t wait;

	shared = sources_new(0, &key);
	for (int i = 0; i < THREADS; i++) {
		seed[i] = (uint64_t)i << 40;
		ck_assert_int_eq(pthread_create(&thread[i], NULL,
				     enter_and_leave, &seed[i]),
		    0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(atomic_load(&exceeded), 0);
	ck_assert_uint_eq(atomic_load(&untouched), 0);
	for (uint64_t i = 0; i < 4; i++) {
		const struct sources_limit limit = limit_of(LIMIT, 0, 0);

		ck_assert_uint_eq(sources_look(shared, hash_of(shared, i),
				      &limit, BEGIN, &wait),
		    0);
	}
	sources_free(shared);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sources");
	TCase *tests = tcase_create("sources");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 100);
	tcase_add_test(tests, conns);
	tcase_add_test(tests, rate);
	tcase_add_test(tests, rate_is_raised);
	tcase_add_test(tests, pace);
	tcase_add_test(tests, attack);
	tcase_add_test(tests, crowd);
	tcase_add_test(tests, threads);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
