/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What all parts of a conn's life share: its state, its counts, its place in
 * the ready list, its sockets.  Called by conn.c, conn_connect.c, conn_relay.c
 * and conn_end.c.
 */
#ifndef LB4_ENGINE_CONN_STATE_H
#define LB4_ENGINE_CONN_STATE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/types.h"
#include "lb4/model/service.h"
#include "lb4/model/terms.h"

/* Changes the state; nothing else does.  Asserts that conn.h allows the step.
 * Called only by the events in conn.c and by conn_close(). */
void conn_set_state(struct conn *conn, enum conn_state state);

const char *conn_state_name(enum conn_state state);

/* Adds the socket of that side to epoll.  0 or -errno. */
must_check int conn_watch(struct worker *worker, const struct conn *conn,
    enum conn_side side);

/* Closes the socket, if there is one; with a reset if `reset` is set. */
void conn_close_side(struct side *side, bool reset);

static inline enum conn_side
conn_other(enum conn_side side)
{
	return side == CLIENT ? BACKEND : CLIENT;
}

static inline bool
conn_half_closed(const struct conn *conn)
{
	return conn->side[CLIENT].fin_sent || conn->side[BACKEND].fin_sent;
}

/* Puts the conn into the list of those that run again in the next turn without
 * an event; takes it out. */
static inline void
conn_ready_add(struct worker *worker, struct conn *conn)
{
	if (conn->ready)
		return;
	conn->ready = true;
	TAILQ_INSERT_TAIL(&worker->ready, conn, entry);
}

static inline void
conn_ready_remove(struct worker *worker, struct conn *conn)
{
	if (!conn->ready)
		return;
	conn->ready = false;
	TAILQ_REMOVE(&worker->ready, conn, entry);
}

static inline struct service_stats *
conn_service_stats(const struct worker *worker, const struct conn *conn)
{
	return &conn->service->stats[worker->index];
}

static inline struct backend_stats *
conn_backend_stats(const struct worker *worker, const struct conn *conn)
{
	return &conn->backend->stats[worker->index];
}

/* What the conn needs until a backend answers, and from then on: each asserts
 * that it is the time for it.  As strchr(3), they take a conn that the caller
 * only reads. */
static inline struct attempts *
conn_attempts(const struct conn *conn)
{
	assert(!conn->established);
	return (struct attempts *)&conn->attempts;
}

static inline struct relays *
conn_relays(const struct conn *conn)
{
	assert(conn->established);
	return (struct relays *)&conn->relays;
}

/* Bytes from that side that have been delivered to the other so far. */
static inline uint64_t
conn_bytes_from(const struct conn *conn, int side)
{
	return conn->established ? conn->relays.from[side].bytes : 0;
}

/* Bytes from that side in the relay's pipe. */
static inline uint32_t
conn_held_from(const struct conn *conn, int side)
{
	return conn->established ? relay_held(&conn->relays.from[side]) : 0;
}

/* The settings of its service, as they were when it began. */
static inline const struct conn_settings *
conn_settings(const struct conn *conn)
{
	return &conn->terms->settings;
}

static inline uint64_t
conn_accepted_ms(const struct conn *conn)
{
	return conn->accepted_us / 1000;
}

/* How long ago that was, by the clock of this turn.  A conn may come from
 * another worker, whose turn began after this one. */
static inline uint64_t
conn_since_us(const struct worker *worker, uint64_t then_us)
{
	return worker->now_us > then_us ? worker->now_us - then_us : 0;
}

/* Adds to a counter that only this worker writes. */
static inline void
conn_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

#endif
