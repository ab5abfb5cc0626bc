/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Files of a made-up /proc and /sys in a directory. */
#include "common/proc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "made_root.h"

static char visited[512];

START_TEST(test_text)
{
	char text[16];

	made_root_put("/proc/two", "one line\nand another that is long\n");
	made_root_put("/proc/empty", "");
	ck_assert(proc_line(made_root, "/proc/two", text, sizeof(text)));
	ck_assert_str_eq(text, "one line");
	ck_assert(proc_text(made_root, "/proc/two", text, sizeof(text)));
	ck_assert_str_eq(text, "one line\nand an");
	ck_assert(!proc_line(made_root, "/proc/empty", text, sizeof(text)));
	ck_assert_str_eq(text, "");
	ck_assert(!proc_line(made_root, "/proc/none", text, sizeof(text)));
	ck_assert_str_eq(text, "");
	/* the real one */
	ck_assert(proc_line("", "/proc/self/comm", text, sizeof(text)));
}
END_TEST

START_TEST(test_number)
{
	made_root_put("/proc/sys/net/range", "32768\t60999\n");
	made_root_put("/proc/sys/odd", "max -7 x 12\n99\n");
	ck_assert_int_eq(proc_sysctl(made_root, "net/range", 0), 32768);
	ck_assert_int_eq(proc_sysctl(made_root, "net/range", 1), 60999);
	ck_assert_int_eq(proc_sysctl(made_root, "net/range", 2), PROC_UNKNOWN);
	ck_assert_int_eq(proc_sysctl(made_root, "odd", 0), PROC_UNLIMITED);
	ck_assert_int_eq(proc_sysctl(made_root, "odd", 1), PROC_UNKNOWN);
	ck_assert_int_eq(proc_sysctl(made_root, "odd", 2), PROC_UNKNOWN);
	ck_assert_int_eq(proc_number(made_root, "/proc/sys/odd", 3), 12);
	ck_assert_int_eq(proc_number(made_root, "/proc/sys/odd", 4),
	    PROC_UNKNOWN);
	ck_assert_int_eq(proc_number(made_root, "/proc/none", 0), PROC_UNKNOWN);
}
END_TEST

START_TEST(test_field)
{
	char line[64];

	made_root_put("/proc/self/status", "Name:\tx\nUid:\t7\t8\n");
	ck_assert_str_eq(proc_field(made_root, "/proc/self/status",
			     "Uid:", line, sizeof(line)),
	    "\t7\t8\n");
	ck_assert_ptr_null(proc_field(made_root, "/proc/self/status",
	    "Gid:", line, sizeof(line)));
	ck_assert_ptr_null(proc_field(made_root, "/none", "Gid:", line,
	    sizeof(line)));
}
END_TEST

static void
visit(void *owner, const char *dir, bool v2)
{
	const size_t len = strlen(visited);

	ck_assert_ptr_eq(owner, made_root);
	snprintf(visited + len, sizeof(visited) - len, "%s%s\n", dir,
	    v2 ? " v2" : "");
}

/* Each from the group up to the root; a controller is a whole word. */
START_TEST(test_groups)
{
	proc_groups(made_root, "cpu", visit, made_root);
	ck_assert_str_eq(visited, "");

	made_root_put("/proc/self/cgroup",
	    "5:cpuset:/\n4:cpuacct,cpu:/a\nbad line\n3:memory:/m/n\n0::/x/y\n");
	proc_groups(made_root, "cpu", visit, made_root);
	ck_assert_str_eq(visited,
	    "/sys/fs/cgroup/cpu/a\n/sys/fs/cgroup/cpu\n"
	    "/sys/fs/cgroup/x/y v2\n/sys/fs/cgroup/x v2\n"
	    "/sys/fs/cgroup v2\n");
	visited[0] = '\0';
	proc_groups(made_root, "cpuset", visit, made_root);
	ck_assert_ptr_eq(strstr(visited, "/sys/fs/cgroup/cpuset\n"), visited);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc");
	TCase *tc = tcase_create("proc");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, made_root_setup, made_root_teardown);
	tcase_add_test(tc, test_text);
	tcase_add_test(tc, test_number);
	tcase_add_test(tc, test_field);
	tcase_add_test(tc, test_groups);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
