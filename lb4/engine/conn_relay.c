/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A conn that relays: see conn_relay.h.  Called by conn.c. */
#include "lb4/engine/conn_relay.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/sock.h"
#include "lb4/engine/access_lines.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/gather.h"
#include "lb4/engine/mirror.h"
#include "lb4/engine/preface.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/weigh.h"

/* A conn past its max-lifetime gets at least this long to become idle. */
#define LIFETIME_GRACE_MS 5000

/* The relay from that side had moved `before` bytes, and now has more. */
static void
count_moved(struct worker *worker, const struct conn *conn, enum conn_side from,
    uint64_t before)
{
	struct backend_stats *backend = conn_backend_stats(worker, conn);
	struct service_stats *service = conn_service_stats(worker, conn);
	const uint64_t moved = conn_bytes_from(conn, from) - before;

	if (from == CLIENT) {
		conn_count(&backend->bytes_to_backend, moved);
		conn_count(&service->bytes_to_backend, moved);
		return;
	}
	conn_count(&backend->bytes_to_client, moved);
	conn_count(&service->bytes_to_client, moved);
	if (before == 0) {
		conn_count(&backend->answered, 1);
		const uint64_t took_us = conn_since_us(worker, conn->step_us);

		histogram_observe(&backend->first_byte, &histogram_short,
		    took_us);
		histogram_observe(&service->first_byte, &histogram_short,
		    took_us);
	}
}

/* What lb4 itself has to send goes out before the client's first byte.  It is
 * not counted as the client's. */
static enum relay_result
send_preface(struct worker *worker, struct conn *conn, int *error)
{
	*error = -preface_send(worker, conn);
	switch (*error) {
	case 0:
	case EAGAIN:
		return RELAY_WAITS;
	case ENOBUFS:
	case ENOMEM:
		return RELAY_NO_RESOURCE;
	default:
		conn->side[BACKEND].failed = true;
		return RELAY_TO_FAILED;
	}
}

/* The backend's answer to what lb4 itself has sent is not for the client. */
static enum relay_result
take_answer(struct worker *worker, struct conn *conn, int *error)
{
	*error = conn->side[BACKEND].eof ? EPROTO
					 : -preface_take_answer(worker, conn);
	if (*error == 0)
		conn_ready_add(worker, conn); /* the client's turn */
	if (*error == 0 || *error == EAGAIN)
		return RELAY_WAITS;
	conn->side[BACKEND].failed = true;
	return RELAY_FROM_FAILED;
}

enum relay_result
conn_move_bytes(struct worker *worker, struct conn *conn, enum conn_side from,
    int *error)
{
	struct relay *relay = &conn_relays(conn)->from[from];
	const uint64_t before = relay->bytes;
	struct relay_failure failure = { 0 };
	enum relay_result result;

	if (conn->preface && from == CLIENT) {
		result = send_preface(worker, conn, error);
		if (conn->preface)
			return result;
	} else if (conn->preface && preface_awaits(worker, conn)) {
		result = take_answer(worker, conn, error);
		if (conn->preface)
			return result;
	}
	if (from == CLIENT)
		worker->relays.tap = mirror_tap(worker, conn);
	result = relay_run(&worker->relays, relay, &conn->side[from],
	    &conn->side[conn_other(from)], &failure);
	worker->relays.tap = NULL;
	if (from == CLIENT)
		mirror_moved(worker, conn);
	if (relay->bytes != before)
		count_moved(worker, conn, from, before);
	conn_relays(conn)->lost += failure.lost;
	*error = failure.error;
	return result;
}

bool
conn_is_idle(const struct worker *worker, const struct conn *conn)
{
	if (conn->state != CONN_RELAYING || conn->ready ||
	    conn_half_closed(conn) ||
	    conn_quiet_ms(worker, conn) < CONN_QUIET_MS)
		return false;
	for (int s = CLIENT; s < SIDES; s++) {
		const struct side *side = &conn->side[s];

		if (conn_held_from(conn, s) > 0 || side->eof || side->rdhup ||
		    side->failed || progress_unread(side->fd) > 0 ||
		    progress_unsent(side->fd) > 0)
			return false;
	}
	return true;
}

uint64_t
conn_quiet_ms(const struct worker *worker, const struct conn *conn)
{
	uint64_t quiet_ms = worker->now_ms > conn->last_ms
	    ? worker->now_ms - conn->last_ms
	    : 0;

	return conn_bytes_from(conn, CLIENT) > 0 && conn->last_from == CLIENT
	    ? quiet_ms / 10
	    : quiet_ms;
}

/* ---- the timer ---------------------------------------------------------- */

uint64_t
conn_lifetime_end(const struct conn *conn)
{
	const uint64_t max_ms = conn_settings(conn)->max_lifetime_ms;
	/* the upper half of a product with 2^64 / phi: well spread */
	const uint64_t spread = conn->id * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	return conn_accepted_ms(conn) + max_ms - (max_ms / 10 * spread >> 32);
}

uint64_t
conn_lifetime_cut(const struct conn *conn)
{
	const uint64_t max_ms = conn_settings(conn)->max_lifetime_ms;
	const uint64_t tenth_ms = max_ms / 10;

	return conn_accepted_ms(conn) + max_ms +
	    (tenth_ms > LIFETIME_GRACE_MS ? tenth_ms : LIFETIME_GRACE_MS) +
	    conn->excused_ms;
}

/* When to check next whether the conn must end because of max-lifetime. */
static uint64_t
lifetime_look(const struct worker *worker, const struct conn *conn)
{
	const uint64_t cut_ms = conn_lifetime_cut(conn);
	uint64_t look_ms = conn->last_ms + CONN_QUIET_MS;

	if (worker->now_ms < conn_lifetime_end(conn))
		return conn_lifetime_end(conn);
	if (look_ms <= worker->now_ms)
		look_ms = worker->now_ms + CONN_QUIET_MS / 4;
	return look_ms < cut_ms ? look_ms : cut_ms;
}

uint64_t
conn_silence_limit(const struct conn *conn)
{
	return conn_half_closed(conn)
	    ? conn_settings(conn)->timeout_half_close_ms
	    : conn_settings(conn)->timeout_idle_ms;
}

void
conn_arm_idle(struct worker *worker, struct conn *conn)
{
	const uint64_t limit_ms = conn_silence_limit(conn);
	uint64_t next_ms = conn->last_ms + limit_ms;

	if (conn_settings(conn)->max_lifetime_ms != 0 &&
	    lifetime_look(worker, conn) < next_ms)
		next_ms = lifetime_look(worker, conn);
	if (!conn->unwatched &&
	    worker->now_ms + progress_pause_ms(conn, limit_ms) < next_ms)
		next_ms = worker->now_ms + progress_pause_ms(conn, limit_ms);
	if (access_lines_next(worker, conn) < next_ms)
		next_ms = access_lines_next(worker, conn);
	timer_arm(&worker->timers, &conn->timer, next_ms);
}

/* Bytes have moved while no look was scheduled. */
static void
begin_looks(struct worker *worker, struct conn *conn)
{
	conn->unwatched = false;
	conn_arm_idle(worker, conn);
}

/* ---- running ------------------------------------------------------------ */

/* Whether everything from `side` has been passed on, including its FIN. */
static bool
finished(const struct conn *conn, enum conn_side side)
{
	return conn->side[conn_other(side)].fin_sent;
}

static enum conn_relayed
failed(struct conn *conn, enum conn_side side, int error)
{
	conn->failed_side = (uint8_t)side;
	conn->error = error;
	return CONN_FAILED;
}

/* `from` has ended and all its bytes are delivered: passes the FIN on, or
 * returns how the conn ends. */
static enum conn_relayed
pass_fin(struct worker *worker, struct conn *conn, enum conn_side from)
{
	struct side *to = &conn->side[conn_other(from)];

	if (conn->side[from].failed)
		return failed(conn, from, 0);
	if (from == CLIENT)
		mirror_pass_fin(worker, conn);
	if (finished(conn, conn_other(from)))
		return CONN_FINISHED;
	if (shutdown(to->fd, SHUT_WR) == -1)
		return failed(conn, conn_other(from), errno);
	to->fin_sent = true;
	conn->last_ms = worker->now_ms;
	conn_arm_idle(worker, conn);
	return CONN_GOES_ON;
}

static enum conn_relayed
run_relay(struct worker *worker, struct conn *conn, enum conn_side from)
{
	struct relay *relay = &conn_relays(conn)->from[from];
	const uint64_t before = relay->bytes;
	enum relay_result result;
	int error = 0;

	result = conn_move_bytes(worker, conn, from, &error);
	if (relay->bytes != before) {
		conn->last_ms = worker->now_ms;
		conn->last_from = (uint8_t)from;
		if (conn->unwatched)
			begin_looks(worker, conn);
	}
	switch (result) {
	case RELAY_WAITS:
		gather_update(worker, conn, from, relay->bytes - before);
		return CONN_GOES_ON;
	case RELAY_HAS_MORE:
		conn_ready_add(worker, conn);
		return CONN_GOES_ON;
	case RELAY_FINISHED:
		return pass_fin(worker, conn, from);
	case RELAY_FROM_FAILED:
		return failed(conn, from, error);
	case RELAY_TO_FAILED:
		return failed(conn, conn_other(from), error);
	case RELAY_NO_RESOURCE:
		conn->error = error;
		return CONN_NO_RESOURCE;
	}
	return CONN_GOES_ON;
}

enum conn_relayed
conn_relay(struct worker *worker, struct conn *conn, enum conn_side first)
{
	enum conn_relayed relayed = CONN_GOES_ON;

	weigh_count(worker, conn);
	if (!finished(conn, first))
		relayed = run_relay(worker, conn, first);
	if (relayed == CONN_GOES_ON && !finished(conn, conn_other(first)))
		relayed = run_relay(worker, conn, conn_other(first));
	if (relayed != CONN_GOES_ON)
		return relayed;
	/* A socket may fail while nothing is read from it: after its FIN, or
	 * while the pipe is full. */
	for (int s = CLIENT; s < SIDES; s++)
		if (conn->side[s].failed)
			return failed(conn, (enum conn_side)s,
			    -sock_error(conn->side[s].fd));
	return CONN_GOES_ON;
}
