/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* How much work conns are: see weigh.h. */
#include "lb4/engine/weigh.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lb4/config/settings.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/types.h"

void
weigh_set(struct worker_shared *shared, const struct config *config)
{
	atomic_store_explicit(&shared->weighs, config->worker_rebalance,
	    memory_order_relaxed);
}

int
weigh_init(struct worker *worker)
{
	/* a page of it is touched only when a conn there is weighed */
	worker->weighed = calloc(worker->conns.count, sizeof(*worker->weighed));
	return worker->weighed != NULL ? 0 : -ENOMEM;
}

void
weigh_done(struct worker *worker)
{
	free(worker->weighed);
	worker->weighed = NULL;
}

static struct weighed *
note_of(const struct worker *worker, const struct conn *conn)
{
	return &worker->weighed[slots_index(&worker->conns, conn)];
}

void
weigh_count(struct worker *worker, const struct conn *conn)
{
	if (!atomic_load_explicit(&worker->shared->weighs,
		memory_order_relaxed))
		return;
	worker->runs++;
	note_of(worker, conn)->runs++;
}

uint64_t
weigh_worker(const struct worker *worker)
{
	const struct relay_env *relays = &worker->relays;

	return (relays->spliced_bytes + relays->copied_bytes) / 1024 +
	    worker->runs * WEIGH_RUN +
	    (worker->last_conn - worker->shared->last_conn) * WEIGH_OPEN;
}

/* What the conn has done so far, and others that had its slot: low bits. */
static uint32_t
work_of(const struct worker *worker, const struct conn *conn)
{
	const uint64_t bytes = conn_bytes_from(conn, CLIENT) +
	    conn_bytes_from(conn, BACKEND);

	return (uint32_t)(bytes / 1024) +
	    note_of(worker, conn)->runs * WEIGH_RUN;
}

void
weigh_begin(struct worker *worker, const struct conn *conn)
{
	struct weighed *note = note_of(worker, conn);

	note->id = (uint32_t)conn->id;
	note->work = work_of(worker, conn);
}

bool
weigh_end(const struct worker *worker, const struct conn *conn, uint32_t *work)
{
	const struct weighed *note = note_of(worker, conn);

	*work = work_of(worker, conn) - note->work;
	return note->id == (uint32_t)conn->id;
}
