/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Inherited sockets: what the environment announces, matched by name and by
 * address.  Each test is a process of its own, and puts real sockets where a
 * service manager would.
 */
#include "common/why.h"
#include "lb4/process/inherited.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sock.h"

static struct inherited inherited;
static struct why why;

/* A listener at descriptor `at`; returns its address. */
static struct addr
listener_at(int at)
{
	struct addr addr;
	int fd;

	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:0", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	fd = sock_listen(&addr, false, 1, NULL);
	ck_assert_int_ge(fd, 0);
	if (fd != at) {
		ck_assert_int_eq(dup2(fd, at), at);
		close(fd);
	}
	return addr;
}

/* Puts it into the environment, and has it taken. */
static int
try_announce(const char *pid, const char *count, const char *names)
{
	char own[32];

	snprintf(own, sizeof(own), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid != NULL ? pid : own, 1);
	setenv("LISTEN_FDS", count, 1);
	if (names != NULL)
		setenv("LISTEN_FDNAMES", names, 1);
	else
		unsetenv("LISTEN_FDNAMES");
	return inherited_take(&inherited, &why);
}

static void
announce(const char *pid, const char *count, const char *names)
{
	ck_assert_int_eq(try_announce(pid, count, names), 0);
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
}

/* The first descriptor for that name from *i on; -1: none. */
static int
named(const char *name, size_t *i)
{
	struct inherited_socket *socket;
	struct addr addr;

	ck_assert_int_eq(addr_set_inherited(&addr, name), 0);
	socket = inherited_find(&inherited, &addr, i);
	return socket != NULL ? socket->fd : -1;
}

/* Takes descriptors 3 to 9, before check has its own there. */
static void
keep_free(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd < 9);
}

START_TEST(by_name_and_address)
{
	struct addr first = listener_at(3), second, third;
	struct inherited_socket *socket;
	size_t i = 0;

	second = listener_at(4);
	third = listener_at(5);
	announce(NULL, "3", "web:other:web");
	ck_assert_uint_eq(inherited.count, 3);
	ck_assert_int_eq(named("web", &i), 3);
	ck_assert_int_eq(named("web", &i), 5);
	ck_assert_int_eq(named("web", &i), -1);
	i = 0;
	socket = inherited_find(&inherited, &second, &i);
	ck_assert_ptr_nonnull(socket);
	ck_assert_int_eq(socket->fd, 4);
	ck_assert_int_ne(fcntl(4, F_GETFD) & FD_CLOEXEC, 0);

	/* what a service has taken is not found again, nor closed */
	socket->fd = -1;
	i = 0;
	ck_assert_ptr_null(inherited_find(&inherited, &second, &i));
	i = 0;
	ck_assert_ptr_nonnull(inherited_find(&inherited, &first, &i));
	inherited_close_rest(&inherited);
	ck_assert_int_eq(fcntl(3, F_GETFD), -1);
	ck_assert_int_ge(fcntl(4, F_GETFD), 0);
	ck_assert_int_eq(fcntl(5, F_GETFD), -1);
	i = 0;
	ck_assert_ptr_null(inherited_find(&inherited, &third, &i));
	inherited_done(&inherited);
	close(4);
}
END_TEST

START_TEST(names_that_lack)
{
	size_t i = 0;

	(void)listener_at(3);
	(void)listener_at(4);
	(void)listener_at(5);
	ck_assert_int_eq(try_announce(NULL, "3", "web:web"), -EINVAL);
	ck_assert_str_eq(why.text,
	    "LISTEN_FDNAMES has 2 names for 3 descriptors");
	announce(NULL, "3", "web:no name:");
	ck_assert_int_eq(named("web", &i), 3);
	i = 0;
	ck_assert_int_eq(named("unknown", &i), 4);
	ck_assert_int_eq(named("unknown", &i), 5);
	inherited_done(&inherited);
	ck_assert_int_eq(fcntl(3, F_GETFD), -1);
}
END_TEST

/* Descriptors that were announced and are something else. */
START_TEST(other_things)
{
	size_t i = 0;
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(dup2(file, 3), 3);
	close(4);
	(void)listener_at(5);
	announce(NULL, "3", "a:a:a");
	ck_assert_int_eq(inherited.socket[0].error, -ENOTSOCK);
	ck_assert_int_eq(inherited.socket[1].error, -EBADF);
	ck_assert_int_eq(inherited.socket[1].fd, -1);
	ck_assert_uint_eq(inherited.missing, 1);
	ck_assert_int_eq(named("a", &i), 5);
	/* what was not open is somebody else's by now, and is left alone */
	ck_assert_int_eq(dup2(file, 4), 4);
	inherited_close_rest(&inherited);
	ck_assert_int_eq(fcntl(3, F_GETFD), -1);
	ck_assert_int_ge(fcntl(4, F_GETFD), 0);
	inherited_done(&inherited);
	ck_assert_int_ge(fcntl(4, F_GETFD), 0);
}
END_TEST

/* What lb4 has stored: found by address, whatever it is called. */
START_TEST(stored)
{
	struct addr first = listener_at(3), second = listener_at(4);
	struct inherited_socket *socket;
	size_t i = 0;

	announce(NULL, "2", "lb4,127.0.0.1,1:web");
	ck_assert_str_eq(inherited.socket[0].stored, "lb4,127.0.0.1,1");
	ck_assert_uint_ne(inherited.socket[0].ino, 0);
	ck_assert_ptr_null(inherited.socket[1].stored);
	ck_assert_int_eq(named("lb4,127.0.0.1,1", &i), -1);
	i = 0;
	socket = inherited_find(&inherited, &first, &i);
	ck_assert_ptr_nonnull(socket);
	ck_assert_int_eq(socket->fd, 3);
	i = 0;
	ck_assert_ptr_nonnull(inherited_find(&inherited, &second, &i));
	inherited_close_rest(&inherited);
	ck_assert_int_eq(fcntl(3, F_GETFD), -1);
	inherited_done(&inherited);
}
END_TEST

/* What is open beside what was announced is closed, once that is asked for. */
START_TEST(strays)
{
	int file = open("/dev/null", O_RDONLY);
	int stray = fcntl(file, F_DUPFD, 40);
	int own = fcntl(file, F_DUPFD_CLOEXEC, 50); /* lb4 has opened it */

	(void)listener_at(3);
	announce(NULL, "1", NULL);
	ck_assert_int_ge(fcntl(stray, F_GETFD), 0);
	ck_assert_int_ne(fcntl(stray, F_GETFD) & FD_CLOEXEC, 0);
	inherited_close_strays(&inherited);
	ck_assert_int_eq(fcntl(stray, F_GETFD), -1);
	ck_assert_int_ge(fcntl(own, F_GETFD), 0);
	ck_assert_int_ge(fcntl(3, F_GETFD), 0);
	ck_assert_int_ge(fcntl(2, F_GETFD), 0);
	inherited_done(&inherited);
}
END_TEST

START_TEST(not_for_us)
{
	static const char *const counts[] = { "-1", "x", "", "1x", "5000",
		"99999999999" };

	(void)listener_at(3);
	announce("1", "1", "web");
	ck_assert_uint_eq(inherited.count, 0);
	inherited_done(&inherited);
	announce("x", "1", "web");
	ck_assert_uint_eq(inherited.count, 0);
	inherited_done(&inherited);
	announce(NULL, "0", "");
	ck_assert_uint_eq(inherited.count, 0);
	inherited_done(&inherited);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		ck_assert_int_eq(try_announce(NULL, counts[i], "web"), -EINVAL);
		ck_assert_uint_eq(inherited.count, 0);
	}
	unsetenv("LISTEN_FDS");
	ck_assert_int_ge(fcntl(3, F_GETFD), 0);
	ck_assert_int_eq(inherited_take(&inherited, &why), 0);
	ck_assert_uint_eq(inherited.count, 0);
	inherited_close_rest(&inherited);
	inherited_done(&inherited);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("inherited");
	TCase *tcase = tcase_create("inherited");
	SRunner *runner;
	int failed;

	keep_free();
	tcase_add_test(tcase, by_name_and_address);
	tcase_add_test(tcase, names_that_lack);
	tcase_add_test(tcase, other_things);
	tcase_add_test(tcase, stored);
	tcase_add_test(tcase, strays);
	tcase_add_test(tcase, not_for_us);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
