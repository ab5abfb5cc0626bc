/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The conns with the most bytes, compared with sorting all of them.
 */
#include "lb4/command/leaders.h"

#include <bsd/stdlib.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 500

static struct leaders leaders;
static struct sweep_row rows[ROWS];

static int
compare(const void *left, const void *right)
{
	const struct sweep_row *a = left, *b = right;
	const uint64_t x = a->bytes_to_backend + a->bytes_to_client;
	const uint64_t y = b->bytes_to_backend + b->bytes_to_client;

	if (x != y)
		return x > y ? -1 : 1;
	return a->id < b->id ? -1 : 1;
}

/* Few different amounts, so that many are equal. */
START_TEST(test_like_sorting)
{
	const unsigned wanted = (unsigned)_i;

	memset(&leaders, 0, sizeof(leaders));
	leaders.wanted = wanted;
	for (unsigned i = 0; i < ROWS; i++) {
		rows[i] = (struct sweep_row){ .id = i + 1 };
		rows[i].bytes_to_backend = arc4random_uniform(20);
		rows[i].bytes_to_client = arc4random_uniform(20);
		if (i < wanted)
			ck_assert_uint_eq(leaders_entry(&leaders), 0);
		leaders_add(&leaders, &rows[i]);
	}
	qsort(rows, ROWS, sizeof(rows[0]), compare);
	ck_assert_uint_eq(leaders.count, wanted);
	for (unsigned i = 0; i < wanted; i++)
		ck_assert_uint_eq(leaders.row[i].id, rows[i].id);
	ck_assert_uint_eq(leaders_entry(&leaders),
	    rows[wanted - 1].bytes_to_backend +
		rows[wanted - 1].bytes_to_client);
}
END_TEST

START_TEST(test_fewer)
{
	memset(&leaders, 0, sizeof(leaders));
	leaders.wanted = LEADERS_MAX;
	leaders_add(&leaders, &(struct sweep_row){ .id = 2 });
	leaders_add(&leaders, &(struct sweep_row){ .id = 1 });
	ck_assert_uint_eq(leaders.count, 2);
	ck_assert_uint_eq(leaders.row[0].id, 1);
	ck_assert_uint_eq(leaders_entry(&leaders), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("leaders");
	TCase *tc = tcase_create("leaders");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, test_like_sorting, 1, LEADERS_MAX + 1);
	tcase_add_test(tc, test_fewer);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
