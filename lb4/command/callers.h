/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * All callers of the control socket (caller.h), and what their commands share:
 * rate limits, sweeps in progress, and the bell that wakes waiting jobs.
 */
#ifndef LB4_COMMAND_CALLERS_H
#define LB4_COMMAND_CALLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/limiter.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "lb4/command/caller.h"
#include "lb4/command/history.h"
#include "lb4/command/quota.h"
#include "lb4/control/handle.h"
#include "lb4/control/readiness.h"

struct event;

#define CALLERS_MAX READINESS_CALLERS_MAX

struct callers {
	struct handle handle; /* set when the socket starts */
	struct limiter lines; /* of log lines */
	struct quota explains;
	struct history history; /* of events */
	struct mailbox sweeps;	/* struct sweep *, from the workers */
	unsigned sweeping;	/* sweeps in progress */
	int bell;		/* an eventfd(2), not owned */

	bool woken;  /* run waiting jobs in the next turn */
	bool waking; /* run waiting jobs in this turn */
	bool retry;  /* run waiting jobs in RETRY_MS */
	bool again;  /* a caller used up its share of the turn */

	struct caller caller[CALLERS_MAX];
};

/* Starts with no caller and no bell.  Returns 0 or -errno; callers_done() is
 * needed in either case. */
must_check int callers_init(struct callers *callers);

/* Closes all callers.  All workers must have ended. */
void callers_done(struct callers *callers);

/* How many callers there are. */
unsigned callers_count(const struct callers *callers);

/* Whether a caller has a job with that step. */
bool callers_have_job(const struct callers *callers,
    enum job_result (*step)(struct caller *caller));

/* Whether another line about a caller may be logged at that level: 10 are
 * allowed in 5 s. */
bool callers_may_log(struct callers *callers, enum log_level level,
    uint64_t now_ms);

/* Logs how many lines were left out since the last call, if any were. */
void callers_log_left_out(struct callers *callers, uint64_t now_ms);

/* Logs "control socket: uid 1, pid 2 " and the text, within that limit. */
void callers_log(const struct caller *caller, enum log_level level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the caller may have a pick explained now.  Below admin, a user gets
 * 10 per second. */
bool callers_may_explain(const struct caller *caller, uint64_t now_ms);

/* Sends the caller's sweep to its worker.  If that fails, the job runs again
 * soon. */
void callers_sweep(struct caller *caller);

/* Gives returned sweeps to their jobs. */
void callers_take_sweeps(struct callers *callers);

/* Returns a new descriptor of an eventfd(2), or -errno.  Writing to it wakes
 * the waiting jobs.  The caller closes it, even after the socket is gone. */
must_check int callers_bell(const struct callers *callers);

/* Records an event, tells the monitors, and wakes the waiting jobs. */
void callers_tell(struct callers *callers, const struct event *event,
    const char *text);

#endif
