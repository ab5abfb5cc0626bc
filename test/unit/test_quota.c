/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Each user has its own limit, also when there are many users. */
#include "lb4/command/quota.h"

#include <check.h>
#include <stdlib.h>

START_TEST(test_users)
{
	struct quota quota;

	quota_init(&quota, 2, 1000);
	for (uid_t uid = 0; uid < QUOTA_USERS_MAX; uid++) {
		ck_assert(quota_pass(&quota, uid, 100 + uid));
		ck_assert(quota_pass(&quota, uid, 100 + uid));
		ck_assert(!quota_pass(&quota, uid, 100 + uid));
	}
	ck_assert(!quota_pass(&quota, 0, 500));
	ck_assert(quota_pass(&quota, 0, 1100));

	/* one more: user 1 was seen longest ago */
	ck_assert(quota_pass(&quota, 1000, 600));
	ck_assert(!quota_pass(&quota, 2, 600));
	ck_assert_uint_eq(quota.users, QUOTA_USERS_MAX);
	ck_assert(quota_pass(&quota, 1, 600));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("quota");
	TCase *tc = tcase_create("quota");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_users);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
