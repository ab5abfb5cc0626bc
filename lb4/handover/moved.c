/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The conns that the new process has taken: see moved.h. */
#include "lb4/handover/moved.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/sources.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/types.h"
#include "lb4/table/table.h"

struct moved_conn {
	struct service_state *service;
	struct backend *backend;
	uint8_t state; /* enum conn_state */
	sources_entry source;
};

int
moved_make_room(struct moved *moved)
{
	const size_t room = 2 * moved->room + MOVING_CONNS;
	struct moved_conn *conn;

	if (moved->count + MOVING_CONNS <= moved->room)
		return 0;
	conn = reallocarray(moved->conn, room, sizeof(*conn));
	if (conn == NULL)
		return -ENOMEM;
	moved->conn = conn;
	moved->room = room;
	return 0;
}

void
moved_note(struct moved *moved, const struct moving *moving)
{
	assert(moved->count + moving->conns <= moved->room);
	for (unsigned i = 0; i < moving->conns; i++) {
		const struct conn *conn = moving->conn[i];

		if (moving->gone[i])
			moved->conn[moved->count++] = (struct moved_conn){
				.service = conn->service,
				.backend = conn->backend,
				.state = conn->state,
				.source =
				    ((const struct detached *)conn)->source,
			};
	}
}

void
moved_give_up(const struct moved *moved, struct engine *engine,
    struct tables *tables)
{
	struct worker_shared *shared = engine_shared(engine);

	for (size_t i = 0; i < moved->count; i++) {
		sources_leave(shared->sources, moved->conn[i].source);
		moving_lost(shared, moved->conn[i].service,
		    moved->conn[i].backend, moved->conn[i].state);
	}
	/* the trees of leastconn are read again */
	(void)atomic_fetch_add(&tables->changes, 1);
}

void
moved_done(struct moved *moved)
{
	free(moved->conn);
	*moved = (struct moved){ .count = 0 };
}
