/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The conns that the new process has taken: see moved.h. */
#include "lb4/handover/moved.h"

#include <stdatomic.h>
#include <stdbool.h>
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

static bool
grow(struct moved *moved, size_t more)
{
	const size_t room = 2 * moved->room + more;
	struct moved_conn *conn;

	if (moved->count + more <= moved->room)
		return true;
	conn = reallocarray(moved->conn, room, sizeof(*conn));
	if (conn == NULL)
		return false;
	moved->conn = conn;
	moved->room = room;
	return true;
}

void
moved_note(struct moved *moved, const struct moving *moving)
{
	if (!grow(moved, moving->conns))
		return;
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
