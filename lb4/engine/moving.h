/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Moving conns to another process: the workers' side.  A moving is a walk
 * (walk.h).  The thread that moves (lb4/handover/send.h) sends it from worker
 * to worker and, between two pieces, owns the conns in it.
 *
 * The process that gives its conns away keeps their places: they stay counted
 * in the gates, at their backends and in the queue, so that nobody else takes
 * these places while the conn lives on elsewhere.  moving_lost() gives them up
 * if the other process has died.
 */
#ifndef LB4_ENGINE_MOVING_H
#define LB4_ENGINE_MOVING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/conn_record.h"
#include "lb4/engine/walk.h"

struct backend;
struct conn;
struct engine;
struct places_drop;
struct service_state;
struct tables;
struct worker;
struct worker_shared;

/* The most conns in one piece: they stand still while they move. */
#define MOVING_CONNS 32

enum moving_step {
	MOVING_PAUSE, /* close the listeners: their sockets stay open */
	MOVING_TAKE,  /* settle, then detach the next conns */
	MOVING_SETTLE,
};

struct moving {
	struct walk walk;

	/* set by the thread that moves */
	enum moving_step step;
	bool gone[MOVING_CONNS]; /* they have arrived; else they come back */

	/* set by the worker */
	struct conn *conn[MOVING_CONNS]; /* detached */
	unsigned conns;
	bool failed;	    /* out of memory: not all conns can be moved */
	uint64_t since_us;  /* the first of them stands still */
	uint64_t last_conn; /* number of the latest conn begun there */
};

/* Does the next piece: walk.run of a moving. */
void moving_run(struct worker *worker, struct walk *walk);

/* Makes `conn`, from another process, one of this worker's. */
void moving_on_adopt(struct worker *worker, struct conn *conn);

/*
 * The rest is for the thread that moves, or for control before its workers
 * run.
 */

/* Sends the moving to its worker.  False: that worker is too busy now. */
bool engine_move(struct engine *engine, struct moving *moving);

/* The new process does not take those sockets: the workers accept what waits
 * there, as after a reload, and leave them. */
void engine_drop(struct engine *engine, const struct places_drop *drop,
    size_t count);

/* Has all workers listen again on their sockets, after MOVING_PAUSE. */
void engine_listen_again(struct engine *engine);

/* What the workers share, for the functions below. */
struct worker_shared *engine_shared(struct engine *engine);

/* A conn that was moved has died with the other process: gives its places up,
 * and counts its end.  `backend` is NULL if it had none; `state` is its enum
 * conn_state. */
void moving_lost(struct worker_shared *shared, struct service_state *service,
    struct backend *backend, uint8_t state);

/* Keeps places for conns of another process that are to come here, and gives up
 * those of conns that have ended there.  Afterwards tables->changes must be
 * counted up. */
void moving_reserve(struct worker_shared *shared, struct service_state *service,
    uint64_t conns);
void moving_unreserve(struct worker_shared *shared,
    struct service_state *service, uint64_t conns);

/* The workers have ended, and another process has the conns for which places
 * are kept here: gives up those in the queues. */
void moving_end(struct tables *tables);

/* New conns get numbers above that one, and listeners tickets above that one.
 * Before engine_start(). */
void moving_count_from(struct worker_shared *shared, uint64_t last_conn,
    uint64_t last_ticket);

/* Gives worker `index`, modulo their number, a conn that conn_record_make()
 * made and for which places are kept. */
void moving_adopt(struct worker_shared *shared, struct conn *conn,
    unsigned index);

#endif
