/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * All callers of the control socket (caller.h), and what their commands share:
 * lines in the log, sweeps that workers have, limits, and the bell that has
 * waiting jobs tried again.
 */
#ifndef LB4_COMMAND_CALLERS_H
#define LB4_COMMAND_CALLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limiter.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "lb4/command/caller.h"
#include "lb4/command/quota.h"
#include "lb4/control/handle.h"
#include "lb4/control/readiness.h"

struct event;

#define CALLERS_MAX READINESS_CALLERS_MAX

struct callers {
	struct handle handle; /* set when the socket starts */
	struct limiter lines; /* in the log */
	struct quota explains;
	struct mailbox sweeps; /* struct sweep *, from the workers */
	unsigned sweeping;     /* sweeps that workers have */
	int bell;	       /* an eventfd(2), not owned */

	bool woken;  /* jobs that wait are to be tried in the next turn */
	bool waking; /* ... in this one */
	bool retry;  /* ... in a moment */
	bool again;  /* somebody had more to do than the turn's share */

	struct caller caller[CALLERS_MAX];
};

/* Nobody is there yet, and no bell.  0 or -errno: callers_done() anyway. */
int callers_init(struct callers *callers);

/* Closes all callers.  No worker may be left. */
void callers_done(struct callers *callers);

/* How many callers there are. */
unsigned callers_count(const struct callers *callers);

/* Whether the job of a caller has that step. */
bool callers_have_job(const struct callers *callers,
    enum job_result (*step)(struct caller *caller));

/* Whether one more line about callers may be logged at that level: at most 10
 * in 5 s, as anybody who may connect can cause one. */
bool callers_may_log(struct callers *callers, enum log_level level,
    uint64_t now_ms);

/* Logs how many lines were left out since the last call, if any. */
void callers_log_left_out(struct callers *callers, uint64_t now_ms);

/* Logs "control socket: uid 1, pid 2 " and the text, about a caller who is
 * refused or closed, if it may. */
void callers_log(const struct caller *caller, enum log_level level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the caller may have a pick explained now: its user, unless an admin,
 * has 10 a second. */
bool callers_may_explain(const struct caller *caller, uint64_t now_ms);

/* Sends the caller's sweep to its worker, or sees to it that its job is tried
 * again soon. */
void callers_sweep(struct caller *caller);

/* Hands the sweeps that came back to the jobs that they belong to. */
void callers_take_sweeps(struct callers *callers);

/* An eventfd(2), the caller's to close: written to, it has the jobs that wait
 * tried again.  It may outlive the socket.  -errno when there is none. */
int callers_bell(const struct callers *callers);

/* Tells the monitors an event; jobs that wait are tried again. */
void callers_tell(struct callers *callers, const struct event *event,
    const char *text);

#endif
