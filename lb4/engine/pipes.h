/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A worker's pipes.  A relay borrows one only while bytes are in it.  The pool
 * is last in, first out, so that a busy worker keeps using the same warm pipe.
 *
 * The pool is bounded.  A user without CAP_SYS_RESOURCE has a budget of pages
 * for all pipes (fs.pipe-user-pages-soft).  Beyond it the kernel hands out
 * pipes of two slots and refuses to enlarge any.  lb4 therefore reads sizes
 * back.  It closes a pipe that is too small for what a relay may have to put
 * away; the caller then does without (see relay.h).
 *
 * Owned by one worker.
 */
#ifndef LB4_ENGINE_PIPES_H
#define LB4_ENGINE_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

/* The least capacity of every pipe given out, in bytes and in slots of a page
 * each: the kernel's usual size. */
#define PIPE_SIZE_MIN 65536

/* Such a pipe in the pages that the kernel counts for a user (pipe(7)). */
#define PIPE_PAGE 4096
#define PIPE_PAGES_MIN (PIPE_SIZE_MIN / PIPE_PAGE)

struct pipe {
	int in;	       /* write end */
	int out;       /* read end */
	uint32_t size; /* bytes, as the kernel says */
	uint32_t held; /* bytes in it */
};

struct pipes {
	struct pipe **stock; /* owned; empty ones, a stack */
	unsigned stocked;
	unsigned open;	 /* in stock or lent out */
	unsigned tapped; /* lent to taps: tap.h counts them */
	unsigned max;
	unsigned room; /* of the stock */
	uint32_t
	    want_size; /* bytes a pipe is enlarged to while that is allowed */
	uint64_t big;  /* how many may be enlarged */
	int64_t big_left;  /* how many more may be; below 0: too many are */
	uint64_t retry_ms; /* after a refusal: not before this time */
	uint64_t refused;  /* how often no pipe was available */
};

/* At most `max` pipes, of which `big` may be enlarged to `want_size` bytes. 0
 * or -errno. */
must_check int pipes_init(struct pipes *pipes, unsigned max, uint32_t want_size,
    uint64_t big);
void pipes_done(struct pipes *pipes);

/* Changes the limits and closes pipes in stock beyond them.  Without memory for
 * a larger stock nothing changes. */
void pipes_resize(struct pipes *pipes, unsigned max, uint64_t big);

/* Gets an empty pipe of at least PIPE_SIZE_MIN bytes, which the caller owns.
 * NULL when none is available now. */
must_check struct pipe *pipes_get(struct pipes *pipes, uint64_t now_ms);

/* Takes back a pipe that is empty. */
void pipes_put(struct pipes *pipes, struct pipe *pipe);

/* Closes and frees a pipe that is not, or may not be, empty. */
void pipes_kill(struct pipes *pipes, struct pipe *pipe);

/* A pipe leaves for another worker's pool, or comes from one, of this process
 * or another.  A pool that has too many big ones then closes the next that
 * come back. */
void pipes_emigrate(struct pipes *pipes, const struct pipe *pipe);
void pipes_immigrate(struct pipes *pipes, const struct pipe *pipe);

/* How many pipes of `want_size` each of `workers` workers with `max` pipes may
 * have within the user's budget of pages.  The budget does not bind the
 * `privileged`. */
uint64_t pipes_big_budget(unsigned max, uint32_t want_size, unsigned workers,
    bool privileged);

#endif
