/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The worker's side of closing conns in good order: see closing.h. */
#include "lb4/engine/closing.h"

#include <assert.h>
#include <stddef.h>

#include "lb4/engine/conn.h"
#include "lb4/engine/conn_end.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/engine/stuck.h"
#include "lb4/engine/types.h"
#include "lb4/model/backend.h"

static bool
is_meant(const struct closing *closing, const struct conn *conn)
{
	return conn->state == CONN_RELAYING && conn->backend != NULL &&
	    (closing->backend == CLOSING_ANY ||
		conn->backend->id == closing->backend);
}

static void
look_at(struct worker *worker, struct closing *closing, struct conn *conn)
{
	const bool idle = conn_is_idle(worker, conn);
	const uint64_t quiet_ms = conn_quiet_ms(worker, conn);

	if (closing->stuck) {
		if (!stuck_is_proved(conn))
			return;
		conn_cut(worker, conn, closing->busy_reason);
		closing->closed_busy++;
		closing->closed++;
		return;
	}
	if (idle && quiet_ms >= closing->quiet_ms) {
		conn_close(worker, conn, closing->idle_reason);
	} else if (closing->busy) {
		conn_cut(worker, conn, closing->busy_reason);
		closing->closed_busy++;
	} else {
		if (idle && quiet_ms > closing->quietest_ms)
			closing->quietest_ms = quiet_ms;
		return;
	}
	closing->closed++;
}

static_assert(offsetof(struct closing, walk) == 0,
    "a walk's address is its closing's");

void
closing_run(struct worker *worker, struct walk *walk)
{
	struct closing *closing = (struct closing *)walk;
	struct conn *conn;

	walk_begin(walk);
	closing->closed = closing->closed_busy = 0;
	closing->quietest_ms = 0;
	while (closing->closed < closing->most &&
	    (conn = walk_next(worker, walk)) != NULL)
		if (is_meant(closing, conn))
			look_at(worker, closing, conn);
	walk_end(worker, walk);
}
