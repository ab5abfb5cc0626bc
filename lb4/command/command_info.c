/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * info, table, log-level, reload: the process as a whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/timer.h"
#include "lb4/balance/maglev.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"
#include "lb4/control/events.h"
#include "lb4/control/figures.h"
#include "lb4/control/handle.h"
#include "lb4/control/reload.h"
#include "lb4/engine/engine.h"
#include "lb4/process/options.h"
#include "lb4/table/table.h"

/* ---- info ---------------------------------------------------------------- */

/* The figures of each worker that runs.  A worker is busy in the turns of its
 * loop. */
static json_t *
per_worker(const struct engine *engine)
{
	const unsigned running = engine_running(engine);
	json_t *list = json_array();
	int error = 0;

	for (unsigned i = 0; i < running && i < engine_made(engine); i++) {
		struct engine_counts counts;

		engine_count(engine, i, &counts);
		error |= json_array_append_new(list,
		    json_pack("{s:i,s:I,s:I,s:I,s:I,s:I}", "worker", (int)i,
			"conns", (json_int_t)counts.conns, "busy_us",
			(json_int_t)counts.turn.sum_us, "spliced_bytes",
			(json_int_t)counts.spliced_bytes, "copied_bytes",
			(json_int_t)counts.copied_bytes, "moved_conns",
			(json_int_t)counts.moved_conns));
	}
	if (error == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* Adds what only JSON has.  Returns `info`, or NULL without memory. */
static json_t *
with_workers(json_t *info, const struct engine *engine)
{
	if (info == NULL ||
	    json_object_set_new(info, "per_worker", per_worker(engine)) == 0)
		return info;
	json_decref(info);
	return NULL;
}

void
command_info(struct caller *caller, const struct command *command)
{
	const struct handle *handle = caller->handle;
	const struct table *table = table_current(handle->tables);
	struct figures_counts counts;
	struct figures_totals totals;
	json_t *info;

	(void)command;
	figures_count(table, &counts);
	figures_add_up(table, &totals);
	info = json_pack(
	    "{s:s,s:i,s:s,s:I,s:o,s:i,s:I,s:I,s:b,s:I,s:I,s:I,s:I,s:I,"
	    "s:I,s:I,s:I,s:s,s:i,s:s}",
	    "version", handle->version, "pid", (int)getpid(), "state",
	    handle_state_name(handle), "uptime_ms",
	    (json_int_t)(timer_now_ms() - handle->began_ms), "configuration",
	    answer_value(options_source(handle->options)), "workers",
	    (int)engine_running(handle->engine), "conns",
	    (json_int_t)engine_conns(handle->engine), "maxconn",
	    (json_int_t)engine_maxconn(handle->engine), "at_maxconn",
	    engine_is_full(handle->engine), "services",
	    (json_int_t)counts.services, "backends",
	    (json_int_t)counts.backends, "generation",
	    (json_int_t)table->generation, "accepted",
	    (json_int_t)totals.accepted, "closed", (json_int_t)totals.closed,
	    "failed", (json_int_t)totals.failed, "retries",
	    (json_int_t)totals.retries, "no_ports", (json_int_t)totals.no_ports,
	    "log_level", log_level_name(atomic_load(&log_level)), "callers",
	    (int)callers_count(caller->callers), "level",
	    level_name(caller->level));
	if (caller->json)
		info = with_workers(info, handle->engine);
	answer_object(caller, "lb4.info/1", info);
}

/* ---- table --------------------------------------------------------------- */

static const struct column share_columns[] = {
	{ "backend", "  BACKEND", 14, COLUMN_TEXT },
	{ "set", "SET", 6, COLUMN_TEXT },
	{ "weight", "WEIGHT", 6, COLUMN_NUMBER },
	{ "slots", "SLOTS", 8, COLUMN_NUMBER },
	{ "share_percent", "SHARE/%", 8, COLUMN_RATE },
	{ NULL, NULL, 0, COLUMN_TEXT },
};

/* If the service ignores zones, all backends except backups are "near". */
static const char *const set_names[BACKEND_SETS] = {
	[SET_NEAR] = "near",
	[SET_FAR] = "far",
	[SET_BACKUP] = "backup",
};

/* A backend's share of its set. */
struct share {
	uint32_t slots; /* of its Maglev table; 0 without one */
	double percent;
};

static void
share_by_weight(const struct service *service, struct share *shares)
{
	unsigned sums[BACKEND_SETS] = { 0 };

	for (size_t i = 0; i < service->backends; i++)
		sums[service->backend[i].set] += service->backend[i].weight;
	for (size_t i = 0; i < service->backends; i++) {
		const struct service_backend *entry = &service->backend[i];

		if (sums[entry->set] > 0)
			shares[i].percent = 100.0 * entry->weight /
			    sums[entry->set];
	}
}

static void
share_by_slots(const struct service *service, struct share *shares)
{
	for (int set = 0; set < BACKEND_SETS; set++) {
		const struct maglev *maglev = service->maglev[set];

		for (uint32_t i = 0; maglev != NULL && i < maglev->size; i++)
			shares[maglev->slot[i]].slots++;
	}
	for (size_t i = 0; i < service->backends; i++) {
		const struct maglev *maglev =
		    service->maglev[service->backend[i].set];

		if (maglev != NULL)
			shares[i].percent = 100.0 * shares[i].slots /
			    maglev->size;
	}
}

static bool
has_slots(const struct service *service)
{
	for (int set = 0; set < BACKEND_SETS; set++)
		if (service->maglev[set] != NULL)
			return true;
	return false;
}

static json_t *
share_row(const struct caller *caller, const struct service_backend *entry,
    const struct share *share, bool slots)
{
	char name[CONFIG_NAME_MAX + 2];

	(void)snprintf(name, sizeof(name), "%s%s", caller->json ? "" : "  ",
	    entry->backend->name);
	return json_pack("{s:s,s:s,s:i,s:o,s:f}", "backend", name, "set",
	    set_names[entry->set], "weight", (int)entry->weight, "slots",
	    slots ? json_integer(share->slots) : json_null(), "share_percent",
	    share->percent);
}

static bool
write_table(struct caller *caller, const struct service *service)
{
	struct share *shares = calloc(service->backends, sizeof(*shares));
	const char *balance = balance_name(service->settings.balance);
	const bool slots = has_slots(service);
	char checksum[32], line[256];

	if (shares == NULL)
		return false;
	if (slots)
		share_by_slots(service, shares);
	else
		share_by_weight(service, shares);
	(void)snprintf(checksum, sizeof(checksum), "%016" PRIx64,
	    service->checksum);
	(void)snprintf(line, sizeof(line), "%s: %s, checksum %s",
	    service->state->name, balance, checksum);
	answer_open(caller,
	    json_pack("{s:s,s:s,s:s}", "service", service->state->name,
		"balance", balance, "checksum", checksum),
	    "backends", line, share_columns);
	for (size_t i = 0; i < service->backends; i++)
		answer_row(caller,
		    share_row(caller, &service->backend[i], &shares[i], slots));
	answer_close(caller);
	free(shares);
	return true;
}

/* One service in each piece. */
static enum job_result
step_table(struct caller *caller)
{
	const struct table *table = table_current(caller->handle->tables);
	struct job *job = &caller->job;

	while (job->at_service < table->ids) {
		const struct service *service =
		    table->service[job->at_service++];

		if (service == NULL ||
		    (job->service[0] != '\0' &&
			strcmp(job->service, service->state->name) != 0))
			continue;
		if (!write_table(caller, service))
			caller->no_memory = true;
		return JOB_MORE;
	}
	answer_end(caller);
	return JOB_DONE;
}

void
command_table(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	const struct table *table = table_current(caller->handle->tables);

	if (name != NULL && commands_service(caller, name) == NULL) {
		commands_no_service(caller, name);
		return;
	}
	if (name != NULL)
		memcpy(caller->job.service, name, strlen(name) + 1);
	answer_begin(caller, "lb4.table/1",
	    json_pack("{s:I}", "generation", (json_int_t)table->generation),
	    "services", NULL);
	commands_job(caller, step_table);
}

/* ---- log-level ----------------------------------------------------------- */

void
command_log_level(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	int level = name != NULL ? log_level_parse(name) : 0;

	if (name != NULL && caller->level < LEVEL_OPERATE) {
		answer_error(caller, "denied",
		    "log-level %s needs the level operate", name);
		return;
	}
	if (level < 0) {
		answer_error(caller, "usage",
		    "log-level: \"%.64s\" is unknown: give error, warning, "
		    "notice, info or debug",
		    name);
		return;
	}
	if (name != NULL && level != atomic_load(&log_level)) {
		atomic_store(&log_level, level);
		log_notice("log-level %s, by uid %d, pid %d", name,
		    (int)caller->uid, (int)caller->pid);
		events_tell(caller->handle->events,
		    &(struct event){ .kind = "log-level" }, "%s", name);
	}
	if (caller->json) {
		answer_head(caller, "lb4.log-level/1");
		caller_printf(caller, ",\"log_level\":\"%s\"}\n\n",
		    log_level_name(atomic_load(&log_level)));
	} else {
		answer_done(caller, "%s",
		    log_level_name(atomic_load(&log_level)));
	}
}

/* ---- reload -------------------------------------------------------------- */

void
command_reload(struct caller *caller, const struct command *command)
{
	const char *word = command_argument(command, 0);
	struct config_errors errors = { .count = 0 };

	if (word != NULL && strcmp(word, "force") != 0) {
		commands_usage(caller, command);
		return;
	}
	log_notice("reload, by uid %d, pid %d", (int)caller->uid,
	    (int)caller->pid);
	if (reload_file(caller->handle->running, word != NULL, &errors) == 0)
		answer_done(caller, "reloaded");
	else
		answer_errors(caller, "refused", &errors);
	config_errors_done(&errors);
}
