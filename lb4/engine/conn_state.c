/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What all parts of a conn's life share: see conn_state.h. */
#include "lb4/engine/conn_state.h"

#include <assert.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/sock.h"

#define CONN_EVENTS (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET)

static const char *const state_names[] = {
	[CONN_CONNECTING] = "connecting",
	[CONN_QUEUED] = "queued",
	[CONN_RELAYING] = "relaying",
	[CONN_RESETTING] = "resetting",
	[CONN_CLOSED] = "closed",
	[CONN_PREREAD] = "preread",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == CONN_STATE_COUNT,
    "every state has a name");

const char *
conn_state_name(enum conn_state state)
{
	return state_names[state];
}

void
conn_set_state(struct conn *conn, enum conn_state state)
{
	static const unsigned char allowed[CONN_STATE_COUNT] = {
		[CONN_PREREAD] = 1 << CONN_CONNECTING | 1 << CONN_CLOSED,
		[CONN_CONNECTING] = 1 << CONN_PREREAD | 1 << CONN_QUEUED |
		    1 << CONN_RELAYING | 1 << CONN_CLOSED,
		[CONN_QUEUED] = 1 << CONN_CONNECTING | 1 << CONN_CLOSED,
		[CONN_RELAYING] = 1 << CONN_RESETTING | 1 << CONN_CLOSED,
		[CONN_RESETTING] = 1 << CONN_CLOSED,
	};

	assert((allowed[conn->state] & 1 << state) != 0);
	log_debug("conn %lu: %s -> %s", conn->id, state_names[conn->state],
	    state_names[state]);
	conn->state = (uint8_t)state;
}

static uint64_t
tag_of(const struct worker *worker, const struct conn *conn,
    enum conn_side side)
{
	return loop_tag(side == CLIENT ? TAG_CLIENT : TAG_BACKEND,
	    slots_index(&worker->conns, conn),
	    slots_generation(&worker->conns, conn));
}

int
conn_watch(struct worker *worker, const struct conn *conn, enum conn_side side)
{
	return loop_add(worker->epfd, conn->side[side].fd, CONN_EVENTS,
	    tag_of(worker, conn, side));
}

void
conn_close_side(struct side *side, bool reset)
{
	if (side->fd < 0)
		return;
	if (reset)
		sock_reset_on_close(side->fd);
	(void)close(side->fd);
	side->fd = -1;
}
