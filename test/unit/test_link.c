/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The link between two processes: descriptors that arrive, and that do not. */
#include "lb4/handover/link.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/timer.h"
#include "lb4/handover/records.h"

static struct link ours, theirs;

static void
setup(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     ends),
	    0);
	ours = (struct link){ .fd = ends[0] };
	theirs = (struct link){ .fd = ends[1] };
}

static void
teardown(void)
{
	link_drop_fds(&theirs);
	(void)close(ours.fd);
	(void)close(theirs.fd);
}

/* Sends a step with that many descriptors. */
static void
send_with(unsigned fds)
{
	static const struct handover_step step = { .name = "go" };
	int fd[LINK_FDS_MAX];

	ck_assert_uint_le(fds, LINK_FDS_MAX);
	for (unsigned i = 0; i < fds; i++)
		fd[i] = STDIN_FILENO;
	ck_assert_int_eq(link_send_fds(&ours, &handover_step_kind, &step, fd,
			     fds),
	    0);
}

/* The lowest number that is free. */
static int
next_fd(void)
{
	const int fd = dup(STDIN_FILENO), number = fd;

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	return number;
}

/* As many as the kernel sends: a newer version may do so. */
START_TEST(many_descriptors)
{
	const int before = next_fd();
	int fd;

	send_with(LINK_FDS_MAX);
	ck_assert_int_eq(link_receive(&theirs, link_deadline(&theirs, 1000)),
	    0);
	ck_assert(link_is(&theirs, &handover_step_kind));
	ck_assert_uint_eq(theirs.in_fds, LINK_FDS_MAX);
	fd = link_take_fd(&theirs, 1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(link_take_fd(&theirs, 1), -1);
	ck_assert_int_eq(link_take_fd(&theirs, LINK_FDS_MAX), -1);
	(void)close(fd);
	link_drop_fds(&theirs);
	ck_assert_int_eq(next_fd(), before);
}
END_TEST

/* Those that arrive are closed as well. */
START_TEST(no_descriptor_left)
{
	const int before = next_fd();
	struct rlimit limit, low;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)before + 2;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	send_with(4);
	ck_assert_int_eq(link_receive(&theirs, link_deadline(&theirs, 1000)),
	    -EMFILE);
	send_with(0);
	ck_assert_int_eq(link_receive(&theirs, link_deadline(&theirs, 1000)),
	    0);
	ck_assert_int_eq(next_fd(), before);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
END_TEST

/* What a process has said is read after its end; with a deadline that has
 * passed, what is there is read, and nothing else is waited for. */
START_TEST(last_words)
{
	send_with(0);
	send_with(0);
	ck_assert_int_eq(link_receive(&theirs, link_deadline(&theirs, 0)), 0);
	ck_assert_int_eq(link_receive(&theirs, link_deadline(&theirs, 0)), 0);
	ck_assert_int_eq(link_receive(&theirs, link_deadline(&theirs, 0)),
	    -ETIMEDOUT);
	send_with(1);
	(void)shutdown(ours.fd, SHUT_RDWR);
	ck_assert_int_eq(link_receive(&theirs, LINK_FOREVER), 0);
	ck_assert_int_eq(link_receive(&theirs, LINK_FOREVER), -EPIPE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link");
	TCase *tc = tcase_create("link");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, many_descriptors);
	tcase_add_test(tc, no_descriptor_left);
	tcase_add_test(tc, last_words);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
