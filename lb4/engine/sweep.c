/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The worker's side of listing and killing conns: see sweep.h. */
#include "lb4/engine/sweep.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "lb4/engine/conn.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/types.h"
#include "lb4/model/backend.h"
#include "lb4/table/table.h"

static uint64_t
since(const struct worker *worker, uint64_t then_ms)
{
	return worker->now_ms > then_ms ? worker->now_ms - then_ms : 0;
}

static bool
client_matches(const struct endpoint *want, const struct endpoint *client)
{
	return want->family == 0 ||
	    (want->family == client->family &&
		memcmp(want->ip, client->ip, sizeof(want->ip)) == 0 &&
		(want->port == 0 || want->port == client->port));
}

static uint64_t
moved(const struct conn *conn)
{
	return conn_bytes_from(conn, CLIENT) + conn_bytes_from(conn, BACKEND);
}

static bool
matches(const struct worker *worker, const struct sweep_filter *filter,
    const struct conn *conn)
{
	if (conn->state == CONN_CLOSED ||
	    (filter->id != 0 && filter->id != conn->id))
		return false;
	if (filter->service[0] != '\0' &&
	    strcmp(filter->service, conn->service->name) != 0)
		return false;
	if (filter->backend[0] != '\0' &&
	    (conn->backend == NULL ||
		strcmp(filter->backend, conn->backend->name) != 0))
		return false;
	return client_matches(&filter->client, &conn->client) &&
	    since(worker, conn->last_ms) >= filter->idle_ms &&
	    since(worker, conn_accepted_ms(conn)) >= filter->age_ms &&
	    moved(conn) >= filter->bytes;
}

static void
tell(const struct worker *worker, const struct conn *conn,
    struct sweep_row *row)
{
	*row = (struct sweep_row){
		.id = conn->id,
		.worker = worker->index,
		.state = conn->state,
		.client = conn->client,
		.age_ms = since(worker, conn_accepted_ms(conn)),
		.idle_ms = since(worker, conn->last_ms),
		.bytes_to_backend = conn_bytes_from(conn, CLIENT),
		.bytes_to_client = conn_bytes_from(conn, BACKEND),
	};
	memcpy(row->service, conn->service->name, sizeof(row->service));
	if (conn->backend != NULL)
		memcpy(row->backend, conn->backend->name, sizeof(row->backend));
}

static_assert(offsetof(struct sweep, walk) == 0,
    "a walk's address is its sweep's");

void
sweep_run(struct worker *worker, struct walk *walk)
{
	struct sweep *sweep = (struct sweep *)walk;
	struct conn *conn;

	walk_begin(walk);
	sweep->rows = 0;
	while (sweep->rows < SWEEP_ROWS &&
	    (conn = walk_next(worker, walk)) != NULL) {
		if (!matches(worker, &sweep->filter, conn))
			continue;
		tell(worker, conn, &sweep->row[sweep->rows++]);
		if (sweep->act == SWEEP_KILL)
			conn_kill(worker, conn);
	}
	walk_end(worker, walk);
}
