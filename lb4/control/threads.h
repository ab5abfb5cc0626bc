/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks by their heartbeats (common/pulse.h) that the threads of this process
 * turn their loops, for the service manager's watchdog, `node` and doctor:
 *
 *	workers		for the watchdog and `node`: clients wait
 *	prober		for the watchdog and `node`: health is out of date
 *	readiness	for the watchdog: `node` gets no answer
 *	log		for doctor only: traffic continues, and log lines that
 *			do not fit the queue are counted
 *
 * The service manager detects a stuck control thread by the missing WATCHDOG=1.
 * Threads of commands (errand.h) are not checked: only their callers wait.
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

/* A thread that is overdue for longer is stuck.  For workers it is
 * ENGINE_STUCK_MS. */
#define THREADS_STUCK_MS 2000

/* Which threads to check; each scope includes those before it. */
enum threads_scope {
	THREADS_TRAFFIC, /* workers and prober */
	THREADS_SERVICE, /* and readiness */
	THREADS_ALL,	 /* and log */
};

struct threads_verdict {
	char name
	    [24]; /* of the stuck thread: "worker 3", "the prober"; "": none */
	uint64_t ms; /* how long it has been stuck, in time that it could run */
	bool overdue; /* a thread is overdue by the clock: check again soon */
};

/* Watches the threads of these, which must outlive it.  A NULL prober or logger
 * has no thread.  Returns NULL without memory. */
struct threads *threads_new(const struct engine *engine, struct prober *prober,
    struct logger *logger);
void threads_free(struct threads *threads);

/* The readiness thread's pulse, for that thread to beat. */
struct pulse *threads_readiness(struct threads *threads);

/* Returns true, with a name in `verdict`, if a thread of the scope is stuck.
 * Takes a lock: not for workers. */
bool threads_stuck(struct threads *threads, enum threads_scope scope,
    struct threads_verdict *verdict);

#endif
