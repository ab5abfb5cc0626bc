/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Bulk input is read by the clock: see gather.h.  Called by conn.c, worker.c.
 */
#include "lb4/engine/gather.h"

#include <sys/socket.h>

#include "lb4/engine/conn_state.h"

static bool
report_from(const struct side *side, int bytes)
{
	return setsockopt(side->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes,
		   sizeof(bytes)) == 0;
}

static void
enlist(struct worker *worker, struct conn *conn)
{
	if (conn->gathering != GATHER_NOT)
		return;
	if (TAILQ_EMPTY(&worker->gathering) && TAILQ_EMPTY(&worker->to_look))
		worker->gather_us = worker->now_us + GATHER_US;
	conn->gathering = GATHER_WAITS;
	TAILQ_INSERT_TAIL(&worker->gathering, conn, gather_entry);
}

/* Lists only conns that wait for input.  The others wait for an edge that says
 * that there is room again, and have input to go on with then. */
static void
list_if_dry(struct worker *worker, struct conn *conn)
{
	for (int s = CLIENT; s < SIDES; s++)
		if (conn->side[s].gathers && !conn->side[s].in_ready) {
			enlist(worker, conn);
			return;
		}
	gather_forget(worker, conn);
}

static void
begin(struct side *side, struct relay *relay)
{
	side->gathers = report_from(side, GATHER_BYTES);
	relay->scarce = 0;
	if (!side->gathers)
		relay->streak = 0; /* this socket cannot; do not retry soon */
}

static void
end(struct side *side, struct relay *relay)
{
	/* this call reports what has arrived meanwhile */
	(void)report_from(side, 1);
	side->gathers = false;
	relay->streak = 0;
}

void
gather_update(struct worker *worker, struct conn *conn, enum conn_side from,
    uint64_t moved)
{
	struct side *side = &conn->side[from];
	struct relays *relays = conn_relays(conn);
	struct relay *relay = &relays->from[from];
	struct relay *back = &relays->from[conn_other(from)];

	if (moved > 0 && moved < GATHER_LITTLE)
		back->streak = 0;

	if (moved >= GATHER_LITTLE || side->in_ready)
		relay->scarce = 0;
	else
		relay->scarce++;
	if (!side->gathers) {
		if (relay->streak < GATHER_AFTER || side->eof)
			return;
		begin(side, relay);
	} else if (relay->streak == 0 || side->eof ||
	    relay->scarce >= GATHER_SCARCE) {
		end(side, relay);
	}
	list_if_dry(worker, conn);
}

void
gather_forget(struct worker *worker, struct conn *conn)
{
	if (conn->gathering == GATHER_WAITS)
		TAILQ_REMOVE(&worker->gathering, conn, gather_entry);
	else if (conn->gathering == GATHER_DUE)
		TAILQ_REMOVE(&worker->to_look, conn, gather_entry);
	conn->gathering = GATHER_NOT;
}

void
gather_resume(struct conn *conn)
{
	for (int s = CLIENT; s < SIDES; s++)
		if (conn->side[s].gathers)
			conn->side[s].in_ready = !conn->side[s].eof;
}

int
gather_sleep_us(const struct worker *worker, int sleep_ms)
{
	uint64_t left;

	if (!TAILQ_EMPTY(&worker->to_look))
		return 0;
	if (TAILQ_EMPTY(&worker->gathering))
		return -1;
	left = worker->gather_us > worker->now_us
	    ? worker->gather_us - worker->now_us
	    : 0;
	if (sleep_ms >= 0 && left > (uint64_t)sleep_ms * 1000)
		left = (uint64_t)sleep_ms * 1000;
	return (int)left;
}

/* Begins a new round: all conns are due. */
static void
begin_round(struct worker *worker)
{
	struct conn *conn;

	TAILQ_FOREACH(conn, &worker->gathering, gather_entry)
		conn->gathering = GATHER_DUE;
	TAILQ_CONCAT(&worker->to_look, &worker->gathering, gather_entry);
	worker->gather_us = worker->now_us + GATHER_US;
}

struct conn *
gather_next(struct worker *worker)
{
	struct conn *conn;

	if (TAILQ_EMPTY(&worker->to_look) && !TAILQ_EMPTY(&worker->gathering) &&
	    worker->now_us >= worker->gather_us)
		begin_round(worker);
	if ((conn = TAILQ_FIRST(&worker->to_look)) == NULL)
		return NULL;
	gather_forget(worker, conn);
	gather_resume(conn);
	return conn;
}
