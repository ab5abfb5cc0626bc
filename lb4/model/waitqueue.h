/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The queue of a service whose backends are all at their maxconn, or none of
 * which is available (wait-for-backend).  The workers share it;
 * lb4/engine/waiting.c uses it.
 *
 * No list has two writing threads.  Each waiting conn draws a ticket and waits
 * in the part of its own worker; the other workers see only the oldest ticket
 * of each part.  A conn that goes away leaves nothing behind: no stale entry
 * takes up room or is called in vain.  A worker that frees a place calls the
 * worker with the oldest ticket: it sets a flag and rings that worker's
 * mailbox, which cannot be full.  A call does not assign a place; it only means
 * "look".  A conn gets a place by compare-and-swap, so no place is assigned
 * twice.
 *
 * Why no freed place is lost while a waiting conn could use it: all of the
 * following steps are sequentially consistent, and so have one order.
 *
 *	a place is freed	F1 `active` goes down
 *				F2 look at `waiting` and every part's `oldest`;
 *				   call the worker of the smallest, if any
 *	a conn queues up	Q1 `waiting` goes up
 *				Q2 `oldest` of its part, if it is that
 *				Q3 look for room; call the oldest, if any
 *	a conn leaves		L1 `oldest` of its part, if it was that
 *	(served, gone, late)	L2 `waiting` goes down
 *				L3 as Q3
 *	a call is answered	A1 the flag is cleared
 *				A2 look for room; serve, and then L1 to L3
 *
 *	- F2 finds no ticket: then Q1 or Q2 of any waiting conn comes after
 *	  F2, Q3 after F1, and Q3 sees the place.
 *	- F2 finds worker w.  Its flag is set after F1, so A1 and A2 of the
 *	  answer come after F1 too: w's oldest takes the place, or finds it
 *	  taken, and then its new owner will free it.
 *	- The conn that F2 saw leaves before the answer.  Its L1 comes after
 *	  F2, so L3 sees the place and calls the next one; so does L3 of a conn
 *	  that was served, when there is a second place.
 *	- Two calls to one worker before its answer count as one: its L3 calls
 *	  again for the places that are left.
 *	- The oldest conn cannot use the place (it has tried that backend): the
 *	  next oldest part is called.  Tickets grow, so this ends.
 *
 * Room that no conn frees (a backend comes up, a reload adds one) is found by
 * the workers, which look a few times a second.
 *
 * Doubt: a conn that waits for a backend has found none that answers, although
 * the backends count as up.  Until one answers again, the queue lets only one
 * conn go at a time, WAITQUEUE_TRY_MS apart: it shows whether the others can
 * follow.
 */
#ifndef LB4_MODEL_WAITQUEUE_H
#define LB4_MODEL_WAITQUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/attr.h"

struct conn;
TAILQ_HEAD(conn_line, conn);

/* Greater than any ticket; means that no conn waits. */
#define WAITQUEUE_NOBODY UINT64_MAX

/* From one conn that is let go in doubt to the next. */
#define WAITQUEUE_TRY_MS 100

/* One worker's part of the queue. */
struct waitqueue_part {
	/* The oldest ticket here, or WAITQUEUE_NOBODY.  Writer: the worker.
	 * Readers: workers. */
	_Alignas(64) _Atomic uint64_t oldest;
	/* Set by a worker that frees a place, cleared by the part's worker. */
	_Atomic bool called;

	/* the worker's own */
	struct conn_line line; /* oldest first */
	unsigned retriers;     /* conns in it that have tried a backend */
	TAILQ_ENTRY(waitqueue_part) entry; /* parts with a waiting conn */
};

struct waitqueue {
	/* set before any other thread sees it */
	unsigned workers;
	struct waitqueue_part *part; /* owned; one per worker */

	/* Conns that wait in any part or move between parts.  Writers: workers,
	 * compare-and-swap up, fetch-and-sub down. */
	_Alignas(64) _Atomic uint64_t waiting;
	/* Those of them that are throttled, so that they are not in line for a
	 * backend (lb4/engine/throttle.h).  Writers: workers, fetch-and-add. */
	_Atomic uint64_t throttled;
	/* Writers: workers, fetch-and-add. */
	_Atomic uint64_t tickets;
	/* In doubt: when the next conn may go, CLOCK_MONOTONIC; 0: no doubt.
	 * Writers: workers. */
	_Atomic uint64_t try_ms;
};

/* Makes a queue for `workers` workers; NULL without memory. */
struct waitqueue *waitqueue_new(unsigned workers);

/* No conn may be waiting any more.  NULL is allowed. */
void waitqueue_free(struct waitqueue *queue);

/* The conns that still count as waiting live in another process.  No worker may
 * run any more. */
void waitqueue_forget(struct waitqueue *queue);

/* Takes a place in the queue if fewer than `limit` wait. */
bool waitqueue_enter(struct waitqueue *queue, uint64_t limit);

/* Gives the place up. */
void waitqueue_leave(struct waitqueue *queue);

/* The next ticket: 1, 2, ... */
uint64_t waitqueue_ticket(struct waitqueue *queue);

/* Sets the calling worker's oldest ticket. */
void waitqueue_set_oldest(struct waitqueue_part *part, uint64_t ticket);

/*
 * The worker that has the smallest of the oldest tickets above `after` (0: of
 * all), or -1 if there is none.
 */
must_check int waitqueue_oldest(const struct waitqueue *queue, uint64_t after);

/* Tells a worker that there may be room; the caller then rings its mailbox. */
void waitqueue_call(struct waitqueue *queue, unsigned worker);

/* For the worker: whether it was called since it last asked. */
bool waitqueue_answer(struct waitqueue_part *part);

/* The backends do not answer: doubt begins, or goes on. */
void waitqueue_doubt(struct waitqueue *queue, uint64_t now_ms);

/* One has answered.  Returns whether there was doubt: then the caller calls the
 * oldest conn. */
bool waitqueue_trust(struct waitqueue *queue);

/* Whether a conn that looks for room now would be let go. */
bool waitqueue_is_open(const struct waitqueue *queue, uint64_t now_ms);

/* The same, and it goes: in doubt nobody else does for WAITQUEUE_TRY_MS. */
must_check bool waitqueue_let_go(struct waitqueue *queue, uint64_t now_ms);

static inline bool
waitqueue_is_in_doubt(const struct waitqueue *queue)
{
	return atomic_load_explicit(&queue->try_ms, memory_order_relaxed) != 0;
}

static inline bool
waitqueue_is_empty(const struct waitqueue *queue)
{
	return atomic_load(&queue->waiting) == 0;
}

#endif
