/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Copies of what a relay moves: see tap.h. */
#include "lb4/engine/tap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb4/engine/pipes.h"

static void
fail(struct tap *tap, enum mirror_drop fault)
{
	tap->faulty = true;
	tap->fault = (uint8_t)fault;
}

/* Judges a failed write to the socket. */
static void
write_failed(struct tap *tap)
{
	if (errno == EAGAIN)
		tap->out_ready = false;
	else if (errno == ENOBUFS || errno == ENOMEM)
		fail(tap, MIRROR_RESOURCE);
	else
		fail(tap,
		    errno == ECONNRESET || errno == EPIPE ? MIRROR_RESET
							  : MIRROR_CONNECT);
}

/* Makes sure that the tap has a pipe. */
static bool
have_pipe(struct tap *tap, struct pipes *pipes, uint64_t now_ms)
{
	if (tap->pipe != NULL)
		return true;
	if (pipes->tapped < pipes->max / TAP_SHARE)
		tap->pipe = pipes_get(pipes, now_ms);
	if (tap->pipe == NULL) {
		fail(tap, MIRROR_RESOURCE);
		return false;
	}
	pipes->tapped++;
	return true;
}

void
tap_flush(struct tap *tap, struct pipes *pipes)
{
	struct pipe *pipe = tap->pipe;

	while (!tap->faulty && tap->out_ready && pipe != NULL &&
	    pipe->held > 0) {
		ssize_t n = splice(pipe->out, NULL, tap->fd, NULL, pipe->held,
		    SPLICE_F_NONBLOCK);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			write_failed(tap);
			return;
		}
		/* a pipe that holds bytes has no end of file */
		assert(n > 0 && (size_t)n <= pipe->held);
		pipe->held -= (uint32_t)n;
		tap->bytes += (uint64_t)n;
	}
	if (pipe != NULL && pipe->held == 0) {
		tap->pipe = NULL;
		pipes->tapped--;
		pipes_put(pipes, pipe);
	}
}

static void
tee_some(struct tap *tap, struct pipes *pipes, uint64_t now_ms,
    const struct pipe *from)
{
	ssize_t n;

	tap_flush(tap, pipes);
	if (tap->faulty || !have_pipe(tap, pipes, now_ms))
		return;
	do {
		n = tee(from->out, tap->pipe->in, from->held,
		    SPLICE_F_NONBLOCK);
	} while (n == -1 && errno == EINTR);
	if (n > 0) {
		tap->pipe->held += (uint32_t)n;
		tap->ahead = (uint32_t)n;
	} else {
		fail(tap,
		    n == -1 && errno != EAGAIN ? MIRROR_RESOURCE : MIRROR_SLOW);
	}
}

uint32_t
tap_share(struct tap *tap, struct pipes *pipes, uint64_t now_ms,
    const struct pipe *from)
{
	if (!tap->faulty && tap->ahead == 0)
		tee_some(tap, pipes, now_ms, from);
	return tap->faulty ? from->held : tap->ahead;
}

void
tap_passed(struct tap *tap, struct pipes *pipes, uint32_t len)
{
	if (tap->faulty)
		return;
	assert(len <= tap->ahead);
	tap->ahead -= len;
	if (tap->ahead == 0)
		tap_flush(tap, pipes);
}

/* Puts what the socket did not take into the pipe. */
static void
put_away(struct tap *tap, struct pipes *pipes, uint64_t now_ms,
    const unsigned char *bytes, size_t len)
{
	ssize_t n;

	if (!have_pipe(tap, pipes, now_ms))
		return;
	do {
		n = write(tap->pipe->in, bytes, len);
	} while (n == -1 && errno == EINTR);
	if (n > 0)
		tap->pipe->held += (uint32_t)n;
	if (n != (ssize_t)len)
		fail(tap,
		    n == -1 && errno != EAGAIN ? MIRROR_RESOURCE : MIRROR_SLOW);
}

void
tap_copy(struct tap *tap, struct pipes *pipes, uint64_t now_ms,
    const unsigned char *bytes, size_t len)
{
	ssize_t n = 0;

	tap_flush(tap, pipes);
	if (tap->faulty)
		return;
	if (tap->pipe == NULL && tap->out_ready) {
		do {
			n = send(tap->fd, bytes, len, MSG_NOSIGNAL);
		} while (n == -1 && errno == EINTR);
		if (n == -1) {
			write_failed(tap);
			n = 0;
		} else {
			tap->bytes += (uint64_t)n;
			tap->out_ready = (size_t)n == len;
		}
	}
	if (!tap->faulty && (size_t)n < len)
		put_away(tap, pipes, now_ms, bytes + n, len - (size_t)n);
}

bool
tap_discard(struct tap *tap, struct pipes *pipes)
{
	const bool lost = tap->pipe != NULL && tap->pipe->held > 0;

	if (tap->pipe == NULL)
		return false;
	pipes->tapped--;
	pipes_kill(pipes, tap->pipe);
	tap->pipe = NULL;
	return lost;
}

void
tap_emigrate(const struct tap *tap, struct pipes *pipes)
{
	if (tap->pipe == NULL)
		return;
	pipes->tapped--;
	pipes_emigrate(pipes, tap->pipe);
}

void
tap_immigrate(const struct tap *tap, struct pipes *pipes)
{
	if (tap->pipe == NULL)
		return;
	pipes->tapped++;
	pipes_immigrate(pipes, tap->pipe);
}
