/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The worker's side of moving conns to another process: see moving.h. */
#include "lb4/engine/moving.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/timer.h"
#include "lb4/engine/access.h"
#include "lb4/engine/conn.h"
#include "lb4/engine/conn_connect.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/listener.h"
#include "lb4/engine/mirror.h"
#include "lb4/engine/ownconns.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/types.h"
#include "lb4/engine/waiting.h"
#include "lb4/engine/worker_post.h"
#include "lb4/model/backend.h"
#include "lb4/model/service.h"
#include "lb4/model/terms.h"
#include "lb4/table/table.h"

static_assert(offsetof(struct moving, walk) == 0,
    "a walk's address is its moving's");

/* The conn lives in the other process now.  Its sockets and pipes are closed
 * here, which the peers do not notice. */
static void
forget(struct worker *worker, struct conn *conn)
{
	progress_forget(worker, conn);
	mirror_forget(worker, conn, &((struct detached *)conn)->mirror);
	conn_close_backend(worker, conn, false);
	conn_close_side(&conn->side[CLIENT], false);
	for (int s = CLIENT; s < SIDES && conn->established; s++) {
		struct pipe *pipe = conn->relays.from[s].pipe;

		if (pipe == NULL)
			continue;
		(void)close(pipe->in);
		(void)close(pipe->out);
		free(pipe);
	}
	terms_leave(conn->terms, worker->index);
	free(conn);
}

static void
settle(struct worker *worker, struct moving *moving)
{
	for (unsigned i = 0; i < moving->conns; i++)
		if (moving->gone[i])
			forget(worker, moving->conn[i]);
		else
			conn_attach(worker, moving->conn[i]);
	moving->conns = 0;
}

static void
take(struct worker *worker, struct moving *moving)
{
	struct conn *conn, *detached;

	while (moving->conns < MOVING_CONNS &&
	    (conn = walk_next(worker, &moving->walk)) != NULL) {
		if (conn->state == CONN_CLOSED)
			continue;
		detached = conn_detach(worker, conn);
		if (detached == NULL) {
			moving->failed = true;
			break;
		}
		if (moving->conns == 0)
			moving->since_us = timer_now_us();
		moving->gone[moving->conns] = false;
		moving->conn[moving->conns++] = detached;
	}
}

void
moving_run(struct worker *worker, struct walk *walk)
{
	struct moving *moving = (struct moving *)walk;

	walk_begin(walk);
	assert(worker != NULL); /* workers do not end while conns move */
	if (moving->step == MOVING_PAUSE)
		listeners_close(worker);
	else
		settle(worker, moving);
	moving->failed = false;
	if (moving->step == MOVING_TAKE)
		take(worker, moving);
	moving->last_conn = worker->last_conn;
	walk_end(worker, walk);
}

void
moving_on_adopt(struct worker *worker, struct conn *conn)
{
	const struct service *service =
	    table_service_of(table_current(worker->shared->tables),
		conn->service);
	struct addr addr;

	if (conn->backend != NULL && conn->side[BACKEND].fd >= 0) {
		addr = conn->backend->addr;
		if (addr_port(&addr) == 0)
			addr_set_port(&addr, conn->port);
		if (service != NULL)
			conn->sourced = origins_adopt(&worker->shared->origins,
			    conn->side[BACKEND].fd, conn->backend,
			    &service->settings.source);
		conn->own = ownconns_note(&worker->shared->own,
		    conn->side[BACKEND].fd, &addr);
	}
	terms_enter(conn->terms, worker->index);
	conn_attach(worker, conn);
}

/* ---- places ------------------------------------------------------------- */

/* As those of conns that an earlier process has had: no worker may count for
 * another one. */
static void
count_lost(struct service_state *service, uint8_t state)
{
	struct service_stats *stats = &service->stats[service->workers];

	conn_count(&stats->closed, 1);
	conn_count(&stats->closes[REASON_UPGRADE], 1);
	if (state != CONN_RELAYING && state != CONN_RESETTING)
		conn_count(&stats->failed, 1);
}

void
moving_lost(struct worker_shared *shared, struct service_state *service,
    struct backend *backend, uint8_t state)
{
	count_lost(service, state);
	if (state == CONN_QUEUED)
		waitqueue_leave(atomic_load(&service->waitqueue));
	if (backend != NULL)
		backend_release(backend);
	waiting_call(shared, service);
	worker_leave(shared, &service->gate);
	worker_leave(shared, &shared->gate);
}

void
moving_reserve(struct worker_shared *shared, struct service_state *service,
    uint64_t conns)
{
	(void)atomic_fetch_add(&service->gate.inside, conns);
	(void)atomic_fetch_add(&shared->gate.inside, conns);
}

void
moving_unreserve(struct worker_shared *shared, struct service_state *service,
    uint64_t conns)
{
	waiting_call(shared, service);
	for (; conns > 0; conns--) {
		worker_leave(shared, &service->gate);
		worker_leave(shared, &shared->gate);
	}
}

void
moving_end(struct tables *tables)
{
	const struct states *states = &tables->states;

	for (size_t i = 0; i < states->count; i++) {
		struct waitqueue *queue = states->state[i] != NULL
		    ? atomic_load(&states->state[i]->waitqueue)
		    : NULL;

		if (queue != NULL)
			waitqueue_forget(queue);
	}
}

void
moving_count_from(struct worker_shared *shared, uint64_t last_conn,
    uint64_t last_ticket)
{
	const unsigned workers = atomic_load(&shared->count);

	shared->last_conn = last_conn; /* of workers that come later */
	for (unsigned i = 0; i < workers; i++)
		shared->workers[i].last_conn = last_conn;
	atomic_store(&shared->tickets, last_ticket);
}

void
moving_adopt(struct worker_shared *shared, struct conn *conn, unsigned index)
{
	const unsigned workers = atomic_load(&shared->count);
	const struct worker_message message = {
		.kind = WORKER_ADOPT,
		.conn = conn,
	};

	worker_post(&shared->workers[index % workers], &message);
}
