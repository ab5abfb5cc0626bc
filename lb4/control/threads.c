/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Checks the heartbeats of the threads: see threads.h. */
#include "lb4/control/threads.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/pulse.h"
#include "common/timer.h"
#include "lb4/engine/engine.h"
#include "lb4/health/prober.h"
#include "lb4/log/logger.h"
#include "lb4/table/table.h"

struct threads {
	/* set at the start */
	const struct engine *engine;
	const struct pulse *prober, *log;

	struct pulse readiness; /* writer: that thread */

	/* Control and the readiness thread both check; they share these. */
	pthread_mutex_t lock;
	struct pulse_sight workers_seen[TABLE_WORKERS_MAX];
	struct pulse_sight prober_seen, readiness_seen, log_seen;
};

struct threads *
threads_new(const struct engine *engine, struct prober *prober,
    struct logger *logger)
{
	struct threads *threads = calloc(1, sizeof(*threads));

	if (threads == NULL)
		return NULL;
	threads->engine = engine;
	threads->prober = prober != NULL ? prober_pulse(prober) : NULL;
	threads->log = logger != NULL ? logger_pulse(logger) : NULL;
	(void)pthread_mutex_init(&threads->lock, NULL);
	return threads;
}

void
threads_free(struct threads *threads)
{
	if (threads != NULL)
		(void)pthread_mutex_destroy(&threads->lock);
	free(threads);
}

struct pulse *
threads_readiness(struct threads *threads)
{
	return &threads->readiness;
}

static void
judge_workers(struct threads *threads, uint64_t now_ms,
    struct threads_verdict *verdict)
{
	unsigned worker;
	bool overdue;
	const uint64_t ms = engine_stuck_ms(threads->engine, now_ms,
	    threads->workers_seen, &worker, &overdue);

	verdict->overdue |= overdue;
	if (ms <= ENGINE_STUCK_MS)
		return;
	(void)snprintf(verdict->name, sizeof(verdict->name), "worker %u",
	    worker);
	verdict->ms = ms;
}

static void
judge(const struct pulse *pulse, struct pulse_sight *sight, const char *name,
    struct threads_verdict *verdict)
{
	const uint64_t now_ms = timer_now_ms();
	uint64_t due_ms, ms;

	if (pulse == NULL)
		return;
	due_ms = atomic_load_explicit(&pulse->due_ms, memory_order_relaxed);
	ms = pulse_judge(sight, &pulse->due_ms,
	    atomic_load_explicit(&pulse->tid, memory_order_relaxed), now_ms);

	verdict->overdue |= due_ms != 0 && due_ms + THREADS_STUCK_MS < now_ms;
	if (ms <= THREADS_STUCK_MS || verdict->name[0] != '\0')
		return;
	(void)snprintf(verdict->name, sizeof(verdict->name), "%s", name);
	verdict->ms = ms;
}

bool
threads_stuck(struct threads *threads, enum threads_scope scope,
    struct threads_verdict *verdict)
{
	*verdict = (struct threads_verdict){ .name = "" };
	(void)pthread_mutex_lock(&threads->lock);
	judge_workers(threads, timer_now_ms(), verdict);
	judge(threads->prober, &threads->prober_seen, "the prober", verdict);
	if (scope >= THREADS_SERVICE)
		judge(&threads->readiness, &threads->readiness_seen,
		    "the readiness thread", verdict);
	if (scope >= THREADS_ALL)
		judge(threads->log, &threads->log_seen, "the log thread",
		    verdict);
	(void)pthread_mutex_unlock(&threads->lock);
	return verdict->name[0] != '\0';
}
