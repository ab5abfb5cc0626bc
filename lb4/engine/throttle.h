/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Limits of conns: source-maxconn and source-rate for each source
 * (common/sources.h), rate for the service, and rate for the process.  A conn
 * over a limit is reset or, with over-limit = wait, throttled: it is QUEUED,
 * has a place in the service's queue, and tries again every few milliseconds in
 * the order of arrival in this worker.  Throttled conns are not in line for a
 * backend, so they delay nobody.
 *
 * A source is the client's address, cut to source-prefix4 or source-prefix6, at
 * one service.  What counts is the address that the conn acts on
 * (conn->client).
 */
#ifndef LB4_ENGINE_THROTTLE_H
#define LB4_ENGINE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/sources.h"
#include "lb4/engine/access.h"

struct config;
struct conn;
struct endpoint;
struct service;
struct timer;
struct worker;
struct worker_shared;

/* Makes the table of sources, for shared->room conns.  0 or -ENOMEM. */
must_check int throttle_init(struct worker_shared *shared);
void throttle_done(struct worker_shared *shared);

/* Makes what a worker needs, whose slots for conns exist.  0 or -ENOMEM. */
must_check int throttle_make(struct worker *worker);
void throttle_unmake(struct worker *worker);

/* Takes the rate of the process from the configuration; for control. */
void throttle_set(struct worker_shared *shared, const struct config *config);

/* Counts a new conn.  Returns REASON_DONE if it may go on, or the limit that it
 * exceeds, which has counted nothing then. */
enum reason throttle_enter(struct worker *worker, struct conn *conn,
    const struct service *service);

/* Takes over a conn with its entry in the table of sources.  One without, which
 * may be from another process, is counted here, whatever the limits. */
void throttle_adopt(struct worker *worker, struct conn *conn,
    sources_entry entry);
sources_entry throttle_entry(const struct worker *worker,
    const struct conn *conn);

/* The conn has ended. */
void throttle_leave(struct worker *worker, struct conn *conn);

/* The conn of a worker that is throttled the longest; NULL: none is. */
struct conn *throttle_first(const struct worker *worker);
struct conn *throttle_next(const struct conn *conn);

/* Arms the timer of throttled conns, if there are any. */
void throttle_arm(struct worker *worker);

/* Where a client stands, for explain. */
struct throttle_sight {
	uint32_t conns;	  /* of its source */
	uint32_t maxconn; /* 0: no limit */
	uint64_t wait_ms; /* until source-rate lets it in; 0: now */
	bool limited;	  /* there is a limit for sources */
};
void throttle_look(const struct worker_shared *shared,
    const struct service *service, const struct endpoint *client,
    struct throttle_sight *sight);

#endif
