/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A caller's turn: see turn.h. */
#include "lb4/command/turn.h"

#include <stdbool.h>
#include <string.h>

#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/caller.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"

#define STEPS_MAX 16	 /* of one caller in one turn: lines and pieces */
#define STEPS_US 10000	 /* ... and for how long it may run, about */
#define IDLE_MS 300000	 /* without a line */
#define STALLED_MS 10000 /* without reading what is written */
#define ENDING_MS 2000	 /* to read the last words */

static void
end_with(struct caller *caller, uint64_t now_ms, const char *code,
    const char *text)
{
	callers_log(caller, LOG_LEVEL_INFO, "is closed: %s", text);
	answer_error(caller, code, "%s", text);
	caller_end(caller, now_ms);
}

static bool
job_is_due(const struct caller *caller, uint64_t now_ms)
{
	return caller->callers->waking ||
	    (caller->job.deadline_ms != 0 && now_ms >= caller->job.deadline_ms);
}

/* Runs one step of the caller's job, or its next line.  Returns false when
 * there is nothing to do now. */
static bool
run_step(struct caller *caller, bool *waits, uint64_t now_ms)
{
	char line[COMMAND_LINE_MAX + 1];
	enum job_result result;
	ssize_t len;

	if (caller->job.step == NULL) {
		if (caller->monitors && caller->in_len == 0)
			return false;
		len = caller_line(caller, line);
		if (len < 0)
			return false;
		caller->job = (struct job){ .step = NULL };
		caller->monitors = caller->asks_node = false;
		if (caller_begin(caller))
			commands_run(caller, line, (size_t)len);
		caller_settle(caller);
		*waits = false;
		return true;
	}
	if (*waits && !job_is_due(caller, now_ms))
		return false;
	result = caller->job.step(caller);
	if (caller->no_memory)
		result = JOB_DONE;
	caller_settle(caller);
	switch (result) {
	case JOB_DONE:
		caller->job.step = NULL;
		break;
	case JOB_MORE:
		break;
	case JOB_WAITS:
		caller->job_waits = true;
		return false;
	}
	*waits = false;
	return true;
}

/* Runs a caller's lines and job as long as it reads the answers. */
static void
run_caller(struct caller *caller, uint64_t now_ms)
{
	const uint64_t until_us = timer_now_us() + STEPS_US;
	bool goes_on = true;
	int steps = 0;

	while (goes_on && caller->state == CALLER_OPEN) {
		if (caller->writable)
			caller_flush(caller, now_ms);
		if (caller_pending(caller) > CALLER_OUT_LOW ||
		    !run_step(caller, &caller->job_waits, now_ms))
			break;
		goes_on = ++steps < STEPS_MAX && timer_now_us() < until_us;
	}
	if (!goes_on)
		caller->callers->again = true;
	if (caller->writable)
		caller_flush(caller, now_ms);
	if (caller->state != CALLER_OPEN || !goes_on)
		return;
	if (caller->job.step == NULL && caller->in_len == sizeof(caller->in) &&
	    memchr(caller->in, '\n', caller->in_len) == NULL)
		end_with(caller, now_ms, "syntax", "the line is too long");
	else if (caller->hung_up)
		caller->state = CALLER_GONE;
	else if (caller->eof && caller->job.step == NULL && !caller->monitors &&
	    caller_pending(caller) == 0)
		caller_end(caller, now_ms);
}

/* Closes a caller that is idle or does not read. */
static void
look_at_time(struct caller *caller, uint64_t now_ms)
{
	uint64_t idle_ms = now_ms - caller->seen_ms;

	if (caller->state == CALLER_ENDING && idle_ms >= ENDING_MS) {
		caller->state = CALLER_GONE;
	} else if (caller_pending(caller) > 0 && idle_ms >= STALLED_MS) {
		callers_log(caller, LOG_LEVEL_INFO, "is closed: does not read");
		caller->state = CALLER_GONE;
	} else if (caller->state == CALLER_OPEN && caller->job.step == NULL &&
	    !caller->monitors && idle_ms >= IDLE_MS) {
		end_with(caller, now_ms, "idle", "no command for 5 minutes");
	}
}

void
turn_caller(struct caller *caller, uint64_t now_ms)
{
	run_caller(caller, now_ms);
	look_at_time(caller, now_ms);
}
