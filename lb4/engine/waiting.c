/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A worker's conns that wait for a backend: see waiting.h. */
#include "lb4/engine/waiting.h"

#include <stddef.h>
#include <string.h>

#include "lb4/balance/placing.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/throttle.h"
#include "lb4/engine/types.h"
#include "lb4/table/table.h"

/* How often to look for room that a backend's health or a reload has made. */
#define LOOK_MS 100

/* How many tickets per worker a conn may be served ahead of its turn when there
 * is room for several.  If a worker had to wait for another worker's turn of
 * the loop at each conn, places would stay empty. */
#define AHEAD_PER_WORKER 4

void
waiting_init(struct waiting *waiting)
{
	*waiting = (struct waiting){ .look = { 0 } };
	TAILQ_INIT(&waiting->parts);
	TAILQ_INIT(&waiting->throttled);
}

static struct waitqueue *
queue_of(const struct service_state *state)
{
	return atomic_load(&state->waitqueue);
}

static struct waitqueue_part *
part_of(const struct worker *worker, const struct conn *conn)
{
	return &queue_of(conn->service)->part[worker->index];
}

bool
waiting_is_used(const struct service_state *state)
{
	const struct waitqueue *queue = queue_of(state);

	return atomic_load(&queue->waiting) > atomic_load(&queue->throttled);
}

/* Calls the worker that has the oldest ticket above `after`. */
static void
call_oldest(struct worker_shared *shared, struct waitqueue *queue,
    uint64_t after)
{
	int oldest = waitqueue_oldest(queue, after);

	if (oldest < 0)
		return;
	waitqueue_call(queue, (unsigned)oldest);
	mailbox_ring(&shared->workers[oldest].mailbox);
}

void
waiting_call(struct worker_shared *shared, struct service_state *state)
{
	struct waitqueue *queue = queue_of(state);

	if (queue != NULL)
		call_oldest(shared, queue, 0);
}

/* Whether waiting is pointless: there is room, or there never will be. */
static bool
need_not_wait(const struct worker *worker, const struct service_state *state)
{
	const struct service *service;

	if (worker->table == NULL)
		return false; /* the loop has ended; all conns will end */
	service = table_service_of(worker->table, state);
	return service == NULL ||
	    (!placing_must_wait(service) &&
		waitqueue_is_open(queue_of(state), worker->now_ms));
}

bool
waiting_can_hold(const struct conn *conn)
{
	return conn_settings(conn)->wait_for_backend_ms > 0 &&
	    queue_of(conn->service) != NULL;
}

bool
waiting_for_backend(const struct worker *worker, const struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);

	return service != NULL && !conn->throttled && waiting_can_hold(conn) &&
	    !conn_attempts(conn)->waited &&
	    (waitqueue_is_in_doubt(queue_of(conn->service)) ||
		!candidates_have_any(service));
}

void
waiting_doubt(struct worker *worker, const struct conn *conn)
{
	waitqueue_doubt(queue_of(conn->service), worker->now_ms);
}

void
waiting_trust(struct worker *worker, const struct conn *conn)
{
	struct waitqueue *queue = queue_of(conn->service);

	if (queue != NULL && waitqueue_trust(queue))
		call_oldest(worker->shared, queue, 0);
}

static void
call_if_room(struct worker *worker, struct service_state *state)
{
	if (need_not_wait(worker, state))
		waiting_call(worker->shared, state);
}

/* ---- standing in line -------------------------------------------------- */

static void
part_begins(struct worker *worker, struct waitqueue_part *part)
{
	if (TAILQ_EMPTY(&worker->waiting.parts))
		timer_arm(&worker->timers, &worker->waiting.look,
		    worker->now_ms + LOOK_MS);
	TAILQ_INSERT_TAIL(&worker->waiting.parts, part, entry);
	(void)waitqueue_answer(part); /* earlier calls are obsolete */
}

static void
part_ends(struct worker *worker, struct waitqueue_part *part)
{
	TAILQ_REMOVE(&worker->waiting.parts, part, entry);
	if (TAILQ_EMPTY(&worker->waiting.parts))
		timer_disarm(&worker->timers, &worker->waiting.look);
}

static void
show_oldest(struct waitqueue_part *part)
{
	const struct conn *first = TAILQ_FIRST(&part->line);

	waitqueue_set_oldest(part,
	    first != NULL ? conn_attempts(first)->ticket : WAITQUEUE_NOBODY);
}

/* Nearly always inserts at the end.  Conns with older tickets come from other
 * workers or have waited before. */
static void
step_in(struct worker *worker, struct conn *conn)
{
	struct waitqueue_part *part = part_of(worker, conn);
	struct conn *before = TAILQ_LAST(&part->line, conn_line);
	const uint64_t ticket = conn_attempts(conn)->ticket;

	if (before == NULL)
		part_begins(worker, part);
	while (before != NULL && conn_attempts(before)->ticket > ticket)
		before = TAILQ_PREV(before, conn_line, entry);
	if (before != NULL)
		TAILQ_INSERT_AFTER(&part->line, before, conn, entry);
	else
		TAILQ_INSERT_HEAD(&part->line, conn, entry);
	part->retriers += conn_attempts(conn)->tries > 0;
	show_oldest(part);
	call_if_room(worker, conn->service);
}

static void
step_out(struct worker *worker, struct conn *conn)
{
	struct waitqueue_part *part = part_of(worker, conn);

	TAILQ_REMOVE(&part->line, conn, entry);
	part->retriers -= conn_attempts(conn)->tries > 0;
	if (TAILQ_EMPTY(&part->line))
		part_ends(worker, part);
	show_oldest(part);
}

bool
waiting_enter(struct worker *worker, struct conn *conn, uint64_t limit)
{
	struct waitqueue *queue = queue_of(conn->service);
	struct attempts *attempts = conn_attempts(conn);

	/* whoever has waited before keeps its place, also in a full queue */
	if (!waitqueue_enter(queue, attempts->ticket != 0 ? UINT64_MAX : limit))
		return false;
	if (attempts->ticket == 0)
		attempts->ticket = waitqueue_ticket(queue);
	attempts->queued_since = (uint32_t)worker->now_ms;
	step_in(worker, conn);
	return true;
}

/* A throttled conn is not in line. */
static void
hold(struct worker *worker, struct conn *conn)
{
	(void)atomic_fetch_add(&queue_of(conn->service)->throttled, 1);
	TAILQ_INSERT_TAIL(&worker->waiting.throttled, conn, entry);
	if (!timer_armed(&worker->waiting.retry))
		throttle_arm(worker);
}

static void
release(struct worker *worker, struct conn *conn)
{
	TAILQ_REMOVE(&worker->waiting.throttled, conn, entry);
	(void)atomic_fetch_sub(&queue_of(conn->service)->throttled, 1);
}

bool
waiting_throttle(struct worker *worker, struct conn *conn, uint64_t limit)
{
	struct waitqueue *queue = queue_of(conn->service);

	if (queue == NULL || !waitqueue_enter(queue, limit))
		return false;
	conn_attempts(conn)->ticket = waitqueue_ticket(queue);
	conn_attempts(conn)->queued_since = (uint32_t)worker->now_ms;
	conn->throttled = true;
	hold(worker, conn);
	return true;
}

void
waiting_leave(struct worker *worker, struct conn *conn)
{
	if (conn->throttled)
		release(worker, conn);
	else
		step_out(worker, conn);
	conn->throttled = false;
	waitqueue_leave(queue_of(conn->service));
	conn->queue_ms += (uint32_t)worker->now_ms -
	    conn_attempts(conn)->queued_since;
	/* the call that was meant for it may have been another's */
	call_if_room(worker, conn->service);
}

void
waiting_detach(struct worker *worker, struct conn *conn)
{
	if (conn->throttled)
		release(worker, conn);
	else
		step_out(worker, conn);
}

void
waiting_attach(struct worker *worker, struct conn *conn)
{
	if (conn->throttled)
		hold(worker, conn);
	else
		step_in(worker, conn);
}

/* ---- being called ------------------------------------------------------ */

static bool
tried_the_same(const struct attempts *a, const struct attempts *b)
{
	return a->tries == b->tries &&
	    memcmp(a->tried, b->tried, a->tries * sizeof(a->tried[0])) == 0;
}

/* Serves the first conn that finds a backend; false if none does.  A conn that
 * has tried no backend yet can use any: if such a conn finds none, no other
 * conn will. */
static bool
serve_one(struct worker *worker, struct waitqueue_part *part,
    waiting_admit *admit)
{
	const struct conn *failed = NULL;
	struct conn *conn;

	TAILQ_FOREACH(conn, &part->line, entry) {
		if (failed == NULL ||
		    !tried_the_same(conn_attempts(failed),
			conn_attempts(conn))) {
			if (admit(worker, conn))
				return true;
			failed = conn;
		}
		if (part->retriers == 0)
			break;
	}
	return false;
}

/* Whether the first conn of this part has its turn, or nearly so. */
static bool
is_due(const struct waitqueue *queue, const struct waitqueue_part *part)
{
	const struct conn *first = TAILQ_FIRST(&part->line);
	int oldest = waitqueue_oldest(queue, 0);

	if (first == NULL)
		return false;
	return oldest < 0 ||
	    conn_attempts(first)->ticket <=
	    atomic_load(&queue->part[oldest].oldest) +
		(uint64_t)AHEAD_PER_WORKER * queue->workers;
}

static void
answer(struct worker *worker, struct waitqueue_part *part, waiting_admit *admit)
{
	const struct conn *first = TAILQ_FIRST(&part->line);
	struct service_state *state = first->service;
	struct waitqueue *queue = queue_of(state);
	bool served;

	do {
		(void)waitqueue_answer(part);
		served = waitqueue_let_go(queue, worker->now_ms) &&
		    serve_one(worker, part, admit);
	} while (served && is_due(queue, part));
	/* room that no conn here can use may help other workers */
	first = TAILQ_FIRST(&part->line);
	if (!served && first != NULL && need_not_wait(worker, state))
		call_oldest(worker->shared, queue,
		    conn_attempts(first)->ticket);
}

void
on_waiting_bell(struct worker *worker, waiting_admit *admit)
{
	struct waitqueue_part *part, *next;

	for (part = TAILQ_FIRST(&worker->waiting.parts); part != NULL;
	     part = next) {
		next = TAILQ_NEXT(part, entry);
		if (waitqueue_answer(part))
			answer(worker, part, admit);
	}
}

void
on_waiting_look(struct worker *worker)
{
	struct waitqueue_part *part;

	TAILQ_FOREACH(part, &worker->waiting.parts, entry)
		call_if_room(worker, TAILQ_FIRST(&part->line)->service);
	if (!TAILQ_EMPTY(&worker->waiting.parts))
		timer_arm(&worker->timers, &worker->waiting.look,
		    worker->now_ms + LOOK_MS);
}
