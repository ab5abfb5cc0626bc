/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Places at the control socket: whatever callers do, root and users with few
 * callers get one, and what watches the node keeps its own. */
#include "lb4/command/admit.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 64
#define NOW 100000

static struct caller callers[PLACES];

static void
setup(void)
{
	memset(callers, 0, sizeof(callers));
	for (uint32_t i = 0; i < PLACES; i++) {
		callers[i].index = i;
		callers[i].fd = -1;
	}
}

static enum job_result
step(struct caller *caller)
{
	(void)caller;
	return JOB_WAITS;
}

/* One comes, who has been silent for `age_ms`; NULL: there is no place. */
static struct caller *
come(uid_t uid, enum level level, bool own, uint64_t age_ms)
{
	const struct newcomer who = { uid, level, own };
	const char *why = NULL;
	struct caller *place = admit_place(callers, PLACES, &who, NOW, &why);

	if (place == NULL) {
		ck_assert_ptr_nonnull(why);
		return NULL;
	}
	*place = (struct caller){ .index = place->index,
		.fd = 1,
		.level = level,
		.uid = uid,
		.own = own,
		.seen_ms = NOW - age_ms };
	return place;
}

static size_t
count(uid_t uid)
{
	size_t found = 0;

	for (size_t i = 0; i < PLACES; i++)
		found += callers[i].fd >= 0 && callers[i].uid == uid;
	return found;
}

/* All that a user can get, each telling events, for long. */
static void
fill(uid_t uid, enum level level)
{
	struct caller *caller;

	while (count(uid) < ADMIT_USER_MAX &&
	    (caller = come(uid, level, false, 5000)) != NULL)
		caller->monitors = true;
}

START_TEST(test_one_user)
{
	fill(7, LEVEL_READ);
	ck_assert_uint_eq(count(7), ADMIT_USER_MAX);
	/* one more takes the place of its own user's */
	ck_assert_ptr_nonnull(come(7, LEVEL_READ, false, 5000));
	ck_assert_uint_eq(count(7), ADMIT_USER_MAX);
	/* others do not notice */
	ck_assert_ptr_nonnull(come(8, LEVEL_READ, false, 0));
	ck_assert_ptr_nonnull(come(0, LEVEL_ADMIN, true, 0));
	ck_assert_uint_eq(count(7), ADMIT_USER_MAX);
}
END_TEST

START_TEST(test_nobody_older)
{
	for (int i = 0; i < ADMIT_USER_MAX; i++)
		ck_assert_ptr_nonnull(come(7, LEVEL_READ, false, 0));
	ck_assert_ptr_null(come(7, LEVEL_READ, false, 0));
}
END_TEST

/* Users who come one after the other share the places of their level. */
START_TEST(test_level)
{
	size_t got = 0;

	for (uid_t uid = 10; uid < 15; uid++)
		fill(uid, LEVEL_READ);
	for (uid_t uid = 10; uid < 15; uid++)
		ck_assert_uint_eq(count(uid), 8);
	while (got < 20 && come(20, LEVEL_READ, false, 0) != NULL)
		got++;
	ck_assert_uint_ge(got, 5);
	ck_assert_uint_lt(got, ADMIT_USER_MAX);
	ck_assert_uint_gt(count(14), 0);
	/* higher levels have places of their own */
	ck_assert_ptr_nonnull(come(30, LEVEL_OPERATE, false, 0));
	ck_assert_ptr_nonnull(come(31, LEVEL_ADMIN, false, 0));
}
END_TEST

START_TEST(test_root)
{
	for (uid_t uid = 10; uid < 20; uid++)
		fill(uid, LEVEL_ADMIN);
	/* the reserve, then the places of others, then its own */
	for (int i = 0; i < 300; i++)
		ck_assert_ptr_nonnull(come(0, LEVEL_ADMIN, true, 2000));
	ck_assert_uint_eq(count(0), PLACES);
	for (size_t i = 0; i < PLACES; i++)
		callers[i].job.step = step;
	ck_assert_ptr_nonnull(come(0, LEVEL_ADMIN, true, 0));
	ck_assert_ptr_null(come(10, LEVEL_ADMIN, false, 0));
}
END_TEST

START_TEST(test_watchers_stay)
{
	struct caller *mine, *others;

	mine = come(0, LEVEL_ADMIN, true, 5000);
	others = come(10, LEVEL_READ, false, 5000);
	mine->lent = others->lent = true;
	for (uid_t uid = 10; uid < 20; uid++)
		fill(uid, LEVEL_ADMIN);
	for (int i = 0; i < 300; i++)
		ck_assert_ptr_nonnull(come(0, LEVEL_ADMIN, true, 2000));
	ck_assert(mine->lent && others->lent);
	ck_assert_uint_eq(count(10), 1);
}
END_TEST

/* Strangers take nobody's place, and make room for anybody. */
START_TEST(test_strangers)
{
	size_t got = 0;

	while (got < 100 && come(99, LEVEL_NONE, false, 0) != NULL)
		got++;
	ck_assert_uint_eq(got, 4);
	for (int i = 0; i < PLACES; i++)
		ck_assert_ptr_nonnull(come(0, LEVEL_ADMIN, true, 0));
	ck_assert_uint_eq(count(99), 0);
	ck_assert_ptr_null(come(99, LEVEL_NONE, false, 0));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("admit");
	TCase *tc = tcase_create("admit");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_one_user);
	tcase_add_test(tc, test_nobody_older);
	tcase_add_test(tc, test_level);
	tcase_add_test(tc, test_root);
	tcase_add_test(tc, test_watchers_stay);
	tcase_add_test(tc, test_strangers);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
