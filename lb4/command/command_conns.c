/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * conns and kill: a sweep (lb4/engine/sweep.h) goes from worker to worker.  Its
 * rows are written before it is sent to the next worker.  With top=N, the rows
 * with the most bytes are kept and written at the end; the sweep passes over
 * conns with fewer bytes than these, so it needs few pieces.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/plural.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"
#include "lb4/command/leaders.h"
#include "lb4/config/values.h"
#include "lb4/control/events.h"
#include "lb4/control/handle.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/engine.h"
#include "lb4/table/table.h"
#include "lb4/whatif/offline.h"

static const struct column columns[] = {
	{ "id", "ID", 8, COLUMN_NUMBER },
	{ "client", "CLIENT", 21, COLUMN_TEXT },
	{ "service", "SERVICE", 14, COLUMN_TEXT },
	{ "backend", "BACKEND", 14, COLUMN_TEXT },
	{ "state", "STATE", 10, COLUMN_TEXT },
	{ "age_ms", "AGE", 8, COLUMN_TIME },
	{ "idle_ms", "IDLE", 8, COLUMN_TIME },
	{ "bytes_to_backend", "TO-BACKEND", 10, COLUMN_BYTES },
	{ "bytes_to_client", "TO-CLIENT", 10, COLUMN_BYTES },
	{ "worker", "WORKER", 6, COLUMN_NUMBER },
	{ NULL, NULL, 0, COLUMN_TEXT },
};

static json_t *
conn_row(const struct sweep_row *row)
{
	char client[ENDPOINT_TEXT_MAX];

	return json_pack("{s:I,s:s,s:s,s:o,s:s,s:I,s:I,s:I,s:I,s:i}", "id",
	    (json_int_t)row->id, "client",
	    endpoint_format(&row->client, client, sizeof(client)), "service",
	    row->service, "backend",
	    row->backend[0] != '\0' ? json_string(row->backend) : json_null(),
	    "state", conn_state_name(row->state), "age_ms",
	    (json_int_t)row->age_ms, "idle_ms", (json_int_t)row->idle_ms,
	    "bytes_to_backend", (json_int_t)row->bytes_to_backend,
	    "bytes_to_client", (json_int_t)row->bytes_to_client, "worker",
	    (int)row->worker);
}

static void
cancel_sweep(struct caller *caller)
{
	free(caller->job.sweep);
	caller->job.sweep = NULL;
	free(caller->job.leaders);
	caller->job.leaders = NULL;
}

static void
write_leaders(struct caller *caller)
{
	const struct leaders *leaders = caller->job.leaders;

	for (unsigned i = 0; leaders != NULL && i < leaders->count; i++)
		answer_row(caller, conn_row(&leaders->row[i]));
}

static void
finish(struct caller *caller, const struct sweep *sweep)
{
	uint64_t count = caller->job.count;

	if (sweep->act == SWEEP_LIST) {
		write_leaders(caller);
		answer_end(caller);
		return;
	}
	if (count == 0 && sweep->filter.id != 0) {
		answer_error(caller, "unknown", "there is no conn %" PRIu64,
		    sweep->filter.id);
		return;
	}
	if (caller->json) {
		answer_head(caller, "lb4.kill/1");
		caller_printf(caller, ",\"killed\":%" PRIu64 "}\n\n", count);
	} else {
		answer_done(caller, "%" PRIu64 " conn%s killed", count,
		    plural(count));
	}
	log_notice("%" PRIu64 " conn%s killed, by uid %d, pid %d", count,
	    plural(count), (int)caller->uid, (int)caller->pid);
	events_tell(caller->handle->events, &(struct event){ .kind = "kill" },
	    "%" PRIu64 " conn%s", count, plural(count));
}

/* Writes the rows of a piece, or keeps the best ones. */
static void
take_rows(struct caller *caller, struct sweep *sweep)
{
	struct leaders *leaders = caller->job.leaders;

	for (unsigned i = 0; i < sweep->rows; i++)
		if (leaders != NULL)
			leaders_add(leaders, &sweep->row[i]);
		else if (sweep->act == SWEEP_LIST)
			answer_row(caller, conn_row(&sweep->row[i]));
	if (leaders != NULL)
		sweep->filter.bytes = leaders_entry(leaders);
}

static enum job_result
step_sweep(struct caller *caller)
{
	struct job *job = &caller->job;
	struct sweep *sweep = job->sweep;
	bool last;

	if (sweep == NULL)
		return JOB_WAITS;
	take_rows(caller, sweep);
	if (caller->no_memory)
		return JOB_DONE;
	job->count += sweep->rows;
	sweep->rows = 0;
	if (sweep->walk.at_end) {
		sweep->walk.worker++;
		sweep->walk.cursor = 0;
		sweep->walk.at_end = false;
	}
	last = sweep->walk.worker >= engine_running(caller->handle->engine) ||
	    (sweep->filter.id != 0 && job->count > 0);
	if (!last) {
		callers_sweep(caller);
		return JOB_WAITS;
	}
	finish(caller, sweep);
	cancel_sweep(caller);
	return JOB_DONE;
}

/* ---- filters ------------------------------------------------------------- */

static bool
bad_filter(struct caller *caller, const char *name, const char *value,
    const char *why)
{
	answer_error(caller, "usage", "%s=%.64s: %s", name, value, why);
	return false;
}

static bool
read_name(struct caller *caller, const struct command *command,
    const char *option, char name[CONFIG_NAME_MAX])
{
	const char *value = command_option(command, option);

	if (value == NULL)
		return true;
	if (value[0] == '\0' || strlen(value) >= CONFIG_NAME_MAX)
		return bad_filter(caller, option, value, "not a name");
	memcpy(name, value, strlen(value) + 1);
	return true;
}

static bool
read_age(struct caller *caller, const struct command *command,
    const char *option, uint64_t *ms)
{
	const char *value = command_option(command, option);
	const char *problem;

	if (value == NULL)
		return true;
	problem = value_time(value, ms);
	return problem == NULL || bad_filter(caller, option, value, problem);
}

static bool
read_id(struct caller *caller, const char *value, uint64_t *id)
{
	if (value == NULL)
		return true;
	return (value_number(value, id) == NULL && *id != 0) ||
	    bad_filter(caller, "id", value, "not the number of a conn");
}

/* Accepts backend=app1 and backend=web/app1. */
static bool
read_backend(struct caller *caller, const struct command *command,
    struct sweep_filter *filter)
{
	const char *value = command_option(command, "backend");

	if (value != NULL && strchr(value, '/') != NULL)
		return commands_split(value, filter->service,
			   filter->backend) ||
		    bad_filter(caller, "backend", value, "not a name");
	return read_name(caller, command, "backend", filter->backend);
}

static bool
read_client(struct caller *caller, const struct command *command,
    struct endpoint *client)
{
	const char *value = command_option(command, "client");
	const char *why = NULL;

	return value == NULL ||
	    offline_client_parse(client, value, &why) == 0 ||
	    bad_filter(caller, "client", value, why);
}

/* Whether that backend of that service exists; "" stands for any.  A removed
 * backend exists as long as it has conns. */
static bool
is_known(const struct caller *caller, const char *service, const char *backend)
{
	const struct tables *tables = caller->handle->tables;

	if (backend[0] == '\0' && commands_service(caller, service) != NULL)
		return true;
	for (size_t i = 0; i < tables->backends_count; i++) {
		const struct backend *one = tables->backends[i];

		if ((service[0] == '\0' ||
			strcmp(one->service, service) == 0) &&
		    (backend[0] == '\0' || strcmp(one->name, backend) == 0))
			return true;
	}
	return false;
}

/* An unknown name is an error, not an empty list. */
static bool
check_names(struct caller *caller, const struct sweep_filter *filter)
{
	const char *service = filter->service, *backend = filter->backend;

	if (service[0] != '\0' && !is_known(caller, service, "")) {
		commands_no_service(caller, service);
		return false;
	}
	if (backend[0] == '\0' || is_known(caller, service, backend))
		return true;
	commands_no_backend(caller, service, backend);
	return false;
}

static bool
read_filter(struct caller *caller, const struct command *command,
    struct sweep_filter *filter)
{
	return read_id(caller, command_option(command, "id"), &filter->id) &&
	    read_name(caller, command, "service", filter->service) &&
	    read_backend(caller, command, filter) &&
	    read_client(caller, command, &filter->client) &&
	    read_age(caller, command, "idle", &filter->idle_ms) &&
	    read_age(caller, command, "age", &filter->age_ms) &&
	    check_names(caller, filter);
}

/* Reads top=N and makes room for N leaders.  Without it there are none.  On an
 * error, answers and returns false. */
static bool
make_leaders(struct caller *caller, const struct command *command,
    struct leaders **out)
{
	const char *value = command_option(command, "top");
	uint64_t wanted;

	*out = NULL;
	if (value == NULL)
		return true;
	if (value_number(value, &wanted) != NULL || wanted == 0 ||
	    wanted > LEADERS_MAX)
		return bad_filter(caller, "top", value,
		    "not a number from 1 to 64");
	*out = calloc(1, sizeof(**out));
	if (*out == NULL) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return false;
	}
	(*out)->wanted = (unsigned)wanted;
	return true;
}
static_assert(LEADERS_MAX == 64, "the message and lb4ctl(8) say so");

static bool
begin(struct caller *caller, enum sweep_act act,
    const struct sweep_filter *filter)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));

	if (sweep == NULL) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return false;
	}
	sweep->act = act;
	sweep->filter = *filter;
	caller->job.sweep = sweep;
	caller->job.cancel = cancel_sweep;
	commands_job(caller, step_sweep);
	return true;
}

void
command_conns(struct caller *caller, const struct command *command)
{
	struct sweep_filter filter = { .id = 0 };
	struct leaders *leaders;

	if (!read_filter(caller, command, &filter) ||
	    !make_leaders(caller, command, &leaders))
		return;
	if (!begin(caller, SWEEP_LIST, &filter)) {
		free(leaders);
		return;
	}
	caller->job.leaders = leaders;
	answer_begin(caller, "lb4.conns/1", json_object(), "conns", columns);
}

/* Without an argument, kills nothing. */
void
command_kill(struct caller *caller, const struct command *command)
{
	struct sweep_filter filter = { .id = 0 };
	const char *argument = command_argument(command, 0);
	bool all = argument != NULL && strcmp(argument, "all") == 0;

	if ((argument == NULL && command->words == 1) ||
	    (argument != NULL && command->words > 2)) {
		commands_usage(caller, command);
		return;
	}
	if (read_filter(caller, command, &filter) &&
	    (all || read_id(caller, argument, &filter.id)))
		(void)begin(caller, SWEEP_KILL, &filter);
}
