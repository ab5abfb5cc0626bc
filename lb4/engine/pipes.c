/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A worker's pipes: see pipes.h. */
#include "lb4/engine/pipes.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/proc.h"

/* How long to wait after the kernel refused a pipe. */
#define RETRY_MS 2000

int
pipes_init(struct pipes *pipes, unsigned max, uint32_t want_size, uint64_t big)
{
	*pipes = (struct pipes){
		.max = max,
		.room = max,
		.want_size = want_size,
		.big = big,
		.big_left = big,
	};
	pipes->stock = calloc(max == 0 ? 1 : max, sizeof(*pipes->stock));
	return pipes->stock == NULL ? -ENOMEM : 0;
}

void
pipes_resize(struct pipes *pipes, unsigned max, uint64_t big)
{
	if (max > pipes->room) {
		struct pipe *stock = reallocarray(pipes->stock, max,
		    sizeof(*stock));

		if (stock == NULL)
			return;
		pipes->stock = stock;
		pipes->room = max;
	}
	pipes->big_left = big > pipes->big
	    ? pipes->big_left + (big - pipes->big)
	    : pipes->big_left -
		(pipes->big - big > pipes->big_left ? pipes->big_left
						    : pipes->big - big);
	pipes->big = big;
	pipes->max = max;
	while (pipes->stocked > 0 && pipes->open > max) {
		struct pipe *pipe = &pipes->stock[--pipes->stocked];

		pipes_kill(pipes, pipe);
	}
}

void
pipes_done(struct pipes *pipes)
{
	if (pipes->stock == NULL)
		return;
	while (pipes->stocked > 0) {
		struct pipe *pipe = &pipes->stock[pipes->stocked - 1];

		pipes->stocked--;
		pipes_kill(pipes, pipe);
	}
	free(pipes->stock);
	pipes->stock = NULL;
}

static void
enlarge(struct pipes *pipes, int fd)
{
	if (pipes->big_left == 0 || pipes->want_size <= PIPE_SIZE_MIN)
		return;
	if (fcntl(fd, F_SETPIPE_SZ, (int)pipes->want_size) == -1)
		pipes->big_left = 0; /* over the user's budget: stop asking */
	else
		pipes->big_left--;
}

static bool
pipe_open(struct pipes *pipes, struct pipe *pipe, uint64_t now_ms)
{
	int fds[2], size;

	if (pipes->open >= pipes->max || now_ms < pipes->retry_ms)
		return false;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1) {
		pipes->retry_ms = now_ms + RETRY_MS;
		return false;
	}
	enlarge(pipes, fds[1]);
	size = fcntl(fds[1], F_GETPIPE_SZ);
	if (size < PIPE_SIZE_MIN) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		pipes->retry_ms = now_ms + RETRY_MS;
		return false;
	}
	*pipe = (struct pipe){
		.in = fds[1],
		.out = fds[0],
		.size = (uint32_t)size,
	};
	pipes->open++;
	return true;
}

bool
pipes_get(struct pipes *pipes, struct pipe *pipe, uint64_t now_ms)
{
	if (pipes->stocked > 0) {
		*pipe = pipes->stock[--pipes->stocked];
		return true;
	}
	if (pipe_open(pipes, pipe, now_ms))
		return true;
	pipes->refused++;
	return false;
}

void
pipes_put(struct pipes *pipes, struct pipe *pipe)
{
	assert(pipe->in >= 0);
	/* a pipe from another worker may be one too many */
	if (pipes->open > pipes->max) {
		pipes_kill(pipes, pipe);
		return;
	}
	pipes->stock[pipes->stocked++] = *pipe;
	pipe->in = -1;
	pipe->out = -1;
}

void
pipes_kill(struct pipes *pipes, struct pipe *pipe)
{
	if (pipe->size > PIPE_SIZE_MIN)
		pipes->big_left++;
	(void)close(pipe->in);
	(void)close(pipe->out);
	pipe->in = -1;
	pipe->out = -1;
	pipes->open--;
}

void
pipes_emigrate(struct pipes *pipes)
{
	pipes->open--;
}

void
pipes_immigrate(struct pipes *pipes)
{
	pipes->open++;
}

uint64_t
pipes_big_budget(unsigned max, uint32_t want_size, unsigned workers,
    bool privileged)
{
	const uint64_t usual = PIPE_PAGES_MIN, wanted = want_size / PIPE_PAGE;
	const int64_t soft = proc_sysctl("", "fs/pipe-user-pages-soft", 0);
	uint64_t share;

	if (soft <= 0 || privileged)
		return max; /* enlarge() notices if that is not allowed */
	/* leave a quarter to the user's other processes, and the usual size to
	 * every pipe */
	share = (uint64_t)soft / 4 * 3 / workers;
	if (share <= max * usual || wanted <= usual)
		return 0;
	return (share - max * usual) / (wanted - usual);
}
