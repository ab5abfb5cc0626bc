/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Closing conns in good order: the workers' side.  A closing is a walk (walk.h)
 * whose pieces control paces (lb4/control/closer.h): it says how many conns the
 * next piece may close.
 *
 * An idle conn ends with a FIN to both sides.  A conn is idle when it relays,
 * neither side has finished, no byte is in flight (nothing in the receive and
 * send queues of its sockets, nothing in a pipe), and it has been quiet for
 * CONN_QUIET_MS.  Any other is busy, and ends with a reset of both sides, so
 * that nobody takes a part for the whole; after what was received before, as
 * long as its receiver goes on taking it (conn_cut()).
 */
#ifndef LB4_ENGINE_CLOSING_H
#define LB4_ENGINE_CLOSING_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/engine/access.h"
#include "lb4/engine/walk.h"

struct worker;

/* Of whatever backend: no backend has this id. */
#define CLOSING_ANY 0

/* No conn is as quiet as that: for a look at how quiet they are. */
#define CLOSING_NONE UINT64_MAX

struct closing {
	struct walk walk;

	/* set by control */
	uint32_t backend;  /* id, or CLOSING_ANY */
	uint64_t quiet_ms; /* idle ones that are quiet for so long */
	bool busy;	   /* the others, too */
	enum reason idle_reason;
	enum reason busy_reason;
	unsigned most; /* to be closed by this piece */

	/* set by the worker */
	unsigned closed;      /* by this piece */
	unsigned closed_busy; /* ... of these with a reset */
	uint64_t quietest_ms; /* of the idle ones that it left; 0: none */
};

/* Does the next piece: walk.run of a closing. */
void closing_run(struct worker *worker, struct walk *walk);

#endif
