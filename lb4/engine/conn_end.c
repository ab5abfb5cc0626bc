/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The end of a conn: see conn_end.h.  Called by conn.c. */
#include "lb4/engine/conn_end.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "lb4/engine/access_lines.h"
#include "lb4/engine/conn_connect.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/gather.h"
#include "lb4/engine/mirror.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/tcpinfo.h"
#include "lb4/engine/throttle.h"
#include "lb4/engine/waiting.h"
#include "lb4/engine/worker_post.h"

static_assert(REASON_COUNT <= SERVICE_CLOSES_MAX, "a count for each reason");

/* A reset that waits for the other side looks at least this often. */
#define RESET_POLL_MS 20

/* After a normal end the kernel goes on delivering what the sockets hold.  A
 * reset discards it. */
static struct outcome
outcome_of(const struct conn *conn)
{
	struct outcome outcome = {
		.discarded = conn->established ? conn->relays.lost : 0,
	};

	for (int s = CLIENT; s < SIDES; s++) {
		uint64_t undelivered = 0;

		if (conn->reason != REASON_DONE)
			outcome.discarded += progress_unread(conn->side[s].fd);
		if (!reason_is_normal(conn->reason))
			undelivered = progress_undelivered(conn, s);
		outcome.discarded += undelivered;
		outcome.delivered[s] = conn_bytes_from(conn, conn_other(s)) -
		    undelivered;
	}
	return outcome;
}

static void
count_times(struct worker *worker, const struct conn *conn,
    struct service_stats *stats)
{
	const uint64_t lived_us = conn_since_us(worker, conn->accepted_us);

	histogram_observe(&stats->session, &histogram_long, lived_us);
	if (conn->established)
		histogram_observe(&conn_backend_stats(worker, conn)->session,
		    &histogram_long, lived_us);
	else if (conn_attempts(conn)->ticket != 0)
		histogram_observe(&stats->queue, &histogram_short,
		    (uint64_t)conn->queue_ms * 1000);
}

static void
account_end(struct worker *worker, const struct conn *conn)
{
	struct service_stats *stats = conn_service_stats(worker, conn);
	const struct outcome outcome = outcome_of(conn);

	conn_count(&stats->closed, 1);
	conn_count(&stats->closes[conn->reason], 1);
	if (!conn->established)
		conn_count(&stats->failed, 1);
	else if (conn->reason == REASON_DONE &&
	    conn_bytes_from(conn, BACKEND) == 0)
		conn_count(&conn_backend_stats(worker, conn)->answered, 1);
	count_times(worker, conn, stats);
	if (outcome.discarded > 0)
		conn_count(&stats->discarded_bytes, outcome.discarded);
	if (conn->reason == REASON_CLIENT_STALLED ||
	    conn->reason == REASON_BACKEND_STALLED)
		conn_count(&stats->stalled, 1);
	if (conn->reason == REASON_SHED)
		conn_count(&stats->shed, 1);
	access_lines_end(worker, conn, &outcome);
}

static void
discard_held(struct worker *worker, struct relays *relays)
{
	for (int s = CLIENT; s < SIDES; s++)
		relays->lost += relay_discard(&worker->relays,
		    &relays->from[s]);
}

void
conn_close(struct worker *worker, struct conn *conn, enum reason reason)
{
	bool reset = !reason_is_normal(reason);

	conn->reason = (uint8_t)reason;
	if (conn->state == CONN_QUEUED)
		waiting_leave(worker, conn);
	if (conn->established)
		discard_held(worker, conn_relays(conn));
	account_end(worker, conn);
	mirror_end(worker, conn, reset);
	if (conn->established)
		tcpinfo_sample(worker, conn);
	conn_close_side(&conn->side[CLIENT], reset);
	conn_close_backend(worker, conn, reset);

	timer_disarm(&worker->timers, &conn->timer);
	conn_ready_remove(worker, conn);
	gather_forget(worker, conn);
	progress_forget(worker, conn);
	conn_release_backend(worker, conn);
	conn_set_state(conn, CONN_CLOSED);
	TAILQ_INSERT_TAIL(&worker->dead, conn, entry);

	throttle_leave(worker, conn);
	terms_leave(conn->terms, worker->index);
	worker_leave(worker->shared, &conn->service->gate);
	worker_leave(worker->shared, &worker->shared->gate);
}

void
conns_bury(struct worker *worker)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&worker->dead)) != NULL) {
		TAILQ_REMOVE(&worker->dead, conn, entry);
		slots_release(&worker->conns, conn);
	}
}

/* ---- passing a reset on ------------------------------------------------- */

static enum reason
reset_reason(const struct conn *conn, enum conn_side failed)
{
	if (failed == CLIENT)
		return conn_half_closed(conn) ? REASON_CLIENT_RESET_LAST
					      : REASON_CLIENT_RESET;
	return conn_half_closed(conn) ? REASON_BACKEND_RESET_LAST
				      : REASON_BACKEND_RESET;
}

/* A backend that resets a conn before it has sent a byte may be about to die.
 * If the client has left first, the reset may be the answer to that. */
static void
note_early_reset(struct worker *worker, const struct conn *conn)
{
	const struct side *client = &conn->side[CLIENT];

	if (conn->failed_side != BACKEND || client->eof || client->rdhup ||
	    client->failed || conn_bytes_from(conn, BACKEND) > 0 ||
	    progress_unread(conn->side[BACKEND].fd) > 0)
		return;
	conn_count(&conn_backend_stats(worker, conn)->early_resets, 1);
	conn_suspect(worker, conn);
}

void
conn_begin_reset(struct worker *worker, struct conn *conn)
{
	const enum conn_side failed = conn->failed_side;
	struct relays *relays = conn_relays(conn);
	struct side *side = &conn->side[failed];

	/* later calls return these once an earlier call has consumed the error
	 * itself */
	if (conn->error == 0 || conn->error == EPIPE || conn->error == ENOTCONN)
		conn->error = ECONNRESET;
	conn->reason = (uint8_t)reset_reason(conn, failed);
	note_early_reset(worker, conn);
	side->failed = true;
	side->in_ready = !side->eof;
	relays->linger_since = (uint32_t)worker->now_ms;
	relays->lost += relay_discard(&worker->relays,
	    &relays->from[conn_other(failed)]);
}

void
conn_begin_cut(struct worker *worker, struct conn *conn, enum reason reason)
{
	(void)progress_look(worker, conn);
	gather_forget(worker, conn);
	conn->reason = (uint8_t)reason;
	conn->failed_side = SIDES;
	conn_relays(conn)->linger_since = (uint32_t)worker->now_ms;
}

bool
conn_all_is_read(const struct conn *conn)
{
	return progress_unread(conn->side[CLIENT].fd) == 0 &&
	    progress_unread(conn->side[BACKEND].fd) == 0;
}

/* How much of reset-linger has passed. */
static uint32_t
lingered_ms(const struct worker *worker, const struct conn *conn)
{
	return (uint32_t)worker->now_ms - conn_relays(conn)->linger_since;
}

/* Moves what the failed side sent before it failed.  Returns true when nothing
 * is left. */
static bool
drain_failed_side(struct worker *worker, struct conn *conn, bool *hopeless)
{
	enum conn_side from = conn->failed_side;
	int error;

	switch (conn_move_bytes(worker, conn, from, &error)) {
	case RELAY_HAS_MORE:
		conn_ready_add(worker, conn);
		return false;
	case RELAY_TO_FAILED:
	case RELAY_NO_RESOURCE:
		*hopeless = true;
		return false;
	default:
		return conn_held_from(conn, from) == 0 &&
		    !conn->side[from].in_ready;
	}
}

/* Sends what the relay's pipe holds, then the FIN if that was all.  Reads
 * nothing more.  Returns how many bytes the receiver is still owed. */
static uint64_t
flush_for_cut(struct worker *worker, struct conn *conn, enum conn_side from)
{
	struct side *to = &conn->side[conn_other(from)];
	int error;

	conn->side[from].in_ready = false;
	if (conn_held_from(conn, from) > 0 &&
	    conn_move_bytes(worker, conn, from, &error) == RELAY_FINISHED &&
	    !conn->side[from].failed && shutdown(to->fd, SHUT_WR) == 0)
		to->fin_sent = true;
	return to->failed
	    ? 0
	    : conn_held_from(conn, from) + progress_unsent(to->fd);
}

/* Continues a cut.  Returns true when both sides have what they are owed, or
 * take no more of it. */
static bool
continue_cut(struct worker *worker, struct conn *conn)
{
	const uint64_t owed = flush_for_cut(worker, conn, CLIENT) +
	    flush_for_cut(worker, conn, BACKEND);

	if (progress_look(worker, conn))
		conn_relays(conn)->linger_since = (uint32_t)worker->now_ms;
	if (owed == 0 ||
	    lingered_ms(worker, conn) >= conn_settings(conn)->reset_linger_ms)
		return true;
	timer_arm(&worker->timers, &conn->timer,
	    worker->now_ms + RESET_POLL_MS);
	return false;
}

/* Continues a reset by one side.  Returns true when the other side has
 * everything, cannot get it, or has used up reset-linger. */
static bool
pass_reset_on(struct worker *worker, struct conn *conn)
{
	struct side *to = &conn->side[conn_other(conn->failed_side)];
	uint32_t waited = lingered_ms(worker, conn);
	uint32_t pause = waited < 1 ? 1 : waited;
	bool hopeless = to->failed;
	bool drained = !hopeless && drain_failed_side(worker, conn, &hopeless);

	if (hopeless || waited >= conn_settings(conn)->reset_linger_ms ||
	    (drained && progress_unsent(to->fd) == 0))
		return true;
	if (pause > RESET_POLL_MS)
		pause = RESET_POLL_MS;
	timer_arm(&worker->timers, &conn->timer, worker->now_ms + pause);
	return false;
}

bool
conn_end_step(struct worker *worker, struct conn *conn)
{
	return conn->failed_side == SIDES ? continue_cut(worker, conn)
					  : pass_reset_on(worker, conn);
}
