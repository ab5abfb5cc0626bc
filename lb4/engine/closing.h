/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Closing conns in good order: the workers' side.  A closing is a walk
 * (walk.h).  Control paces it (lb4/control/closer.h): each piece may close a
 * limited number of conns.
 *
 * An idle conn ends with a FIN to both sides.  A conn is idle when it relays,
 * neither side has finished, no byte is in flight (nothing in the receive and
 * send queues of its sockets, nothing in a pipe), and it has been quiet for
 * CONN_QUIET_MS.  Any other conn is busy.  It ends with a reset of both sides,
 * so that nobody mistakes a part for the whole.  What was received before the
 * reset is delivered first, as long as its receiver keeps taking it
 * (conn_cut()).
 *
 * A closing can also look for conns whose backend is proved dead (stuck.h),
 * whether they are idle or busy, and end these like busy ones.
 */
#ifndef LB4_ENGINE_CLOSING_H
#define LB4_ENGINE_CLOSING_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/engine/access.h"
#include "lb4/engine/walk.h"

struct worker;

/* Any backend: no backend has this id. */
#define CLOSING_ANY 0

/* No conn has been quiet for this long: closes nothing, only looks. */
#define CLOSING_NONE UINT64_MAX

struct closing {
	struct walk walk;

	/* set by control */
	uint32_t backend;  /* id, or CLOSING_ANY */
	uint64_t quiet_ms; /* closes idle ones quiet for this long */
	bool busy;	   /* closes the others too */
	bool stuck;	   /* instead: those whose backend is proved dead */
	enum reason idle_reason;
	enum reason busy_reason;
	unsigned most; /* that this piece may close */

	/* set by the worker */
	unsigned closed;      /* by this piece */
	unsigned closed_busy; /* ... of these, with a reset */
	uint64_t quietest_ms; /* of the idle conns it left; 0: none */
};

/* Does the next piece: walk.run of a closing. */
void closing_run(struct worker *worker, struct walk *walk);

#endif
