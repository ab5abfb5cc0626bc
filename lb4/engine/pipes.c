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

/* Whether it counts among those that may be enlarged. */
static bool
is_big(const struct pipe *pipe)
{
	return pipe->size > PIPE_SIZE_MIN;
}

int
pipes_init(struct pipes *pipes, unsigned max, uint32_t want_size, uint64_t big)
{
	*pipes = (struct pipes){
		.max = max,
		.room = max,
		.want_size = want_size,
		.big = big,
		.big_left = (int64_t)big,
	};
	pipes->stock = calloc(max == 0 ? 1 : max, sizeof(*pipes->stock));
	return pipes->stock == NULL ? -ENOMEM : 0;
}

void
pipes_resize(struct pipes *pipes, unsigned max, uint64_t big)
{
	if (max > pipes->room) {
		struct pipe **stock = reallocarray(pipes->stock, max,
		    sizeof(*stock));

		if (stock == NULL)
			return;
		pipes->stock = stock;
		pipes->room = max;
	}
	pipes->big_left += (int64_t)big - (int64_t)pipes->big;
	pipes->big = big;
	pipes->max = max;
	while (pipes->stocked > 0 && pipes->open > max)
		pipes_kill(pipes, pipes->stock[--pipes->stocked]);
}

void
pipes_done(struct pipes *pipes)
{
	if (pipes->stock == NULL)
		return;
	while (pipes->stocked > 0)
		pipes_kill(pipes, pipes->stock[--pipes->stocked]);
	free(pipes->stock);
	pipes->stock = NULL;
}

static void
enlarge(struct pipes *pipes, int fd)
{
	if (pipes->big_left <= 0 || pipes->want_size <= PIPE_SIZE_MIN)
		return;
	if (fcntl(fd, F_SETPIPE_SZ, (int)pipes->want_size) == -1)
		pipes->big_left = 0; /* over the user's budget: stop asking */
	else
		pipes->big_left--;
}

/* Opens a pipe and enlarges it if it may.  Returns false if the kernel has none
 * that is large enough. */
static bool
open_ends(struct pipes *pipes, struct pipe *pipe)
{
	int fds[2], size;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1)
		return false;
	enlarge(pipes, fds[1]);
	size = fcntl(fds[1], F_GETPIPE_SZ);
	if (size < PIPE_SIZE_MIN) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return false;
	}
	*pipe = (struct pipe){
		.in = fds[1],
		.out = fds[0],
		.size = (uint32_t)size,
	};
	return true;
}

static struct pipe *
pipe_open(struct pipes *pipes, uint64_t now_ms)
{
	struct pipe *pipe;

	if (pipes->open >= pipes->max || now_ms < pipes->retry_ms)
		return NULL;
	pipe = malloc(sizeof(*pipe));
	if (pipe == NULL || !open_ends(pipes, pipe)) {
		free(pipe);
		pipes->retry_ms = now_ms + RETRY_MS;
		return NULL;
	}
	pipes->open++;
	return pipe;
}

struct pipe *
pipes_get(struct pipes *pipes, uint64_t now_ms)
{
	struct pipe *pipe;

	if (pipes->stocked > 0)
		return pipes->stock[--pipes->stocked];
	if ((pipe = pipe_open(pipes, now_ms)) == NULL)
		pipes->refused++;
	return pipe;
}

void
pipes_put(struct pipes *pipes, struct pipe *pipe)
{
	assert(pipe->held == 0);
	/* a pipe from another worker may be one too many */
	if (pipes->open > pipes->max || (is_big(pipe) && pipes->big_left < 0)) {
		pipes_kill(pipes, pipe);
		return;
	}
	pipes->stock[pipes->stocked++] = pipe;
}

void
pipes_kill(struct pipes *pipes, struct pipe *pipe)
{
	pipes->big_left += is_big(pipe);
	(void)close(pipe->in);
	(void)close(pipe->out);
	free(pipe);
	pipes->open--;
}

void
pipes_emigrate(struct pipes *pipes, const struct pipe *pipe)
{
	pipes->big_left += is_big(pipe);
	pipes->open--;
}

void
pipes_immigrate(struct pipes *pipes, const struct pipe *pipe)
{
	pipes->big_left -= is_big(pipe);
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
