/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Whether the threads of this process turn their loops, judged by their
 * heartbeats (common/pulse.h), for the service manager's watchdog, for `node`
 * and for doctor:
 *
 *	workers		the watchdog and `node`: clients wait
 *	prober		the watchdog and `node`: backends keep their last state
 *	readiness	the watchdog; whoever asks `node` hears nothing
 *	log		doctor alone: traffic goes on without, and what does not
 *			fit its queue is counted
 *
 * Control is judged by the manager, who hears nothing.  A simulation has a
 * thread that nobody but its caller waits for.
 */
#ifndef LB4_CONTROL_THREADS_H
#define LB4_CONTROL_THREADS_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct logger;
struct prober;
struct pulse;
struct threads;

/* A thread but a worker that is overdue for longer is stuck; of workers
 * ENGINE_STUCK_MS. */
#define THREADS_STUCK_MS 2000

/* Who is to be judged; each has the ones before. */
enum threads_scope {
	THREADS_TRAFFIC, /* workers and prober */
	THREADS_SERVICE, /* and readiness */
	THREADS_ALL,	 /* and log */
};

struct threads_verdict {
	char name[24]; /* "worker 3", "the prober", of the one stuck; "" */
	uint64_t ms;   /* for so long, by the time that it had */
	bool overdue;  /* one is, by the clock: look again soon */
};

/* The judge of the threads of these, which outlive it; a prober or logger that
 * is NULL has none.  NULL without memory. */
struct threads *threads_new(const struct engine *engine, struct prober *prober,
    struct logger *logger);
void threads_free(struct threads *threads);

/* Where the readiness thread's heart is to beat. */
struct pulse *threads_readiness(struct threads *threads);

/* From any thread but those that may not wait: true, with a name, if one of
 * them is stuck. */
bool threads_stuck(struct threads *threads, enum threads_scope scope,
    struct threads_verdict *verdict);

#endif
