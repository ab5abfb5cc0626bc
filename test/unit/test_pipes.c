/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A worker's stock of pipes: bounds, sizes, budgets, and what is not taken back. */
#include "lb4/engine/pipes.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define WANT (256 * 1024)
#define NOBODY 65534

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

START_TEST(gives_what_it_promises)
{
	struct pipes pipes;
	struct pipe *pipe;

	ck_assert_int_eq(pipes_init(&pipes, 2, WANT, 0), 0);
	ck_assert_ptr_nonnull(pipe = pipes_get(&pipes, 0));
	ck_assert_uint_ge(pipe->size, PIPE_SIZE_MIN);
	ck_assert_int_eq((int)pipe->size, fcntl(pipe->in, F_GETPIPE_SZ));
	ck_assert_int_ne(fcntl(pipe->in, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_ne(fcntl(pipe->out, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(pipe->in, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(write(pipe->in, "x", 1), 1);
	pipes_kill(&pipes, pipe);
	pipes_done(&pipes);
}
END_TEST

START_TEST(is_bounded)
{
	struct pipes pipes;
	struct pipe *pipe[4], last;

	ck_assert_int_eq(pipes_init(&pipes, 3, WANT, 0), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(pipe[i] = pipes_get(&pipes, 0));
	ck_assert_ptr_null(pipes_get(&pipes, 0));
	ck_assert_uint_eq(pipes.refused, 1);
	ck_assert_uint_eq(pipes.open, 3);

	/* the last one that came is the first to go: it is warm */
	last = *pipe[1];
	pipes_put(&pipes, pipe[0]);
	pipes_put(&pipes, pipe[1]);
	ck_assert_ptr_nonnull(pipe[3] = pipes_get(&pipes, 0));
	ck_assert_int_eq(pipe[3]->in, last.in);
	ck_assert_int_eq(pipe[3]->out, last.out);
	pipes_put(&pipes, pipe[3]);
	pipes_put(&pipes, pipe[2]);
	ck_assert_uint_eq(pipes.stocked, 3);
	ck_assert_uint_eq(pipes.open, 3);
	pipes_done(&pipes);
	ck_assert(!is_open(last.in));
	ck_assert(!is_open(last.out));
}
END_TEST

/* Fewer than there are: those in stock go at once, the others when they come
 * back; more than ever: the stock has room for them. */
START_TEST(limits_that_change)
{
	struct pipes pipes;
	struct pipe *pipe[6];

	ck_assert_int_eq(pipes_init(&pipes, 3, WANT, 0), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(pipe[i] = pipes_get(&pipes, 0));
	pipes_put(&pipes, pipe[0]);
	pipes_resize(&pipes, 1, 0);
	ck_assert_uint_eq(pipes.stocked, 0);
	ck_assert_uint_eq(pipes.open, 2);
	pipes_put(&pipes, pipe[1]);
	ck_assert_uint_eq(pipes.open, 1);
	pipes_put(&pipes, pipe[2]);
	ck_assert_uint_eq(pipes.stocked, 1);

	pipes_resize(&pipes, 6, 2);
	ck_assert_int_eq(pipes.big_left, 2);
	for (int i = 0; i < 6; i++)
		ck_assert_ptr_nonnull(pipe[i] = pipes_get(&pipes, 0));
	for (int i = 0; i < 6; i++)
		pipes_put(&pipes, pipe[i]);
	ck_assert_uint_eq(pipes.stocked, 6);
	pipes_done(&pipes);
}
END_TEST

START_TEST(none_at_all)
{
	struct pipes pipes;

	ck_assert_int_eq(pipes_init(&pipes, 0, WANT, 0), 0);
	ck_assert_ptr_null(pipes_get(&pipes, 0));
	ck_assert_uint_eq(pipes.refused, 1);
	pipes_done(&pipes);
}
END_TEST

START_TEST(dirty_ones_are_not_kept)
{
	struct pipes pipes;
	struct pipe *pipe, before;

	ck_assert_int_eq(pipes_init(&pipes, 1, WANT, 0), 0);
	ck_assert_ptr_nonnull(pipe = pipes_get(&pipes, 0));
	before = *pipe;
	ck_assert_int_eq(write(pipe->in, "stale", 5), 5);
	pipes_kill(&pipes, pipe);
	ck_assert(!is_open(before.in));
	ck_assert(!is_open(before.out));
	ck_assert_uint_eq(pipes.open, 0);
	/* its place is free */
	ck_assert_ptr_nonnull(pipe = pipes_get(&pipes, 0));
	ck_assert_int_eq(read(pipe->out, &before, 1), -1);
	pipes_kill(&pipes, pipe);
	pipes_done(&pipes);
}
END_TEST

START_TEST(enlarges_as_many_as_it_may)
{
	struct pipes pipes;
	struct pipe *pipe[3];

	ck_assert_int_eq(pipes_init(&pipes, 3, WANT, 2), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(pipe[i] = pipes_get(&pipes, 0));
	ck_assert_uint_ge(pipe[0]->size, WANT);
	ck_assert_uint_ge(pipe[1]->size, WANT);
	ck_assert_uint_lt(pipe[2]->size, WANT);
	ck_assert_int_eq(pipes.big_left, 0);
	/* what a big one had is there for another */
	pipes_kill(&pipes, pipe[2]);
	ck_assert_int_eq(pipes.big_left, 0);
	pipes_kill(&pipes, pipe[0]);
	ck_assert_int_eq(pipes.big_left, 1);
	ck_assert_ptr_nonnull(pipe[0] = pipes_get(&pipes, 0));
	ck_assert_uint_ge(pipe[0]->size, WANT);
	pipes_kill(&pipes, pipe[0]);
	pipes_kill(&pipes, pipe[1]);
	pipes_done(&pipes);
}
END_TEST

START_TEST(stops_asking_for_big_ones)
{
	struct pipes pipes;
	struct pipe *pipe;

	/* more than any kernel gives anybody */
	ck_assert_int_eq(pipes_init(&pipes, 3, 1U << 31, 3), 0);
	ck_assert_ptr_nonnull(pipe = pipes_get(&pipes, 0));
	ck_assert_uint_eq(pipe->size, PIPE_SIZE_MIN);
	ck_assert_int_eq(pipes.big_left, 0);
	pipes_put(&pipes, pipe);
	pipes_done(&pipes);
}
END_TEST

START_TEST(out_of_descriptors)
{
	struct rlimit before, none = { 3, 0 };
	struct pipes pipes;
	struct pipe *pipe;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	ck_assert_int_eq(pipes_init(&pipes, 3, WANT, 0), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_ptr_null(pipes_get(&pipes, 1000));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_uint_eq(pipes.open, 0);
	/* the kernel is not asked for each conn, but now and then */
	ck_assert_ptr_null(pipes_get(&pipes, 1001));
	ck_assert_uint_eq(pipes.refused, 2);
	ck_assert_ptr_nonnull(pipe = pipes_get(&pipes, 11000));
	/* and what comes back is there at once */
	pipes_put(&pipes, pipe);
	pipes.retry_ms = 20000;
	ck_assert_ptr_nonnull(pipe = pipes_get(&pipes, 11001));
	pipes_put(&pipes, pipe);
	pipes_done(&pipes);
}
END_TEST

START_TEST(pipes_that_move)
{
	struct pipes from, to;
	struct pipe *pipe[3];

	ck_assert_int_eq(pipes_init(&from, 2, WANT, 0), 0);
	ck_assert_int_eq(pipes_init(&to, 2, WANT, 0), 0);
	ck_assert_ptr_nonnull(pipe[0] = pipes_get(&from, 0));
	ck_assert_ptr_nonnull(pipe[1] = pipes_get(&to, 0));
	ck_assert_ptr_nonnull(pipe[2] = pipes_get(&to, 0));
	pipes_emigrate(&from, pipe[0]);
	pipes_immigrate(&to, pipe[0]);
	ck_assert_uint_eq(from.open, 0);
	ck_assert_uint_eq(to.open, 3);
	/* one too many: the first that comes back is closed */
	pipes_put(&to, pipe[0]);
	ck_assert_uint_eq(to.open, 2);
	ck_assert_uint_eq(to.stocked, 0);
	pipes_put(&to, pipe[1]);
	pipes_put(&to, pipe[2]);
	ck_assert_uint_eq(to.stocked, 2);
	pipes_done(&from);
	pipes_done(&to);
}
END_TEST

/* A big pipe takes its part of the budget along. */
START_TEST(big_pipes_that_move)
{
	struct pipes from, to;
	struct pipe *pipe[2];

	ck_assert_int_eq(pipes_init(&from, 2, WANT, 1), 0);
	ck_assert_int_eq(pipes_init(&to, 2, WANT, 1), 0);
	ck_assert_ptr_nonnull(pipe[0] = pipes_get(&from, 0));
	ck_assert_ptr_nonnull(pipe[1] = pipes_get(&to, 0));
	ck_assert_uint_ge(pipe[0]->size, WANT);
	ck_assert_int_eq(from.big_left, 0);
	pipes_emigrate(&from, pipe[0]);
	pipes_immigrate(&to, pipe[0]);
	ck_assert_int_eq(from.big_left, 1);
	ck_assert_int_eq(to.big_left, -1);
	/* one too many: it is closed, and no place is gained */
	pipes_put(&to, pipe[0]);
	ck_assert_int_eq(to.big_left, 0);
	ck_assert_uint_eq(to.open, 1);
	pipes_put(&to, pipe[1]);
	ck_assert_uint_eq(to.stocked, 1);
	/* as with a limit that shrinks */
	pipes_resize(&to, 2, 0);
	ck_assert_int_eq(to.big_left, -1);
	ck_assert_ptr_nonnull(pipe[1] = pipes_get(&to, 0));
	pipes_put(&to, pipe[1]);
	ck_assert_int_eq(to.big_left, 0);
	ck_assert_uint_eq(to.open, 0);
	pipes_done(&from);
	pipes_done(&to);
}
END_TEST

static uint64_t
soft_pages(void)
{
	FILE *file = fopen("/proc/sys/fs/pipe-user-pages-soft", "re");
	unsigned long pages = 0;

	if (file != NULL) {
		if (fscanf(file, "%lu", &pages) != 1)
			pages = 0;
		(void)fclose(file);
	}
	return pages;
}

/* With all of them open, the user has pages left. */
START_TEST(budget)
{
	const uint64_t soft = soft_pages();
	const unsigned maxes[] = { 1, 16, 64, 256, 512, 4000, 100000 };
	unsigned max, workers;
	uint64_t big;

	for (size_t i = 0; i < sizeof(maxes) / sizeof(maxes[0]); i++) {
		max = maxes[i];
		for (workers = 1; workers <= 64; workers *= 4) {
			ck_assert_uint_eq(pipes_big_budget(max, WANT, workers,
					      true),
			    max);
			big = pipes_big_budget(max, WANT, workers, false);
			if (soft == 0) {
				ck_assert_uint_eq(big, max);
				continue;
			}
			/* 16 pages a pipe, 64 a big one */
			if (big > 0)
				ck_assert_uint_le(workers *
					((uint64_t)max * 16 + big * 48),
				    soft);
			ck_assert_uint_eq(pipes_big_budget(max, PIPE_SIZE_MIN,
					      workers, false),
			    0);
		}
	}
	ck_assert_uint_gt(pipes_big_budget(8, WANT, 2, false), 0);
}
END_TEST

/* As a user who has a budget, whoever runs the test: 0 if all went well. */
static int
as_nobody(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (geteuid() == 0 && setuid(NOBODY) != 0)
			_exit(2);
		_exit(run());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Pipes of two slots, which is what one gets past the budget, are not given
 * out. */
static int
small_ones_are_refused(void)
{
	const uint64_t soft = soft_pages();
	const struct rlimit many = { 4096, 4096 };
	struct pipes pipes;
	struct pipe *pipe;
	int fds[2], held = 0;

	if (soft == 0 || soft > 20000 || (setrlimit(RLIMIT_NOFILE, &many) != 0))
		return 77;
	do {
		if (pipe2(fds, O_CLOEXEC) != 0)
			return 1;
	} while (fcntl(fds[0], F_GETPIPE_SZ) >= PIPE_SIZE_MIN && ++held < 2000);
	if (held == 2000)
		return 77; /* no limit for us */
	if (pipes_init(&pipes, 10, WANT, 10) != 0)
		return 1;
	if (pipes_get(&pipes, 0) != NULL || pipes.open != 0)
		return 1;
	/* there is room again */
	for (int fd = fds[1]; fd > fds[1] - 200; fd--)
		(void)close(fd);
	if (pipes_get(&pipes, 1) != NULL ||
	    (pipe = pipes_get(&pipes, 10000)) == NULL)
		return 1;
	return pipe->size >= PIPE_SIZE_MIN ? 0 : 1;
}

START_TEST(past_the_budget)
{
	int status = as_nobody(small_ones_are_refused);

	ck_assert(status == 0 || status == 77);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pipes");
	TCase *tcase = tcase_create("pipes");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, gives_what_it_promises);
	tcase_add_test(tcase, is_bounded);
	tcase_add_test(tcase, limits_that_change);
	tcase_add_test(tcase, none_at_all);
	tcase_add_test(tcase, dirty_ones_are_not_kept);
	tcase_add_test(tcase, enlarges_as_many_as_it_may);
	tcase_add_test(tcase, stops_asking_for_big_ones);
	tcase_add_test(tcase, out_of_descriptors);
	tcase_add_test(tcase, pipes_that_move);
	tcase_add_test(tcase, big_pipes_that_move);
	tcase_add_test(tcase, budget);
	tcase_add_test(tcase, past_the_budget);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
