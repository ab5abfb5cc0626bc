/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One direction of a conn's bytes: see relay.h.  Called by conn.c.
 *
 * Some conditions make a splicing proxy truncate, stall or spin.  How this file
 * deals with each:
 *
 *	FIN while the pipe is blocked
 *		reading goes on until 0 or EAGAIN, and "finished" is only said
 *		with an empty pipe
 *	a short splice(2)
 *		means nothing; only EAGAIN and 0 count
 *	a splice(2) of length 0
 *		looks like an end: asserted against
 *	SPLICE_F_MORE
 *		is never set: it would delay the last bytes
 *	more bytes than F_GETPIPE_SZ says
 *		are possible, since a fragment may be larger than a page:
 *		nothing relies on the size
 *	leftovers and no room for them
 *		cannot happen: 16 empty slots take RELAY_SCRATCH bytes
 */
#include "lb4/engine/relay.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb4/engine/tap.h"

static_assert(RELAY_SCRATCH <= PIPE_SIZE_MIN,
    "leftovers must fit into an empty pipe");

/* How one step of a relay ended. */
enum step {
	STEP_MOVED, /* bytes went on: there may be more */
	STEP_STOP,  /* no input or no room for output: an edge will come */
	STEP_AGAIN, /* try another way */
	STEP_FROM_FAILED,
	STEP_TO_FAILED,
	STEP_NO_RESOURCE,
};

int
relay_has_splice(void)
{
	int from[2], to[2], error = 0;

	if (pipe2(from, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	if (pipe2(to, O_CLOEXEC | O_NONBLOCK) < 0) {
		error = -errno;
	} else {
		if (write(from[1], "", 1) != 1 ||
		    splice(from[0], NULL, to[1], NULL, 1, SPLICE_F_NONBLOCK) !=
			1)
			error = -errno;
		(void)close(to[0]);
		(void)close(to[1]);
	}
	(void)close(from[0]);
	(void)close(from[1]);
	return error;
}

int
relay_env_init(struct relay_env *env, enum relay_way forced, unsigned maxpipes,
    uint32_t pipe_size, uint64_t big_pipes)
{
	int error;

	*env = (struct relay_env){
		.forced = forced,
	};
	if ((error = pipes_init(&env->pipes, maxpipes, pipe_size, big_pipes)) !=
	    0)
		return error;
	env->scratch = aligned_alloc(4096, RELAY_SCRATCH);
	if (env->scratch == NULL) {
		pipes_done(&env->pipes);
		return -ENOMEM;
	}
	return 0;
}

void
relay_env_done(struct relay_env *env)
{
	if (env->spare != NULL)
		pipes_kill(&env->pipes, env->spare);
	env->spare = NULL;
	pipes_done(&env->pipes);
	free(env->scratch);
	env->scratch = NULL;
}

void
relay_init(struct relay *relay, enum relay_way forced)
{
	*relay = (struct relay){
		.way = (uint8_t)(forced == RELAY_AUTO ? RELAY_COPY : forced),
	};
}

uint32_t
relay_discard(struct relay_env *env, struct relay *relay)
{
	const uint32_t lost = relay_held(relay);

	if (relay->pipe != NULL)
		pipes_kill(&env->pipes, relay->pipe);
	relay->pipe = NULL;
	return lost;
}

/* Makes sure that an empty pipe is at hand. */
static bool
have_spare(struct relay_env *env)
{
	if (env->spare == NULL)
		env->spare = pipes_get(&env->pipes, env->now_ms);
	return env->spare != NULL;
}

/* Input is scarce or comes in small pieces: copying is cheaper.  Gathered input
 * is scarce now and then, and gather.c judges that itself. */
static void
demote(const struct relay_env *env, struct relay *relay,
    const struct side *from)
{
	if (from->gathers)
		return;
	relay->streak /= 2; /* this happens now and then in a long stream */
	if (env->forced == RELAY_AUTO)
		relay->way = RELAY_COPY;
}

/* The spare pipe holds bytes that must stay: it becomes the relay's pipe. */
static void
keep_spare(struct relay_env *env, struct relay *relay)
{
	relay->pipe = env->spare;
	env->spare = NULL;
}

static bool
out_of_memory(int error)
{
	return error == ENOBUFS || error == ENOMEM;
}

/* What a run knows besides its two sides. */
struct run {
	bool first; /* no step yet, and epoll has reported input */
	struct relay_failure failure;
};

/* Judges a failed call on a side.  With EAGAIN the step stops; when the socket
 * has met an error the step ends as `failed`. */
static enum step
judge(struct side *side, enum step failed, struct run *run)
{
	if (errno == EAGAIN)
		return STEP_STOP;
	run->failure.error = errno;
	if (out_of_memory(errno))
		return STEP_NO_RESOURCE;
	side->failed = true;
	return failed;
}

static enum step
write_failed(struct side *to, struct run *run)
{
	const enum step step = judge(to, STEP_TO_FAILED, run);

	to->out_ready = to->out_ready && step != STEP_STOP;
	return step;
}

static enum step
read_failed(struct side *from, struct run *run)
{
	const enum step step = judge(from, STEP_FROM_FAILED, run);

	from->in_ready = from->in_ready && step != STEP_STOP;
	return step;
}

static void
saw_eof(struct side *from)
{
	from->eof = true;
	from->in_ready = false;
}

/* Splices what `pipe` holds into `to`. */
static enum step
pour(struct relay_env *env, struct relay *relay, struct pipe *pipe,
    struct side *to, struct run *run)
{
	struct tap *tap = env->tap;

	while (pipe->held > 0) {
		const uint32_t most = tap == NULL
		    ? pipe->held
		    : tap_share(tap, &env->pipes, env->now_ms, pipe);
		ssize_t n = splice(pipe->out, NULL, to->fd, NULL, most,
		    SPLICE_F_NONBLOCK);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return write_failed(to, run);
		/* a pipe that holds bytes has no end of file */
		assert(n > 0 && (size_t)n <= pipe->held);
		pipe->held -= (uint32_t)n;
		relay->bytes += (uint64_t)n;
		if (tap != NULL)
			tap_passed(tap, &env->pipes, (uint32_t)n);
	}
	return STEP_MOVED;
}

/* Empties the relay's own pipe and gives it back. */
static enum step
flush(struct relay_env *env, struct relay *relay, struct side *to,
    struct run *run)
{
	const uint64_t before = relay->bytes;
	enum step step = pour(env, relay, relay->pipe, to, run);

	env->spliced_bytes += relay->bytes - before;
	if (step == STEP_MOVED) {
		if (env->spare == NULL)
			env->spare = relay->pipe;
		else
			pipes_put(&env->pipes, relay->pipe);
		relay->pipe = NULL;
	}
	return step;
}

/* Puts what send(2) did not take into the spare pipe. */
static enum step
put_away(struct relay_env *env, struct relay *relay, size_t from, size_t len,
    struct run *run)
{
	ssize_t n;

	do {
		n = write(env->spare->in, env->scratch + from, len);
	} while (n == -1 && errno == EINTR);
	if (n != (ssize_t)len) {
		/* the kernel had no page for them: these bytes are lost, and so
		 * is the conn */
		run->failure.error = n == -1 ? errno : ENOBUFS;
		run->failure.lost = (uint32_t)len;
		pipes_kill(&env->pipes, env->spare);
		env->spare = NULL;
		return STEP_NO_RESOURCE;
	}
	env->spare->held = (uint32_t)len;
	if (env->tap != NULL)
		env->tap->ahead = (uint32_t)len;
	keep_spare(env, relay);
	return STEP_STOP;
}

/* Bytes at the beginning of the scratch have gone on, or are about to. */
static void
copy_to_tap(struct relay_env *env, size_t len)
{
	if (env->tap != NULL)
		tap_copy(env->tap, &env->pipes, env->now_ms, env->scratch, len);
}

static enum step
step_copy(struct relay_env *env, struct relay *relay, struct side *from,
    struct side *to, struct run *run)
{
	enum step step;
	ssize_t n, sent;

	do {
		n = recv(from->fd, env->scratch, RELAY_SCRATCH, 0);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return read_failed(from, run);
	if (n == 0) {
		saw_eof(from);
		return STEP_STOP;
	}
	/* recv(2), unlike splice(2), comes up short only when it has emptied
	 * the socket. epoll does not report an end a second time. */
	if (n < RELAY_SCRATCH)
		from->in_ready = from->rdhup || from->urgent;
	if (n >= RELAY_PROMOTE && env->forced == RELAY_AUTO &&
	    !relay->no_splice)
		relay->way = RELAY_SPLICE;

	do {
		sent = send(to->fd, env->scratch, (size_t)n, MSG_NOSIGNAL);
	} while (sent == -1 && errno == EINTR);
	if (sent == -1) {
		if ((step = write_failed(to, run)) != STEP_STOP) {
			run->failure.lost = (uint32_t)n;
			return step;
		}
		sent = 0;
	}
	relay->bytes += (uint64_t)sent;
	env->copied_bytes += (uint64_t)sent;
	copy_to_tap(env, (size_t)n);
	if (sent == n)
		return STEP_MOVED;
	to->out_ready = false;
	return put_away(env, relay, (size_t)sent, (size_t)(n - sent), run);
}

/* splice(2) moved nothing, and not because of an end. */
static enum step
splice_failed(struct relay_env *env, struct relay *relay, struct side *from,
    struct run *run)
{
	/* These sockets cannot be spliced (EINVAL) or must not be (EPERM,
	 * EACCES), or they say EAGAIN although epoll reported input (urgent
	 * data, other protocols beneath): recv(2) tells the truth. */
	if (errno == EINVAL || errno == EPERM || errno == EACCES) {
		relay->no_splice = true;
		/* splicing would also be needed for what copying leaves over */
		relay->way = errno == EINVAL ? RELAY_COPY : RELAY_PEEK;
		relay->streak = 0;
		return STEP_AGAIN;
	}
	if (errno == EAGAIN && run->first && env->forced == RELAY_AUTO &&
	    !from->gathers) {
		demote(env, relay, from);
		return STEP_AGAIN;
	}
	return read_failed(from, run);
}

static enum step
step_splice(struct relay_env *env, struct relay *relay, struct side *from,
    struct side *to, struct run *run)
{
	struct pipe *pipe = env->spare;
	enum step step;
	ssize_t n;

	do {
		n = splice(from->fd, NULL, pipe->in, NULL, pipe->size,
		    SPLICE_F_NONBLOCK);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return splice_failed(env, relay, from, run);
	if (n == 0) {
		/* the end, or urgent data with the FIN behind it: recv(2) tells
		 * them apart */
		relay->way = RELAY_COPY;
		relay->streak = 0;
		return STEP_AGAIN;
	}
	if (n < RELAY_DEMOTE)
		demote(env, relay, from);
	else if (relay->streak < RELAY_STREAK_MAX)
		relay->streak += (uint32_t)n;
	pipe->held = (uint32_t)n;
	step = pour(env, relay, pipe, to, run);
	env->spliced_bytes += (uint64_t)n - pipe->held;
	if (pipe->held > 0)
		keep_spare(env, relay);
	return step;
}

/* Takes `len` bytes off the socket that were peeked at and sent. */
static enum step
consume(struct relay_env *env, struct side *from, size_t len, struct run *run)
{
	while (len > 0) {
		ssize_t n = recv(from->fd, env->scratch, len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* the bytes were there: only an error can take them
			 * away */
			run->failure.error = n == 0 ? ECONNRESET : errno;
			from->failed = true;
			return STEP_FROM_FAILED;
		}
		len -= (size_t)n;
	}
	return STEP_MOVED;
}

static enum step
step_peek(struct relay_env *env, struct relay *relay, struct side *from,
    struct side *to, struct run *run)
{
	enum step step;
	ssize_t n, sent;

	do {
		n = recv(from->fd, env->scratch, RELAY_SCRATCH, MSG_PEEK);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return read_failed(from, run);
	if (n == 0) {
		saw_eof(from);
		return STEP_STOP;
	}
	do {
		sent = send(to->fd, env->scratch, (size_t)n, MSG_NOSIGNAL);
	} while (sent == -1 && errno == EINTR);
	if (sent == -1)
		return write_failed(to, run);
	relay->bytes += (uint64_t)sent;
	env->copied_bytes += (uint64_t)sent;
	copy_to_tap(env, (size_t)sent);
	if ((step = consume(env, from, (size_t)sent, run)) != STEP_MOVED)
		return step;
	if (sent < n) {
		/* no edge will report the rest, so in_ready stays set */
		to->out_ready = false;
		return STEP_STOP;
	}
	if (n < RELAY_SCRATCH)
		from->in_ready = from->rdhup || from->urgent;
	return STEP_MOVED;
}

/* Does one read and one write, in the way that suits. */
static enum step
step_once(struct relay_env *env, struct relay *relay, struct side *from,
    struct side *to, struct run *run)
{
	if (relay->way == RELAY_PEEK || env->no_splice || !have_spare(env))
		return step_peek(env, relay, from, to, run);
	if (relay->way == RELAY_SPLICE && !from->urgent)
		return step_splice(env, relay, from, to, run);
	return step_copy(env, relay, from, to, run);
}

static enum relay_result
result_of(enum step step)
{
	switch (step) {
	case STEP_FROM_FAILED:
		return RELAY_FROM_FAILED;
	case STEP_TO_FAILED:
		return RELAY_TO_FAILED;
	case STEP_NO_RESOURCE:
		return RELAY_NO_RESOURCE;
	default:
		return RELAY_WAITS;
	}
}

enum relay_result
relay_run(struct relay_env *env, struct relay *relay, struct side *from,
    struct side *to, struct relay_failure *failure)
{
	const uint64_t start = relay->bytes;
	struct run run = { .first = !relay->resumes };
	enum step step;

	relay->resumes = false;
	if (relay->pipe != NULL) {
		if (!to->out_ready)
			return RELAY_WAITS;
		step = flush(env, relay, to, &run);
		if (step != STEP_MOVED) {
			*failure = run.failure;
			return result_of(step);
		}
	}
	while (from->in_ready && to->out_ready) {
		if (relay->bytes - start >= RELAY_BUDGET) {
			relay->resumes = true;
			return RELAY_HAS_MORE;
		}
		step = step_once(env, relay, from, to, &run);
		if (step == STEP_STOP)
			break;
		if (step != STEP_MOVED && step != STEP_AGAIN) {
			*failure = run.failure;
			return result_of(step);
		}
		run.first = false;
	}
	return from->eof && relay->pipe == NULL ? RELAY_FINISHED : RELAY_WAITS;
}
