/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Leveling: a worker gives conns to another one that has less to do.  This is
 * the workers' side; lb4/control/leveler.h decides who gives how much to whom.
 * A leveling is a walk (walk.h).
 *
 * It takes two walks over the worker's conns.  The first one notes the work
 * (weigh.h) that each conn has done so far.  Some seconds later the second one
 * looks for conns whose work in between fits.  At its end the worker gives them
 * away, the costly ones first, so that few conns move.  A conn that has done
 * nothing stays.
 */
#ifndef LB4_ENGINE_LEVELING_H
#define LB4_ENGINE_LEVELING_H

#include <stdint.h>

#include "lb4/engine/walk.h"

struct worker;

/* The most conns that one walk gives away. */
#define LEVELING_CONNS 32

enum leveling_step {
	LEVELING_WEIGH,
	LEVELING_GIVE,
};

struct leveling_conn {
	uint32_t slot;
	uint32_t work;
	uint64_t id;
};

struct leveling {
	struct walk walk;

	/* set by control */
	enum leveling_step step;
	unsigned to;   /* the worker that takes */
	uint64_t each; /* the most work of one conn */
	uint64_t sum;  /* ... of all, unless the first one alone has more */

	/* set by the worker; 0 when a walk begins */
	unsigned conns; /* found so far; at the end: given away */
	uint64_t given; /* their work */
	struct leveling_conn conn[LEVELING_CONNS]; /* the costly ones first */
};

/* Does the next piece: walk.run of a leveling. */
void leveling_run(struct worker *worker, struct walk *walk);

#endif
