/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The leveler: who gives how much to whom, and that conns come to rest.
 */
#include "lb4/control/leveler.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define E UINT64_C(100000) /* a conn with much to do */
#define WORKERS_MAX 8
#define CONNS_MAX 64

static struct leveler_choice choice;

static bool
choose(const uint64_t *work, unsigned workers)
{
	struct leveler_load load[WORKERS_MAX] = { { 0 } };

	for (unsigned i = 0; i < workers; i++)
		load[i].work = work[i];
	return leveler_choose(load, workers, 100000, &choice);
}

START_TEST(level_enough)
{
	ck_assert(!choose((uint64_t[]){ 0, 0 }, 2));
	ck_assert(!choose((uint64_t[]){ E }, 1));
	ck_assert(!choose((uint64_t[]){ 6 * E, 5 * E }, 2));
	ck_assert(!choose((uint64_t[]){ 12 * E, 10 * E, 10 * E, 9 * E }, 4));
	/* too little to do to be worth it */
	ck_assert(!choose((uint64_t[]){ LEVELER_WORTH - 1, 0 }, 2));
	ck_assert(choose((uint64_t[]){ LEVELER_WORTH, 0 }, 2));
}
END_TEST

START_TEST(most_to_least)
{
	ck_assert(choose((uint64_t[]){ 4 * E, 8 * E, 3 * E }, 3));
	ck_assert_uint_eq(choice.from, 1);
	ck_assert_uint_eq(choice.to, 2);
	ck_assert_uint_eq(choice.each, 5 * E / 16 * 9);
	/* no more than the taker lacks */
	ck_assert_uint_eq(choice.sum, 2 * E);

	/* one of two elephants may go, the only one may not */
	ck_assert(choose((uint64_t[]){ 2 * E, 0, 0, 0 }, 4));
	ck_assert_uint_ge(choice.each, E);
	ck_assert(choose((uint64_t[]){ E, 0 }, 2));
	ck_assert_uint_lt(choice.each, E);
	ck_assert(choose((uint64_t[]){ 2 * E, E }, 2));
	ck_assert_uint_lt(choice.each, E);
}
END_TEST

START_TEST(not_to_and_fro)
{
	struct leveler_load load[] = { { 4 * E, 0, 99000 }, { E, 0, 0 } };

	ck_assert(!leveler_choose(load, 2, 100000, &choice)); /* it took */
	load[0].took_ms = 0;
	load[1].gave_ms = 99000;
	ck_assert(!leveler_choose(load, 2, 100000, &choice));
	ck_assert(leveler_choose(load, 2, 99000 + LEVELER_HOLD_MS, &choice));
	/* it may go on to give, and to take */
	load[0].gave_ms = load[1].took_ms = 99000;
	load[1].gave_ms = 0;
	ck_assert(leveler_choose(load, 2, 100000, &choice));
}
END_TEST

/* ---- conns --------------------------------------------------------------- */

struct place {
	unsigned workers, conns;
	uint64_t work[CONNS_MAX];
	unsigned at[CONNS_MAX]; /* the conn's worker */
	unsigned moves[CONNS_MAX];
};

static void
add_up(const struct place *place, struct leveler_load *load)
{
	for (unsigned i = 0; i < place->workers; i++)
		load[i].work = 0;
	for (unsigned i = 0; i < place->conns; i++)
		load[place->at[i]].work += place->work[i];
}

/* Gives conns away, the costly ones first, as leveling.c does.  Returns how
 * many. */
static unsigned
give(struct place *place, const struct leveler_choice *chosen)
{
	uint64_t given = 0, last = UINT64_MAX;
	unsigned count = 0;

	for (;;) {
		uint64_t most = 0;

		for (unsigned i = 0; i < place->conns; i++)
			if (place->at[i] == chosen->from &&
			    place->work[i] < last && place->work[i] > most &&
			    place->work[i] <= chosen->each)
				most = place->work[i];
		if (most == 0)
			return count;
		for (unsigned i = 0; i < place->conns; i++) {
			if (place->at[i] != chosen->from ||
			    place->work[i] != most ||
			    (count > 0 && given + most > chosen->sum))
				continue;
			place->at[i] = chosen->to;
			place->moves[i]++;
			given += most;
			count++;
		}
		last = most;
	}
}

/* Rounds of giving, one every few seconds, until nothing moves any more.
 * Returns the highest load in percent of the mean. */
static uint64_t
settle(struct place *place)
{
	struct leveler_load load[WORKERS_MAX] = { { 0 } };
	struct leveler_choice chosen;
	uint64_t most = 0, total = 0;

	for (uint64_t now_ms = 1000000; now_ms < 1000000 + 3600000;
	     now_ms += 5000) {
		add_up(place, load);
		if (!leveler_choose(load, place->workers, now_ms, &chosen) ||
		    give(place, &chosen) == 0)
			continue;
		load[chosen.from].gave_ms = load[chosen.to].took_ms = now_ms;
	}
	add_up(place, load);
	for (unsigned i = 0; i < place->workers; i++) {
		total += load[i].work;
		if (load[i].work > most)
			most = load[i].work;
	}
	return most * place->workers * 100 / total;
}

START_TEST(many_conns_settle)
{
	static const unsigned workers[] = { 2, 3, 4, 8 };

	for (size_t w = 0; w < 4; w++) {
		struct place place = { .workers = workers[w], .conns = 64 };

		for (unsigned i = 0; i < place.conns; i++)
			place.work[i] = E; /* all of them on worker 0 */
		ck_assert_uint_le(settle(&place), 125);
		for (unsigned i = 0; i < place.conns; i++)
			ck_assert_uint_le(place.moves[i], 1);
	}
}
END_TEST

START_TEST(elephants_come_apart)
{
	struct place two = { 2, 2, { E, E + E / 20 }, { 0 }, { 0 } };
	struct place three = { 2, 3, { E, E, E }, { 0 }, { 0 } };
	struct place equal = { 2, 9, { 2 * E }, { 0 }, { 0 } };
	struct place mice = { 2, 9, { 3 * E }, { 0 }, { 0 } };

	ck_assert_uint_le(settle(&two), 103);
	ck_assert_uint_ne(two.at[0], two.at[1]);
	ck_assert_uint_eq(two.moves[0] + two.moves[1], 1);
	(void)settle(&three);
	ck_assert_uint_eq(three.moves[0] + three.moves[1] + three.moves[2], 1);
	for (unsigned i = 1; i < 9; i++)
		equal.work[i] = mice.work[i] = E / 4;
	/* eight mice have as much to do: one move is enough */
	ck_assert_uint_eq(settle(&equal), 100);
	for (unsigned i = 0; i < 9; i++)
		ck_assert_uint_eq(equal.moves[i], i == 0);
	/* they have less: they leave the elephant alone */
	ck_assert_uint_eq(settle(&mice), 120);
	for (unsigned i = 0; i < 9; i++)
		ck_assert_uint_eq(mice.moves[i], i > 0);
}
END_TEST

/* Whatever the conns cost, each comes to rest, and no move makes it worse. */
START_TEST(any_settle)
{
	srandom(1);
	for (int round = 0; round < 200; round++) {
		struct place place = {
			.workers = 2 + (unsigned)random() % 7,
			.conns = 1 + (unsigned)random() % CONNS_MAX,
		};
		struct place after;
		unsigned moves = 0;

		for (unsigned i = 0; i < place.conns; i++) {
			place.work[i] = 1 +
			    (uint64_t)random() % (1U << random() % 20);
			place.at[i] = (unsigned)random() % place.workers;
		}
		(void)settle(&place);
		after = place;
		(void)settle(&after);
		ck_assert_mem_eq(after.at, place.at, sizeof(after.at));
		for (unsigned i = 0; i < place.conns; i++)
			moves += place.moves[i];
		ck_assert_uint_le(moves, 2 * place.conns);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("leveler");
	TCase *tests = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, level_enough);
	tcase_add_test(tests, most_to_least);
	tcase_add_test(tests, not_to_and_fro);
	tcase_add_test(tests, many_conns_settle);
	tcase_add_test(tests, elephants_come_apart);
	tcase_add_test(tests, any_settle);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
