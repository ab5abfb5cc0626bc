/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A gate counts the conns inside and knows which workers wait outside.  maxconn
 * uses one for the process and one for each service; listeners wait there
 * (lb4/engine/listener.c).
 *
 * Places go to the ticket that has waited longest.  A listener that is refused
 * draws a ticket, and keeps it until it gets in.  Each worker shows the others
 * only its oldest ticket.  A newcomer leaves one place free for each worker
 * that shows an older ticket.  So a newcomer takes no place from a waiting
 * listener, and a place stays empty only for an older ticket.
 *
 * A worker that is refused shows its ticket and then tries once more; a worker
 * that leaves counts down and then looks for tickets.  All of this is
 * sequentially consistent, so either the second try succeeds, or the leaving
 * worker sees the ticket and calls its owner: nobody waits at an open gate
 * (Dekker's argument).  The same holds when a ticket is withdrawn, because its
 * owner got in or gave up: the owner then calls the oldest again if there is
 * room.
 */
#ifndef LB4_MODEL_GATE_H
#define LB4_MODEL_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

#define GATE_WORKERS_MAX 256
#define GATE_GROUPS (GATE_WORKERS_MAX / 64)

/* Greater than any ticket: for a caller without one. */
#define GATE_NO_TICKET UINT64_MAX

/* What control has reported about a gate: see lb4/control/fullness.h. */
struct gate_told {
	uint64_t waits;	   /* gate.waits at the last look */
	uint64_t since_ms; /* when it became full; 0: not full */
	uint64_t last_ms;  /* when it was last seen full */
};

struct gate {
	/* Writers: workers, compare-and-swap up, fetch-and-sub down. */
	_Alignas(64) _Atomic uint64_t inside;
	/* One bit per worker that shows a ticket.  Writer: that worker. */
	_Alignas(64) _Atomic uint64_t waiting[GATE_GROUPS];
	/* How many times a wait began here.  Writers: workers. */
	_Atomic uint64_t waits;
	/* The oldest ticket of each worker; valid if its bit is set.  Writer:
	 * that worker, before it sets the bit. */
	_Atomic uint64_t oldest[GATE_WORKERS_MAX];

	struct gate_told told; /* control's own */
};

/* Whether anybody waits. */
static inline bool
gate_has_waiters(struct gate *gate)
{
	for (int i = 0; i < GATE_GROUPS; i++)
		if (atomic_load(&gate->waiting[i]) != 0)
			return true;
	return false;
}

/*
 * Enters if fewer than `limit` are inside, leaving free the places of workers
 * that show an older ticket; 0 means no limit.  `ticket` is the caller's, or
 * GATE_NO_TICKET.
 */
bool gate_enter(struct gate *gate, uint64_t limit, uint64_t ticket);

/* Leaves.  True when somebody waits: the caller must then call
 * gate_oldest(). */
static inline bool
gate_leave(struct gate *gate)
{
	(void)atomic_fetch_sub(&gate->inside, 1);
	return gate_has_waiters(gate);
}

/* Whether there is room inside. */
static inline bool
gate_has_room(struct gate *gate, uint64_t limit)
{
	return limit == 0 || atomic_load(&gate->inside) < limit;
}

/* Whether somebody waits, or the next one would have to. */
static inline bool
gate_is_full(struct gate *gate, uint64_t limit)
{
	return !gate_has_room(gate, limit) || gate_has_waiters(gate);
}

/* Shows the worker's oldest ticket, or that it has none left. */
void gate_show(struct gate *gate, unsigned worker, uint64_t ticket);
void gate_withdraw(struct gate *gate, unsigned worker);

/* The worker that shows the oldest ticket, or -1 when nobody waits. */
must_check int gate_oldest(struct gate *gate);

#endif
