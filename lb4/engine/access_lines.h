/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which lines of the access log a conn gets, and when:
 *
 *	start	with access-log-start, when a backend has answered
 *	update	with access-log-every, while the conn relays
 *	end	when it has ended
 *
 * access-log-sample.  Whether a conn is sampled is decided once, when it
 * begins, by a hash of its id.  A conn that is not sampled has no line unless
 * it ends badly, and then only the line of its end.
 *
 * access-log-every.  Updates are due at multiples of the interval after the
 * accept.  No conn has a timer for them: the timer that it has anyway (conn.c)
 * fires at the latest when an update is due.  After the interval has changed,
 * the worker sets the timers of its conns earlier where that is needed, a piece
 * in each turn.
 *
 * A worker writes a limited number of updates in one turn, since many may be
 * due at once after a pause of the machine.  It delays the others by a few
 * seconds.
 *
 * What was told of a conn is kept beside it, since few conns last long enough
 * to need it: see struct told.
 */
#ifndef LB4_ENGINE_ACCESS_LINES_H
#define LB4_ENGINE_ACCESS_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/access.h"
#include "lb4/engine/types.h"

struct config;
struct endpoint;
struct service;

/* What happened to the bytes that were received from both sides. */
struct outcome {
	uint64_t delivered[SIDES]; /* [CLIENT]: to the client */
	uint64_t discarded;
};

/* Takes the keys from the configuration; for control. */
void access_lines_set(struct worker_shared *shared,
    const struct config *config);

/* 0 or -ENOMEM; worker->conns has been made. */
must_check int access_lines_init(struct worker *worker);
void access_lines_done(struct worker *worker);

/* The worker begins, without conns; the keys may have changed. */
void access_lines_begin(struct worker *worker);
void access_lines_change(struct worker *worker);

/* Whether there are still timers to be set, and sets some of them; once a turn.
 */
static inline bool
access_lines_pending(const struct worker *worker)
{
	return worker->lines.next_slot != UINT32_MAX;
}
void access_lines_run(struct worker *worker);

/* Whether a conn of that id is sampled. */
bool access_lines_sample(const struct worker *worker, uint64_t id);

/* When the conn's timer must fire for its next update; UINT64_MAX: never. */
uint64_t access_lines_next(const struct worker *worker,
    const struct conn *conn);

/* A backend has answered; the timer has fired; the conn ends with
 * conn->reason. */
void access_lines_start(struct worker *worker, const struct conn *conn);
void access_lines_update(struct worker *worker, struct conn *conn);
void access_lines_end(struct worker *worker, const struct conn *conn,
    const struct outcome *outcome);

/* An access rule has refused a client, which never became a conn: a line with a
 * number of its own. */
void access_lines_refused(struct worker *worker, const struct service *service,
    const struct endpoint *client);

/* Hands over what was told of a conn that moves to another worker.  Valid if
 * conn->told. */
struct told access_lines_leave(const struct worker *worker,
    const struct conn *conn);
void access_lines_enter(struct worker *worker, const struct conn *conn,
    const struct told *told);

#endif
