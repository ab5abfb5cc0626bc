/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* All callers of the control socket: see callers.h. */
#include "lb4/command/callers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/timer.h"
#include "lb4/command/monitor.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/sweep.h"

#define SWEEPS_MAX 256 /* at a time, so that their mailbox is never full */

/* Log lines about refused and closed callers: anybody who may connect can cause
 * one. */
#define LINES_MAX 10
#define LINES_WINDOW_MS 5000

/* Answers to `explain` for a user below admin: each one reveals something about
 * the hash-seed. */
#define EXPLAINS_MAX 10
#define EXPLAINS_WINDOW_MS 1000

int
callers_init(struct callers *callers)
{
	limiter_init(&callers->lines, LINES_MAX, LINES_WINDOW_MS);
	quota_init(&callers->explains, EXPLAINS_MAX, EXPLAINS_WINDOW_MS);
	callers->bell = -1;
	for (uint32_t i = 0; i < CALLERS_MAX; i++) {
		callers->caller[i].fd = -1;
		callers->caller[i].index = i;
		callers->caller[i].state = CALLER_GONE;
	}
	callers->sweeps.fd = -1;
	return mailbox_init(&callers->sweeps, SWEEPS_MAX,
	    sizeof(struct sweep *));
}

void
callers_done(struct callers *callers)
{
	struct sweep *sweep;

	for (unsigned i = 0; i < CALLERS_MAX; i++)
		caller_close(&callers->caller[i]);
	while (callers->sweeps.fd >= 0 &&
	    mailbox_take(&callers->sweeps, &sweep))
		free(sweep);
	mailbox_done(&callers->sweeps);
}

bool
callers_have_job(const struct callers *callers,
    /* cppcheck-suppress constParameter ; it is a function */
    enum job_result (*step)(struct caller *caller))
{
	for (unsigned i = 0; i < CALLERS_MAX; i++)
		if (callers->caller[i].fd >= 0 &&
		    callers->caller[i].job.step == step)
			return true;
	return false;
}

unsigned
callers_count(const struct callers *callers)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CALLERS_MAX; i++)
		count += callers->caller[i].fd >= 0;
	return count;
}

int
callers_bell(const struct callers *callers)
{
	int fd = fcntl(callers->bell, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* ---- the log, and limits ------------------------------------------------- */

bool
callers_may_log(struct callers *callers, enum log_level level, uint64_t now_ms)
{
	return log_enabled((int)level) && limiter_pass(&callers->lines, now_ms);
}

void
callers_log(const struct caller *caller, enum log_level level,
    const char *format, ...)
{
	char text[128];
	va_list args;

	if (!callers_may_log(caller->callers, level, timer_now_ms()))
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_write(level, "control socket: uid %d, pid %d %s", (int)caller->uid,
	    (int)caller->pid, text);
}

bool
callers_may_explain(const struct caller *caller, uint64_t now_ms)
{
	return caller->level >= LEVEL_ADMIN ||
	    quota_pass(&caller->callers->explains, caller->uid, now_ms);
}

void
callers_log_left_out(struct callers *callers, uint64_t now_ms)
{
	const uint64_t left_out = limiter_left_out(&callers->lines, now_ms);

	if (left_out > 0)
		log_warning("control socket: %" PRIu64 " more lines about "
			    "callers were left out",
		    left_out);
}

/* ---- sweeps -------------------------------------------------------------- */

void
callers_take_sweeps(struct callers *callers)
{
	struct sweep *sweep;

	mailbox_open(&callers->sweeps);
	while (mailbox_take(&callers->sweeps, &sweep)) {
		struct caller *caller = &callers->caller[sweep->caller];

		callers->sweeping--;
		callers->woken = true;
		if (caller->generation == sweep->caller_generation &&
		    caller->job.step != NULL && caller->job.sweeping) {
			caller->job.sweep = sweep;
			caller->job.sweeping = false;
		} else {
			free(sweep);
		}
	}
}

void
callers_sweep(struct caller *caller)
{
	struct callers *callers = caller->callers;
	struct sweep *sweep = caller->job.sweep;

	sweep->caller = caller->index;
	sweep->caller_generation = caller->generation;
	sweep->walk.reply = &callers->sweeps;
	if (callers->sweeping == SWEEPS_MAX ||
	    !engine_sweep(callers->handle.engine, sweep)) {
		callers->retry = true;
		return;
	}
	callers->sweeping++;
	caller->job.sweeping = true;
	caller->job.sweep = NULL;
}

/* ---- monitors ------------------------------------------------------------ */

void
callers_tell(struct callers *callers, const struct event *event,
    const char *text)
{
	struct timespec now;
	int64_t now_ms;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	history_add(&callers->history, event, text, now_ms);
	callers->woken = true;
	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = &callers->caller[i];

		if (caller->fd >= 0 && caller->monitors &&
		    caller->state == CALLER_OPEN &&
		    !monitor_tell(caller, event, text, now_ms))
			callers_log(caller, LOG_LEVEL_INFO,
			    "is closed: reads events too slowly");
	}
}
