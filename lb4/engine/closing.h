/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Closing conns in good order: the workers' side.  Control paces it
 * (lb4/control/closer.h) and sends a closing to one worker after the other,
 * with the number of conns that may be closed now; the worker does a piece of
 * bounded length in one turn of its loop and posts it back, as with a sweep.
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

struct mailbox;
struct worker;

/* Slots looked at by one piece, at most. */
#define CLOSING_LOOKS 2048

/* Of whatever backend: no backend has this id. */
#define CLOSING_ANY 0

/* No conn is as quiet as that: for a look at how quiet they are. */
#define CLOSING_NONE UINT64_MAX

struct closing {
	/* set by control */
	unsigned worker;   /* where it is, or goes next */
	uint32_t backend;  /* id, or CLOSING_ANY */
	uint64_t quiet_ms; /* idle ones that are quiet for so long */
	bool busy;	   /* the others, too */
	enum reason idle_reason;
	enum reason busy_reason;
	unsigned most;	       /* to be closed by this piece */
	struct mailbox *reply; /* of struct closing *, never full */

	/* set by the worker; `cursor` 0 at first */
	uint32_t cursor;
	bool at_end;
	unsigned closed;      /* by this piece */
	unsigned closed_busy; /* ... of these with a reset */
	uint64_t quietest_ms; /* of the idle ones that it left; 0: none */
};

/* Does the next piece, and posts it back; in the worker's thread. */
void closing_run(struct worker *worker, struct closing *closing);

/* Posts it back with nothing more to come: the worker is at its end. */
void closing_give_back(struct closing *closing);

#endif
