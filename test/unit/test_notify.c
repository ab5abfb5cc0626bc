/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The service manager's socket: by path, abstract, absent, wrong.
 */
#include "lb4/process/notify.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];
static char path[80];

static void
setup(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/lb4-test-notify.XXXXXX",
	    base != NULL ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(directory);
}

/* A socket bound to `name` of `len` bytes, which may begin with a zero. */
static int
bound(const char *name, size_t len)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	memcpy(to.sun_path, name, len);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un,
					     sun_path) +
				 len)),
	    0);
	return fd;
}

static void
expect(int fd, const char *want)
{
	char got[512];
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	ck_assert_int_ge(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, want);
}

START_TEST(test_path)
{
	int fd = bound(path, strlen(path) + 1);

	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(notify_send("READY=1\nSTATUS=%u services", 2U), 1);
	expect(fd, "READY=1\nSTATUS=2 services");
	ck_assert_int_eq(notify_send("STOPPING=1"), 1);
	expect(fd, "STOPPING=1");
	close(fd);
}
END_TEST

START_TEST(test_abstract)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@lb4-test-notify-%ld", (long)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = bound(name, 1 + strlen(name + 1));
	ck_assert_int_eq(notify_send("READY=1"), 1);
	expect(fd, "READY=1");
	close(fd);
}
END_TEST

START_TEST(test_absent)
{
	unsetenv("NOTIFY_SOCKET");
	ck_assert_int_eq(notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	ck_assert_int_eq(notify_send("READY=1"), 0);
}
END_TEST

START_TEST(test_wrong)
{
	char name[200];

	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(notify_send("READY=1"), -ENOENT);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	ck_assert_int_eq(notify_send("READY=1"), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", "@", 1);
	ck_assert_int_eq(notify_send("READY=1"), -EAFNOSUPPORT);
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	ck_assert_int_eq(notify_send("READY=1"), -ENAMETOOLONG);
	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(notify_send("STATUS=%600d", 1), -EMSGSIZE);
}
END_TEST

/* A manager that does not read must not stop us for long. */
START_TEST(test_full)
{
	int fd = bound(path, strlen(path) + 1);
	int sent = 0, result;

	setenv("NOTIFY_SOCKET", path, 1);
	while ((result = notify_send("STATUS=%d", sent)) == 1)
		ck_assert_int_lt(sent++, 100000);
	ck_assert_int_eq(result, -EAGAIN);
	expect(fd, "STATUS=0");
	close(fd);
}
END_TEST

/* The manager closes what it gets when all before has been processed. */
START_TEST(test_barrier)
{
	int fd = bound(path, strlen(path) + 1), status;
	pid_t child;
	char byte;

	unsetenv("NOTIFY_SOCKET");
	ck_assert_int_eq(notify_barrier(60000), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	ck_assert_int_eq(notify_barrier(1), 1); /* does not wait for ever */
	expect(fd, "BARRIER=1");
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	child = fork();
	if (child == 0) /* recv(2) drops the descriptor */
		_exit(recv(fd, &byte, 1, 0) == 1 ? 0 : 1);
	ck_assert_int_eq(notify_barrier(60000), 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	close(fd);
}
END_TEST

static Suite *
notify_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_path);
	tcase_add_test(tc, test_abstract);
	tcase_add_test(tc, test_absent);
	tcase_add_test(tc, test_wrong);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_barrier);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(notify_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
