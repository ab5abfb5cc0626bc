/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A walk over the conns of the workers: how control looks at conns, which only
 * their worker may touch.  Control posts the walk to a worker, which does a
 * piece of bounded length in one turn of its loop, notes how far it came, and
 * posts the walk back.  Control sends it on until `at_end`, and then to the
 * next worker.  There are two: sweep.h lists or kills conns, closing.h closes
 * them in good order.
 *
 * One thread owns the walk at any time: control, or the worker from the moment
 * of the posting until it has posted the walk back.  Conns come and go between
 * two pieces.  A conn that moves to another worker meanwhile may be seen twice
 * or not at all.
 */
#ifndef LB4_ENGINE_WALK_H
#define LB4_ENGINE_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct mailbox;
struct worker;

/* Slots that one piece looks at, at most. */
#define WALK_LOOKS 2048

/* The first member of what describes the walk: struct sweep, struct closing. */
struct walk {
	/* set by control */
	unsigned worker; /* where it is, or goes next */
	/* Pointers to what the walk is the first member of; never full. */
	struct mailbox *reply;

	/* Set by engine.c: does the next piece in the worker's thread, and
	 * posts the walk back.  Without a worker (NULL: it is at its end) the
	 * walk goes back with nothing more to come. */
	void (*run)(struct worker *worker, struct walk *walk);

	/* set by the worker; `cursor` 0 at first */
	uint32_t cursor;
	bool at_end;
	unsigned looks; /* of the present piece */
};

/* Begins a piece. */
void walk_begin(struct walk *walk);

/* The next conn; NULL when the piece or the worker is at its end, or when there
 * is no worker. */
struct conn *walk_next(const struct worker *worker, struct walk *walk);

/* Ends the piece: posts the walk back, which then is control's. */
void walk_end(const struct worker *worker, struct walk *walk);

#endif
