/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The leveler: with worker-rebalance, moves conns from the worker that has the
 * most to do to the one that has the least.  A part of the control thread.
 *
 *	WATCHES --unequal for LEVELER_LOOKS looks--> WEIGHS --> WAITS
 *	   ^                                                      |
 *	   +---- has given, or equal again ------ GIVES <---------+
 *
 * It looks every LEVELER_LOOK_MS at the work (lb4/engine/weigh.h) of each
 * worker.  If one had too much to do for some looks in a row, that worker notes
 * the work of each of its conns (lb4/engine/leveling.h), and LEVELER_SPAN_MS
 * later gives away conns that have done a suitable part of it since.
 *
 * No conn goes to and fro.  What is given away is at most a bit more than half
 * of the difference between the two workers, so that the taker is below where
 * the giver was.  A worker that has taken gives nothing for LEVELER_HOLD_MS,
 * and one that has given takes nothing.  A conn with more than that much work
 * stays: another worker would have as much to do with it.
 */
#ifndef LB4_CONTROL_LEVELER_H
#define LB4_CONTROL_LEVELER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/control/source.h"

struct leveler;
struct running;

#define LEVELER_LOOK_MS 1000
#define LEVELER_LOOKS 3
#define LEVELER_SPAN_MS 2000
#define LEVELER_HOLD_MS 30000

/* Less work per second than this is not worth a move: about a thousandth of a
 * CPU. */
#define LEVELER_WORTH 8192

/* What leveler_choose() knows of a worker. */
struct leveler_load {
	uint64_t work;		   /* per second */
	uint64_t gave_ms, took_ms; /* when it last did; 0: never */
};

struct leveler_choice {
	unsigned from, to;
	uint64_t each; /* the most work per second of one conn */
	uint64_t sum;  /* ... of all of them together */
};

/* Chooses who gives how much to whom.  False: the loads are level enough, or
 * those who could give or take have done the opposite a short while ago. */
bool leveler_choose(const struct leveler_load *load, unsigned workers,
    uint64_t now_ms, struct leveler_choice *choice);

/* NULL without memory.  `running` must outlive the leveler. */
struct leveler *leveler_new(const struct running *running);

/* All workers must have ended.  Accepts NULL. */
void leveler_free(struct leveler *leveler);

/* For control_plug(). */
struct source leveler_source(struct leveler *leveler);

/* Waits until no worker has anything to do for the leveler, which is at most
 * until the next turn of a worker's loop.  Conns that are moved are in the
 * mailboxes of their new workers then, so these workers may end.  Accepts
 * NULL. */
void leveler_settle(struct leveler *leveler);

/* The same, and then the leveler moves nothing until leveler_resume().  Both
 * accept NULL. */
void leveler_pause(struct leveler *leveler);
void leveler_resume(struct leveler *leveler);

#endif
