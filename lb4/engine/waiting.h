/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The conns of a worker that wait for a backend, because all backends that they
 * may use are at their maxconn, or none is available: the worker's parts of the services' queues.
 * Called by conn.c and worker.c.  lb4/model/waitqueue.h explains how the
 * workers' parts form one queue, and why no conn is forgotten.
 */
#ifndef LB4_ENGINE_WAITING_H
#define LB4_ENGINE_WAITING_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct service_state;
struct waiting;
struct worker;
struct worker_shared;

void waiting_init(struct waiting *waiting);

/* Whether conns wait already, so that a new conn must queue behind them. */
bool waiting_is_used(const struct service_state *state);

/*
 * Puts a conn in line, with its old ticket if it has waited before, else with a
 * new one.  Returns false if `limit` conns wait already.  A place that becomes
 * free meanwhile is not lost: a call follows.
 */
bool waiting_enter(struct worker *worker, struct conn *conn, uint64_t limit);

/* Gives a conn that is over a limit a place in the queue, outside of the line:
 * see throttle.h.  Returns false if `limit` conns wait already. */
bool waiting_throttle(struct worker *worker, struct conn *conn, uint64_t limit);

/* Takes the conn out of the line, or out of the throttled ones, and adds the
 * time to its queue_ms. */
void waiting_leave(struct worker *worker, struct conn *conn);

/* The same for a conn that moves to another worker, where it keeps its ticket.
 */
void waiting_detach(struct worker *worker, struct conn *conn);
void waiting_attach(struct worker *worker, struct conn *conn);

/* A place at one of the service's backends has become free: calls the worker of
 * the oldest conn that waits.  From any worker. */
void waiting_call(struct worker_shared *shared, struct service_state *state);

/* Whether the conn may wait for a backend to be available: wait-for-backend. */
bool waiting_can_hold(const struct conn *conn);

/* Whether the conn waits, or would, because no backend is available or none
 * answers: wait-for-backend.  Otherwise it waits for room. */
bool waiting_for_backend(const struct worker *worker, const struct conn *conn);

/* The conn, which can wait, has found no backend that answers; a backend has
 * answered. */
void waiting_doubt(struct worker *worker, const struct conn *conn);
void waiting_trust(struct worker *worker, const struct conn *conn);

/* conn_admit(): connects the conn if a backend has room, or if there is nothing
 * to wait for.  False: the conn keeps waiting. */
typedef bool waiting_admit(struct worker *worker, struct conn *conn);

/* The worker's bell has rung: conns that were called may connect now. */
void on_waiting_bell(struct worker *worker, waiting_admit *admit);

/* It is time to look for room that no conn has made. */
void on_waiting_look(struct worker *worker);

#endif
