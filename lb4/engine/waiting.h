/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The conns of a worker that wait for a backend, because all that they may use
 * are at their maxconn: its parts of the services' queues.  Called by conn.c
 * and worker.c.  lb4/model/waitqueue.h says how the workers' parts are one
 * queue, and why nobody is forgotten.
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

/* Whether somebody waits already, so that a new conn has to go behind. */
bool waiting_is_used(const struct service_state *state);

/*
 * Puts a conn in line: with its ticket if it has waited before, else with a new
 * one.  False when `limit` conns wait already.  A place that is free meanwhile
 * is not lost: it will be called for it.
 */
bool waiting_enter(struct worker *worker, struct conn *conn, uint64_t limit);

/* Takes it out of the line and counts the time into its queue_ms. */
void waiting_leave(struct worker *worker, struct conn *conn);

/* The same for a conn that moves to another worker, where it stands in line as
 * it did here. */
void waiting_detach(struct worker *worker, struct conn *conn);
void waiting_attach(struct worker *worker, struct conn *conn);

/* A place at one of the service's backends has become free: calls the oldest
 * waiter's worker.  From any worker. */
void waiting_call(struct worker_shared *shared, struct service_state *state);

/* Has the conn connect if a backend has room for it, or if it has none to wait
 * for: conn_admit().  False: it waits on. */
typedef bool waiting_admit(struct worker *worker, struct conn *conn);

/* The worker's bell has rung: whoever was called may connect now. */
void on_waiting_bell(struct worker *worker, waiting_admit *admit);

/* The time has come to look for room that no conn made. */
void on_waiting_look(struct worker *worker);

#endif
