/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A walk over the conns of the workers: how control looks at conns, which only
 * their worker may touch.  Control posts the walk to a worker.  The worker does
 * a piece of bounded length in one turn of its loop, records how far it got,
 * and posts the walk back.  Control sends it on until `at_end`, and then to the
 * next worker.  There are two kinds: sweep.h lists or kills conns, closing.h
 * closes them in good order.
 *
 * One thread owns the walk at any time: the worker from when control posts the
 * walk until the worker posts it back; otherwise control.  Conns come and go
 * between two pieces.  A conn that moves to another worker meanwhile may be
 * seen twice or not at all.
 */
#ifndef LB4_ENGINE_WALK_H
#define LB4_ENGINE_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct mailbox;
struct worker;

/* The most slots that one piece looks at. */
#define WALK_LOOKS 2048

/* The first member of a kind of walk: struct sweep, struct closing. */
struct walk {
	/* set by control */
	unsigned worker; /* where it is, or goes next */
	/* Takes pointers to the struct that begins with the walk; never full.
	 */
	struct mailbox *reply;

	/* Set by engine.c: does the next piece in the worker's thread and posts
	 * the walk back.  With no worker (NULL: it has ended) posts the walk
	 * back at its end. */
	void (*run)(struct worker *worker, struct walk *walk);

	/* set by the worker; `cursor` 0 at first */
	uint32_t cursor;
	bool at_end;
	unsigned looks; /* of the present piece */
};

/* Begins a piece. */
void walk_begin(struct walk *walk);

/* The next conn.  NULL at the end of the piece or of the worker, or when there
 * is no worker. */
struct conn *walk_next(const struct worker *worker, struct walk *walk);

/* Ends the piece: posts the walk back to control, which then owns it. */
void walk_end(const struct worker *worker, struct walk *walk);

#endif
