/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Tags survive the way through the kernel; adding, changing and removing do
 * what they say, and a signal is no error.
 */
#include "common/loop.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/timer.h"

/* Long enough to tell from an event that comes at once. */
#define LONG_MS 10000

struct pair {
	int epfd;
	int fd[2];
};

static struct pair
pair_open(void)
{
	struct pair pair = { .epfd = loop_open() };

	ck_assert_int_ge(pair.epfd, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     pair.fd),
	    0);
	return pair;
}

static void
pair_close(struct pair *pair)
{
	close(pair->epfd);
	close(pair->fd[0]);
	close(pair->fd[1]);
}

START_TEST(test_tags)
{
	static const uint32_t indexes[] = { 0, 1, 0xfffff, (1 << 28) - 1 };
	static const uint32_t generations[] = { 0, 1, 1u << 31, UINT32_MAX };

	for (unsigned kind = 0; kind < 16; kind++)
		for (int i = 0; i < 4; i++)
			for (int g = 0; g < 4; g++) {
				uint64_t tag = loop_tag(kind, indexes[i],
				    generations[g]);

				ck_assert_uint_eq(loop_tag_kind(tag), kind);
				ck_assert_uint_eq(loop_tag_index(tag),
				    indexes[i]);
				ck_assert_uint_eq(loop_tag_generation(tag),
				    generations[g]);
			}
}
END_TEST

START_TEST(test_events)
{
	struct pair pair = pair_open();
	struct epoll_event events[4];
	uint64_t tag = loop_tag(15, 12345, UINT32_MAX);

	ck_assert_int_ne(fcntl(pair.epfd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(loop_wait(pair.epfd, events, 4, 0), 0);
	ck_assert_int_eq(loop_add(pair.epfd, pair.fd[0], EPOLLIN, tag), 0);
	ck_assert_int_eq(loop_add(pair.epfd, pair.fd[0], EPOLLIN, tag),
	    -EEXIST);
	ck_assert_int_eq(loop_wait(pair.epfd, events, 4, 0), 0);
	ck_assert_int_eq(write(pair.fd[1], "x", 1), 1);
	ck_assert_int_eq(loop_wait(pair.epfd, events, 4, LONG_MS), 1);
	ck_assert_uint_eq(events[0].events, EPOLLIN);
	ck_assert_uint_eq(events[0].data.u64, tag);

	/* Another tag, other events. */
	ck_assert_int_eq(loop_modify(pair.epfd, pair.fd[0], EPOLLOUT, 7), 0);
	ck_assert_int_eq(loop_wait(pair.epfd, events, 4, LONG_MS), 1);
	ck_assert_uint_eq(events[0].events, EPOLLOUT);
	ck_assert_uint_eq(events[0].data.u64, 7);

	ck_assert_int_eq(loop_remove(pair.epfd, pair.fd[0]), 0);
	ck_assert_int_eq(loop_wait(pair.epfd, events, 4, 0), 0);
	ck_assert_int_eq(loop_remove(pair.epfd, pair.fd[0]), -ENOENT);
	ck_assert_int_eq(loop_modify(pair.epfd, pair.fd[0], EPOLLIN, 0),
	    -ENOENT);
	pair_close(&pair);
}
END_TEST

START_TEST(test_edge_triggered)
{
	struct pair pair = pair_open();
	struct epoll_event events[4];

	ck_assert_int_eq(loop_add(pair.epfd, pair.fd[0], EPOLLIN | EPOLLET, 1),
	    0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(write(pair.fd[1], "x", 1), 1);
		ck_assert_int_eq(loop_wait(pair.epfd, events, 4, LONG_MS), 1);
		ck_assert_int_eq(loop_wait(pair.epfd, events, 4, 0), 0);
	}
	pair_close(&pair);
}
END_TEST

START_TEST(test_count_is_obeyed)
{
	struct pair pair = pair_open();
	struct epoll_event events[2] = { { .data.u64 = 0 }, { .data.u64 = 0 } };

	ck_assert_int_eq(loop_add(pair.epfd, pair.fd[0], EPOLLOUT, 1), 0);
	ck_assert_int_eq(loop_add(pair.epfd, pair.fd[1], EPOLLOUT, 2), 0);
	ck_assert_int_eq(loop_wait(pair.epfd, events, 1, LONG_MS), 1);
	ck_assert_uint_eq(events[1].data.u64, 0);
	ck_assert_int_eq(loop_wait(pair.epfd, events, 2, LONG_MS), 2);
	ck_assert_uint_eq(events[0].data.u64 + events[1].data.u64, 3);
	pair_close(&pair);
}
END_TEST

static volatile sig_atomic_t alarms;

static void
on_alarm(int number)
{
	(void)number;
	alarms = 1;
}

/* The alarm repeats, in case the first one comes before the wait. */
START_TEST(test_signal_is_no_error)
{
	struct sigaction action = { .sa_handler = on_alarm,
		.sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct epoll_event event;
	int epfd = loop_open();

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	ck_assert_int_eq(loop_wait(epfd, &event, 1, -1), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	ck_assert_int_eq(alarms, 1);
	close(epfd);
}
END_TEST

START_TEST(test_errors)
{
	struct epoll_event event;
	int epfd = loop_open();

	ck_assert_int_eq(loop_add(epfd, -1, EPOLLIN, 0), -EBADF);
	ck_assert_int_eq(loop_wait(-1, &event, 1, 0), -EBADF);
	ck_assert_int_eq(loop_wait(epfd, &event, 0, 0), -EINVAL);
	close(epfd);
}
END_TEST

/* The loop's own time, on a clock of the test's own. */
START_TEST(test_own_time)
{
	struct loop_clock clock;

	loop_clock_start(&clock, 1000);
	/* woken by an event, or at the end of the wait: no gap */
	ck_assert_uint_eq(loop_clock_look(&clock, 1010, 500), 0);
	ck_assert_uint_eq(loop_clock_look(&clock, 1510, 500), 0);
	ck_assert_uint_eq(clock.own_ms, 1510);
	/* one turn may take a moment */
	ck_assert_uint_eq(loop_clock_look(&clock, 1510 + LOOP_LOOK_MS, 0), 0);
	ck_assert_uint_eq(clock.own_ms, 1510 + LOOP_LOOK_MS);
	/* for ever is no gap, however long */
	ck_assert_uint_eq(loop_clock_look(&clock, 100000, -1), 0);
	ck_assert_uint_eq(clock.own_ms, 100000);

	/* stopped for 5 s, in a wait and in a turn */
	ck_assert_uint_eq(loop_clock_look(&clock, 105100, 100), 5000);
	ck_assert_uint_eq(clock.own_ms, 100100);
	ck_assert_uint_eq(loop_clock_look(&clock, 110100 + LOOP_LOOK_MS, 0),
	    5000);
	ck_assert_uint_eq(clock.own_ms, 100100 + LOOP_LOOK_MS);
	ck_assert_uint_eq(clock.now_ms, 110100 + LOOP_LOOK_MS);

	/* a clock that goes back stands still */
	ck_assert_uint_eq(loop_clock_look(&clock, 5, 100), 0);
	ck_assert_uint_eq(clock.own_ms, 100100 + LOOP_LOOK_MS);
}
END_TEST

/* However slow its turns are, the loop's own time goes on. */
START_TEST(test_own_time_goes_on)
{
	struct loop_clock clock;

	loop_clock_start(&clock, 0);
	for (uint64_t i = 1; i <= 100; i++)
		(void)loop_clock_look(&clock, i * 1000, 0);
	ck_assert_uint_eq(clock.own_ms, 100 * LOOP_LOOK_MS);
}
END_TEST

START_TEST(test_sooner)
{
	ck_assert_int_eq(loop_sooner(-1, -1), -1);
	ck_assert_int_eq(loop_sooner(-1, 7), 7);
	ck_assert_int_eq(loop_sooner(7, -1), 7);
	ck_assert_int_eq(loop_sooner(7, 0), 0);
}
END_TEST

START_TEST(test_gap)
{
	/* on time; early; back in time; no time was set */
	ck_assert_uint_eq(loop_gap(1000, 50, 1050), 0);
	ck_assert_uint_eq(loop_gap(1000, 50, 1001), 0);
	ck_assert_uint_eq(loop_gap(1000, 50, 900), 0);
	ck_assert_uint_eq(loop_gap(1000, -1, 90000), 0);
	/* late; a turn may take a moment */
	ck_assert_uint_eq(loop_gap(1000, 50, 1051), 1);
	ck_assert_uint_eq(loop_gap(1000, 0, 1000 + LOOP_LOOK_MS), 0);
	ck_assert_uint_eq(loop_gap(1000, 0, 6000), 5000 - LOOP_LOOK_MS);
}
END_TEST

/* Waits for an event of fd within so much own time; as an exit status. */
static int
wait_in_child(int fd, unsigned within_ms)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	struct loop_clock clock;
	uint64_t until_ms;

	loop_clock_start(&clock, timer_now_ms());
	until_ms = clock.own_ms + within_ms;
	return loop_poll(&clock, &polled, 1, until_ms) == 1 ? 0 : 1;
}

static void
nap(unsigned ms)
{
	const struct timespec time = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L,
	};

	nanosleep(&time, NULL);
}

/* A process that is stopped for longer than it would wait still waits after
 * that. */
START_TEST(test_poll_after_a_pause)
{
	const unsigned within_ms = 500;
	struct pair pair = pair_open();
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(wait_in_child(pair.fd[0], within_ms));
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	nap(2 * within_ms);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	nap(within_ms / 5);
	ck_assert_int_eq(write(pair.fd[1], "x", 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	pair_close(&pair);
}
END_TEST

START_TEST(test_poll_times_out)
{
	struct pair pair = pair_open();
	struct pollfd polled = { .fd = pair.fd[0], .events = POLLIN };
	struct loop_clock clock;
	const uint64_t before_ms = timer_now_ms();

	loop_clock_start(&clock, before_ms);
	ck_assert_int_eq(loop_poll(&clock, &polled, 1, clock.own_ms + 60), 0);
	ck_assert_uint_ge(timer_now_ms() - before_ms, 60);
	/* a time that is over: what is there, and no wait */
	ck_assert_int_eq(loop_poll(&clock, &polled, 1, 0), 0);
	ck_assert_int_eq(write(pair.fd[1], "x", 1), 1);
	ck_assert_int_eq(loop_poll(&clock, &polled, 1, 0), 1);
	pair_close(&pair);
}
END_TEST

static Suite *
loop_suite(void)
{
	Suite *suite = suite_create("loop");
	TCase *tc = tcase_create("loop");

	tcase_add_test(tc, test_tags);
	tcase_add_test(tc, test_own_time);
	tcase_add_test(tc, test_own_time_goes_on);
	tcase_add_test(tc, test_sooner);
	tcase_add_test(tc, test_events);
	tcase_add_test(tc, test_edge_triggered);
	tcase_add_test(tc, test_count_is_obeyed);
	tcase_add_test(tc, test_signal_is_no_error);
	tcase_add_test(tc, test_errors);
	tcase_add_test(tc, test_gap);
	tcase_add_test(tc, test_poll_after_a_pause);
	tcase_add_test(tc, test_poll_times_out);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(loop_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
