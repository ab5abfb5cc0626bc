/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Accepting with and without descriptors: one caller is served by the reserve,
 * for the next ones there is a pause, and epoll says nothing meanwhile. */
#include "common/acceptor.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/loop.h"

#define TAG 7

static struct sockaddr_un addr;
static socklen_t addr_len;
static struct rlimit before;
static struct acceptor acceptor;

/* An abstract address that the kernel chooses: no file. */
static void
setup(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	int epfd = loop_open();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&any,
			     sizeof(any.sun_family)),
	    0);
	addr_len = sizeof(addr);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &addr_len),
	    0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(acceptor_open(&acceptor, epfd, fd, TAG), 0);
}

static void
teardown(void)
{
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	acceptor_done(&acceptor);
	acceptor_done(&acceptor);
	close(acceptor.fd);
	close(acceptor.epfd);
}

static int
call(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, addr_len), 0);
	return fd;
}

/* No more descriptors than there are now. */
static void
exhaust(void)
{
	int next = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	struct rlimit limit = before;

	ck_assert_int_ge(next, 0);
	close(next);
	/* the lowest free one is behind all that are open */
	for (int fd = next + 1; fd < next + 64; fd++)
		ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	limit.rlim_cur = (rlim_t)next;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static bool
is_told(void)
{
	struct epoll_event event;

	return loop_wait(acceptor.epfd, &event, 1, 0) == 1 &&
	    event.data.u64 == TAG;
}

START_TEST(test_plenty)
{
	int caller = call(), fd;

	ck_assert(is_told());
	fd = acceptor_take(&acceptor, 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(acceptor_take(&acceptor, 1), -EAGAIN);
	ck_assert_uint_eq(acceptor.resume_ms, 0);
	acceptor_close(&acceptor, fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	close(caller);
}
END_TEST

START_TEST(test_reserve_and_pause)
{
	int caller[3], first, second;
	char byte;

	for (int i = 0; i < 3; i++)
		caller[i] = call();
	exhaust();
	first = acceptor_take(&acceptor, 1000);
	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(acceptor_take(&acceptor, 1000), -EMFILE);
	ck_assert_uint_eq(acceptor.resume_ms, 1000 + ACCEPTOR_PAUSE_MS);
	ck_assert(!is_told());
	acceptor_turn(&acceptor, 1000 + ACCEPTOR_PAUSE_MS - 1);
	ck_assert(!is_told());
	acceptor_turn(&acceptor, 1000 + ACCEPTOR_PAUSE_MS);
	ck_assert(is_told());
	ck_assert_uint_eq(acceptor.resume_ms, 0);

	/* the first one's descriptor is the reserve, and then the second's */
	acceptor_close(&acceptor, first);
	ck_assert_int_eq(read(caller[0], &byte, 1), 0);
	ck_assert_int_eq(fcntl(first, F_GETFD), FD_CLOEXEC);
	second = acceptor_take(&acceptor, 2000);
	ck_assert_int_eq(second, first);
	acceptor_close(&acceptor, second);

	/* and with descriptors there is one beside the callers again */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	second = acceptor_take(&acceptor, 3000);
	ck_assert_int_ge(second, 0);
	ck_assert_int_ge(acceptor.reserve, 0);
	acceptor_close(&acceptor, second);
	for (int i = 0; i < 3; i++)
		close(caller[i]);
}
END_TEST

START_TEST(test_close_only)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	acceptor_close(NULL, fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("acceptor");
	TCase *tc = tcase_create("acceptor");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_plenty);
	tcase_add_test(tc, test_reserve_and_pause);
	tcase_add_test(tc, test_close_only);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
