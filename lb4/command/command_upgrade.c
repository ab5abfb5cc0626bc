/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * upgrade: a new process takes over, and its caller learns how it went.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "common/plural.h"
#include "common/why.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/control/handle.h"
#include "lb4/control/upgrade.h"

/* What the caller wants to know first: who serves now. */
static void
answer_failure(struct caller *caller, const struct send_result *result)
{
	char lost[64] = "";

	if (result->lost > 0)
		(void)snprintf(lost, sizeof(lost),
		    " without %" PRIu64 " conn%s that it had taken over",
		    result->lost, plural(result->lost));
	answer_error(caller, "failed",
	    "process %ld serves on%s, the upgrade failed: %s", (long)getpid(),
	    lost, result->why.text);
}

static void
answer_result(struct caller *caller, const struct send_result *result)
{
	const char *old = caller->handle->version;

	if (!result->ok)
		answer_failure(caller, result);
	else if (caller->json)
		answer_object(caller, "lb4.upgrade/1",
		    json_pack("{s:s,s:I,s:s,s:I,s:I,s:I,s:f}", "version",
			result->version, "pid", (json_int_t)result->pid,
			"old_version", old, "old_pid", (json_int_t)getpid(),
			"conns", (json_int_t)result->conns, "took_ms",
			(json_int_t)result->took_ms, "still_ms",
			(double)result->still_us / 1000));
	else
		answer_done(caller,
		    "upgraded to lb4 %s, process %ld: %" PRIu64
		    " conn%s moved in %" PRIu64
		    " ms, none stood still for more than %" PRIu64
		    " ms; process %ld, lb4 %s, leaves",
		    result->version, (long)result->pid, result->conns,
		    plural(result->conns), result->took_ms,
		    result->still_us / 1000 + 1, (long)getpid(), old);
}

static enum job_result
step_upgrade(struct caller *caller)
{
	const struct upgrade *upgrade = handle_upgrade(caller->handle);

	if (upgrade->count == caller->job.count)
		return JOB_WAITS;
	answer_result(caller, &upgrade->result);
	return JOB_DONE;
}

void
command_upgrade(struct caller *caller, const struct command *command)
{
	const struct upgrade *upgrade = handle_upgrade(caller->handle);
	const char *path = command_argument(command, 0);
	const uint64_t count = upgrade->count;
	struct why why;

	if (upgrade_begin(caller->handle->running, path, &why) < 0) {
		answer_error(caller, "refused", "%s", why.text);
		return;
	}
	log_notice("upgrade, by uid %d, pid %d", (int)caller->uid,
	    (int)caller->pid);
	commands_job(caller, step_upgrade);
	caller->job.count = count;
}
