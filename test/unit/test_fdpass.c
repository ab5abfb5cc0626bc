/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Descriptors on their way to another process: none gets lost, left open or
 * inherited, whatever the receiver has room for.
 */
#include "common/fdpass.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int pair[2];

static void
setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     pair),
	    0);
}

static void
teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

/* How many descriptors this process has. */
static unsigned
open_fds(void)
{
	unsigned open = 0;

	for (int fd = 0; fd < 1024; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	return open;
}

/* Sends "text" with descriptors of /dev/null, which are closed here. */
static void
send_some(unsigned fds)
{
	const struct iovec bytes = { .iov_base = (char[]){ "text" },
		.iov_len = 4 };
	int fd[FDPASS_MAX] = { -1 };

	for (unsigned i = 0; i < fds; i++)
		fd[i] = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(fdpass_send(pair[0], bytes, fd, fds, 0), 0);
	for (unsigned i = 0; i < fds; i++)
		close(fd[i]);
}

/* Receives up to `size` bytes and `room` descriptors, which are closed.
 * Returns what fdpass_receive() does. */
static ssize_t
receive_some(size_t size, unsigned room, unsigned *fds)
{
	char text[64] = "";
	int fd[FDPASS_MAX + 1];
	struct fdpass message = { text, size, fd, room, 99 };
	ssize_t n;

	for (unsigned i = 0; i <= FDPASS_MAX; i++)
		fd[i] = -2;
	n = fdpass_receive(pair[1], &message, MSG_DONTWAIT);
	if (n != 0 && n != -EAGAIN)
		ck_assert_int_eq(memcmp(text, "text", size < 4 ? size : 4), 0);
	for (unsigned i = 0; i < message.fds; i++) {
		ck_assert_int_eq(fcntl(fd[i], F_GETFD), FD_CLOEXEC);
		close(fd[i]);
	}
	ck_assert_int_eq(fd[room], -2); /* nothing behind the room */
	*fds = message.fds;
	return n;
}

START_TEST(all_come)
{
	static const unsigned counts[] = { 0, 1, 2, 3, 6, FDPASS_MAX };
	const unsigned before = open_fds();
	unsigned fds;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		send_some(counts[i]);
		ck_assert_int_eq(receive_some(64, counts[i], &fds), 4);
		ck_assert_uint_eq(fds, counts[i]);
	}
	send_some(1); /* more room than needed */
	ck_assert_int_eq(receive_some(64, 6, &fds), 4);
	ck_assert_uint_eq(fds, 1);
	ck_assert_int_eq(receive_some(64, 6, &fds), -EAGAIN);
	ck_assert_uint_eq(fds, 0);
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

/* An odd room: the padding behind it has space for one descriptor more. */
START_TEST(too_many)
{
	const unsigned before = open_fds();
	unsigned fds;

	for (unsigned room = 0; room < 4; room++) {
		send_some(room + 1);
		ck_assert_int_eq(receive_some(64, room, &fds), -EMSGSIZE);
		ck_assert_uint_eq(fds, 0);
		ck_assert_uint_eq(open_fds(), before);
	}
	send_some(2); /* the bytes do not fit */
	ck_assert_int_eq(receive_some(3, 2, &fds), -EMSGSIZE);
	ck_assert_uint_eq(fds, 0);
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(no_descriptor_left)
{
	struct rlimit limit, few;
	unsigned before, fds;
	int last;

	send_some(4);
	before = open_fds();
	last = dup(pair[0]);
	close(last);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = (rlim_t)last + 2; /* two of them fit */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_int_eq(receive_some(64, 4, &fds), -EMFILE);
	ck_assert_uint_eq(fds, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(open_fds(), before);
	send_some(4);
	ck_assert_int_eq(receive_some(64, 4, &fds), 4);
	ck_assert_uint_eq(fds, 4);
}
END_TEST

/* What is not whole leaves nothing for the next message. */
START_TEST(next_is_whole)
{
	unsigned fds;

	send_some(5);
	send_some(2);
	ck_assert_int_eq(receive_some(64, 2, &fds), -EMSGSIZE);
	ck_assert_int_eq(receive_some(64, 2, &fds), 4);
	ck_assert_uint_eq(fds, 2);
}
END_TEST

static void
on_alarm(int number)
{
	(void)number;
}

/* A signal does not interrupt, the end of the stream is 0, and a reader that
 * has gone is an error and no SIGPIPE. */
START_TEST(ends)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct iovec byte = { .iov_base = (char[]){ "x" }, .iov_len = 1 };
	char text[8];
	struct fdpass message = { .data = text, .size = sizeof(text) };
	const pid_t parent = getpid();
	pid_t child;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	child = fork();
	if (child == 0) {
		close(pair[1]);
		for (int i = 0; i < 20; i++) {
			kill(parent, SIGUSR1);
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 },
			    NULL);
		}
		_exit(0); /* closes the last sending end */
	}
	close(pair[0]);
	ck_assert_int_eq(fdpass_receive(pair[1], &message, 0), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(fdpass_send(pair[1], byte, NULL, 0, 0), -EPIPE);
	pair[0] = -1;
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fdpass");
	TCase *tests = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, all_come);
	tcase_add_test(tests, too_many);
	tcase_add_test(tests, no_descriptor_left);
	tcase_add_test(tests, next_is_whole);
	tcase_add_test(tests, ends);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
