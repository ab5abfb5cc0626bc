/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Maglev's table: its size, each backend's exact share, how little moves when
 * a backend comes or goes, and that it is the same everywhere.
 */
#include "lb4/balance/maglev.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/config.h"

#define COUNT_MAX 1100

static const struct hash_key seed = { 0x0123456789abcdef, 0xfedcba9876543210 };

/* Names that sort as they count, and weights to go with them. */
struct set {
	size_t count;
	char text[COUNT_MAX][16];
	const char *name[COUNT_MAX];
	unsigned weight[COUNT_MAX];
};

static struct set *
set_new(size_t count, unsigned weight)
{
	struct set *set = calloc(1, sizeof(*set));

	ck_assert_ptr_nonnull(set);
	set->count = count;
	for (size_t i = 0; i < count; i++) {
		snprintf(set->text[i], sizeof(set->text[i]), "app%04zu", i);
		set->name[i] = set->text[i];
		set->weight[i] = weight;
	}
	return set;
}

static struct maglev *
set_maglev(const struct set *set)
{
	struct maglev *maglev = maglev_new(set->name, set->weight, set->count,
	    &seed);

	ck_assert_ptr_nonnull(maglev);
	return maglev;
}

/* Fails unless each one's slots are its exact share, rounded up or down. */
static void
check_shares(const struct set *set)
{
	struct maglev *maglev = set_maglev(set);
	uint32_t *slots = calloc(set->count, sizeof(*slots));
	uint64_t sum = 0;

	ck_assert_ptr_nonnull(slots);
	for (uint32_t i = 0; i < maglev->size; i++) {
		if (maglev->slot[i] >= set->count)
			ck_abort_msg("slot %u is %u", i, maglev->slot[i]);
		slots[maglev->slot[i]]++;
	}
	for (size_t i = 0; i < set->count; i++)
		sum += set->weight[i];
	for (size_t i = 0; i < set->count; i++) {
		uint64_t exact = (uint64_t)maglev->size * set->weight[i];

		ck_assert_uint_ge(slots[i], exact / sum);
		ck_assert_uint_le(slots[i], (exact + sum - 1) / sum);
	}
	free(slots);
	free(maglev);
}

START_TEST(sizes)
{
	struct set *set = set_new(41, 1);
	const unsigned zeros[3] = { 0, 0, 0 };
	const unsigned reducible[4] = { 40, 80, 0, 120 };

	ck_assert_uint_eq(maglev_size(set->weight, 1), 4099);
	ck_assert_uint_eq(maglev_size(set->weight, 40), 4099);
	ck_assert_uint_eq(maglev_size(set->weight, 41), 65537);
	set->weight[0] = 656;
	ck_assert_uint_eq(maglev_size(set->weight, 1), 4099); /* gcd 656 */
	set->weight[0] = 654;
	ck_assert_uint_eq(maglev_size(set->weight, 2), 65537);
	set->weight[0] = 655;
	ck_assert_uint_eq(maglev_size(set->weight, 2), 262147);
	set->weight[0] = 2620;
	ck_assert_uint_eq(maglev_size(set->weight, 2), 262147);
	set->weight[0] = 2621;
	ck_assert_uint_eq(maglev_size(set->weight, 2), 655373);
	set->weight[0] = 6553;
	ck_assert_uint_eq(maglev_size(set->weight, 2), 2000003);
	set->weight[0] = 19999;
	ck_assert_uint_eq(maglev_size(set->weight, 2), 2000003);
	set->weight[0] = 20000;
	ck_assert_uint_eq(maglev_size(set->weight, 2), 0);
	ck_assert_ptr_null(maglev_new(set->name, set->weight, 2, &seed));
	ck_assert_uint_eq(maglev_size(zeros, 3), 0);
	ck_assert_ptr_null(maglev_new(set->name, zeros, 3, &seed));
	ck_assert_uint_eq(maglev_size(reducible, 4), 4099);
	free(set);
}
END_TEST

START_TEST(shares_are_exact)
{
	struct set *set = set_new(10, 1);
	uint64_t random = 1;

	check_shares(set);
	for (unsigned i = 0; i < 10; i++)
		set->weight[i] = i + 1;
	check_shares(set);
	set->weight[3] = 0;
	check_shares(set);
	free(set);

	set = set_new(2, 1);
	set->weight[0] = 256;
	check_shares(set);
	set->weight[0] = 1;
	set->weight[1] = 256;
	check_shares(set);
	free(set);

	set = set_new(1, 17);
	check_shares(set);
	free(set);

	set = set_new(1000, 1);
	for (size_t i = 0; i < set->count; i++) {
		random = hash_mix(random);
		set->weight[i] = (unsigned)(random % 11);
	}
	check_shares(set);
	for (size_t i = 0; i < set->count; i++) {
		random = hash_mix(random);
		set->weight[i] = 1 + (unsigned)(random % 37);
	}
	ck_assert_uint_eq(maglev_size(set->weight, set->count), 2000003);
	check_shares(set);
	free(set);
}
END_TEST

/* Slots whose backend, by name, differs between two tables of one size. */
static uint32_t
count_moved(const struct set *one, const struct set *other)
{
	struct maglev *a = set_maglev(one);
	struct maglev *b = set_maglev(other);
	uint32_t moved = 0;

	ck_assert_uint_eq(a->size, b->size);
	for (uint32_t i = 0; i < a->size; i++)
		moved += strcmp(one->name[a->slot[i]],
			     other->name[b->slot[i]]) != 0;
	free(a);
	free(b);
	return moved;
}

START_TEST(little_moves_when_one_comes)
{
	struct set *ten = set_new(10, 1);
	struct set *eleven = set_new(11, 1);
	uint32_t moved = count_moved(ten, eleven);

	/* 1/11 must move, to the new one; twice that is allowed. */
	ck_assert_uint_ge(moved, 4099 / 11);
	ck_assert_uint_le(moved, 2 * 4099 / 11);
	free(ten);
	free(eleven);
}
END_TEST

START_TEST(little_moves_when_one_of_a_hundred_goes)
{
	struct set *all = set_new(100, 1);
	struct set *fewer = set_new(100, 1);
	uint32_t moved;

	memmove(&fewer->name[40], &fewer->name[41],
	    59 * sizeof(fewer->name[0]));
	fewer->count = 99;
	moved = count_moved(all, fewer);
	ck_assert_uint_ge(moved, 65537 / 100);
	ck_assert_uint_le(moved, 3 * 65537 / 100);
	free(all);
	free(fewer);
}
END_TEST

START_TEST(little_moves_with_a_weight)
{
	struct set *before = set_new(10, 2);
	struct set *after = set_new(10, 2);
	uint32_t moved;

	before->weight[1] = after->weight[1] = 1; /* so that the size stays */
	after->weight[0] = 3;
	moved = count_moved(before, after);
	/* Its share grows from 2/19 to 3/20. */
	ck_assert_uint_ge(moved, 4099 * (3 * 19 - 2 * 20) / (19 * 20));
	ck_assert_uint_le(moved, 4099 / 5);
	free(before);
	free(after);
}
END_TEST

START_TEST(the_seed_decides)
{
	struct set *set = set_new(10, 1);
	struct hash_key other = seed;
	struct maglev *a = set_maglev(set);
	struct maglev *again = set_maglev(set);
	struct maglev *b;
	uint32_t same = 0;

	other.k1 ^= 1;
	b = maglev_new(set->name, set->weight, set->count, &other);
	ck_assert_ptr_nonnull(b);
	ck_assert_mem_eq(a->slot, again->slot, a->size * sizeof(a->slot[0]));
	ck_assert_uint_eq(maglev_checksum(a, set->name, set->count),
	    maglev_checksum(again, set->name, set->count));
	ck_assert_uint_ne(maglev_checksum(a, set->name, set->count),
	    maglev_checksum(b, set->name, set->count));
	for (uint32_t i = 0; i < a->size; i++)
		same += a->slot[i] == b->slot[i];
	ck_assert_uint_lt(same, a->size / 5); /* 1/10 by chance */
	free(a);
	free(again);
	free(b);
	free(set);
}
END_TEST

START_TEST(the_checksum_sees_slots_and_names)
{
	struct set *set = set_new(10, 1);
	struct maglev *maglev = set_maglev(set);
	uint64_t sum = maglev_checksum(maglev, set->name, set->count);
	uint16_t keep;

	set->name[4] = "another";
	ck_assert_uint_ne(sum, maglev_checksum(maglev, set->name, set->count));
	set->name[4] = set->text[4];
	keep = maglev->slot[1];
	for (uint32_t i = 2; maglev->slot[1] == keep; i++) {
		maglev->slot[1] = maglev->slot[i];
		maglev->slot[i] = keep;
	}
	ck_assert_uint_ne(sum, maglev_checksum(maglev, set->name, set->count));
	free(maglev);
	free(set);
}
END_TEST

/* Nodes of one cluster may run different builds for a while: a change of these
 * numbers moves every client of every node that is updated. */
START_TEST(the_same_in_every_build)
{
	struct set *set = set_new(10, 1);
	struct maglev *maglev = set_maglev(set);

	ck_assert_uint_eq(maglev_checksum(maglev, set->name, set->count),
	    0xdd12f53ec5c5aa5d);
	free(maglev);
	for (unsigned i = 0; i < 10; i++)
		set->weight[i] = 1 + i * i;
	maglev = set_maglev(set);
	ck_assert_uint_eq(maglev_checksum(maglev, set->name, set->count),
	    0x5b0a87f531c8bf70);
	free(maglev);
	free(set);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("maglev");
	TCase *tc = tcase_create("maglev");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, shares_are_exact);
	tcase_add_test(tc, little_moves_when_one_comes);
	tcase_add_test(tc, little_moves_when_one_of_a_hundred_goes);
	tcase_add_test(tc, little_moves_with_a_weight);
	tcase_add_test(tc, the_seed_decides);
	tcase_add_test(tc, the_checksum_sees_slots_and_names);
	tcase_add_test(tc, the_same_in_every_build);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
