/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A worker: one thread, one epoll instance, its own listeners and conns.  It
 * shares nothing that it writes per packet.  Other threads reach it through its
 * mailbox (worker_post.h).
 *
 * A turn of the loop: wait; read the clock and the table; serve the events,
 * then the conns that had used up their budget, then the timers; bury the conns
 * that ended in this turn; release the table.
 *
 * Events come before deadlines.  When the worker itself did not run for a while
 * (the process was stopped, the machine slept, others had the CPU), the gap is
 * added to the deadlines of its conns, and timers wait until all events that
 * came meanwhile are served.
 */
#ifndef LB4_ENGINE_WORKER_H
#define LB4_ENGINE_WORKER_H

#include "common/attr.h"

struct config;
struct engine_limits;
struct worker;
struct worker_shared;

/* Prepares worker `index`, without a thread.  0 or -errno. */
must_check int worker_init(struct worker *worker, struct worker_shared *shared,
    unsigned index, const struct config *config,
    const struct engine_limits *limits);
void worker_done(struct worker *worker);

/* The thread's main function; `argument` is the worker. */
void *worker_main(void *argument);

/* Ends the conns of a worker, including those on their way to it, once the
 * threads of all workers have ended.  For control. */
void worker_end(struct worker *worker);

#endif
