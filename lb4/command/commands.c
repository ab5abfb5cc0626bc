/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The table of commands, and what they share: see commands.h. */
#include "lb4/command/commands.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/socket.h"
#include "lb4/config/values.h"
#include "lb4/control/control.h"
#include "lb4/health/prober.h"
#include "lb4/table/table.h"

struct spec {
	const char *name;
	const char *arguments; /* as lb4ctl(8) writes them */
	enum level level;
	unsigned least, most; /* arguments */
	const char *options;  /* " a b ": names; NULL: the command looks */
	command_fn *run;
	const char *purpose;
};

static command_fn command_help;

static const struct spec specs[] = {
	{ "status", "[SERVICE]", LEVEL_READ, 0, 1, " ", command_status,
	    "services and backends: states, weights, counts" },
	{ "conns", "[FILTER...]", LEVEL_READ, 0, 0,
	    " id service backend client idle age ", command_conns,
	    "the conns that match every FILTER" },
	{ "info", "", LEVEL_READ, 0, 0, " ", command_info,
	    "the process: version, limits, totals" },
	{ "table", "[SERVICE]", LEVEL_READ, 0, 1, " ", command_table,
	    "checksums, and the backends' shares" },
	{ "explain", "SERVICE CLIENT", LEVEL_READ, 2, 2, " ", command_explain,
	    "which backend a client would have now, and why" },
	{ "simulate", "[FILE] [down=SERVICE/BACKEND...]", LEVEL_OPERATE, 0, 1,
	    " down ", command_simulate,
	    "how many clients would move with the file, or with FILE" },
	{ "doctor", "", LEVEL_READ, 0, 0, " ", command_doctor,
	    "the limits of the machine that will bite, the first wall" },
	{ "monitor", "", LEVEL_READ, 0, 0, " ", command_monitor,
	    "events, as they happen, until the caller leaves" },
	{ "wait", "ready [SERVICE] [timeout=TIME]", LEVEL_READ, 1, 2,
	    " timeout ", command_wait,
	    "answers when each service has a backend that is up" },
	{ "check", "SERVICE[/BACKEND]", LEVEL_OPERATE, 1, 1, " ", command_check,
	    "checks now, and answers with the result" },
	{ "drain", "SERVICE/BACKEND [deadline=TIME] [rate=RATE]", LEVEL_OPERATE,
	    1, 1, " deadline rate ", command_drain,
	    "no new conns; closes those there are, if told how fast" },
	{ "ready", "SERVICE/BACKEND", LEVEL_OPERATE, 1, 1, " ", command_ready,
	    "ends drain or maint" },
	{ "rebalance", "SERVICE [threshold=N] [rate=RATE] [deadline=TIME]",
	    LEVEL_OPERATE, 1, 1, " threshold rate deadline ", command_rebalance,
	    "closes idle conns of the backends that have too many" },
	{ "maint", "SERVICE/BACKEND", LEVEL_OPERATE, 1, 1, " ", command_maint,
	    "no new conns and no checks" },
	{ "weight", "SERVICE/BACKEND WEIGHT", LEVEL_OPERATE, 2, 2, " ",
	    command_weight, "changes a backend's weight" },
	{ "kill", "ID | FILTER... | all", LEVEL_OPERATE, 0, 1,
	    " id service backend client idle age ", command_kill,
	    "resets the conns that match every FILTER" },
	{ "log-level", "[LEVEL]", LEVEL_READ, 0, 1, " ", command_log_level,
	    "says or sets the log level" },
	{ "node", "[drain [deadline=TIME] [rate=RATE] | ready]", LEVEL_READ, 0,
	    1, " deadline rate ", command_node,
	    "whether this node can accept; takes it out of the cluster" },
	{ "add", "SERVICE/BACKEND ADDRESS [KEY=VALUE...]", LEVEL_ADMIN, 2,
	    COMMAND_WORDS_MAX, NULL, command_add, "adds a backend" },
	{ "reload", "[force]", LEVEL_ADMIN, 0, 1, " ", command_reload,
	    "reads the configuration file again" },
	{ "save", "[write]", LEVEL_ADMIN, 0, 1, " ", command_save,
	    "a diff of the file to what is served; writes it, if told to" },
	{ "remove", "SERVICE/BACKEND", LEVEL_ADMIN, 1, 1, " ", command_remove,
	    "removes a backend; its conns go on" },
	{ "help", "", LEVEL_READ, 0, 0, " ", command_help, "this list" },
};

static const struct column help_columns[] = {
	{ "command", "COMMAND", 10, COLUMN_TEXT },
	{ "arguments", "ARGUMENTS", 49, COLUMN_TEXT },
	{ "level", "LEVEL", 7, COLUMN_TEXT },
	{ "purpose", "WHAT IT DOES", 0, COLUMN_TEXT },
	{ NULL, NULL, 0, COLUMN_TEXT },
};

#define SPECS (sizeof(specs) / sizeof(specs[0]))

static const struct spec *
spec_find(const char *name)
{
	for (size_t i = 0; i < SPECS; i++)
		if (strcmp(specs[i].name, name) == 0)
			return &specs[i];
	return NULL;
}

static void
command_help(struct caller *caller, const struct command *command)
{
	(void)command;
	answer_begin(caller, "lb4.help/1",
	    json_pack("{s:s}", "level", level_name(caller->level)), "commands",
	    help_columns);
	for (size_t i = 0; i < SPECS; i++)
		answer_row(caller,
		    json_pack("{s:s,s:s,s:s,s:s}", "command", specs[i].name,
			"arguments", specs[i].arguments, "level",
			level_name(specs[i].level), "purpose",
			specs[i].purpose));
	answer_end(caller);
}

void
commands_usage(struct caller *caller, const struct command *command)
{
	const struct spec *spec = spec_find(command->word[0]);

	answer_error(caller, "usage", "write: %s%s%s", spec->name,
	    spec->arguments[0] != '\0' ? " " : "", spec->arguments);
}

/* The first option that the command does not have, or NULL. */
static const char *
unknown_option(const struct spec *spec, const struct command *command)
{
	char name[COMMAND_WORD_MAX + 2];

	for (unsigned i = 1; i < command->words; i++) {
		const char *word = command->word[i];
		const char *value = command_option_value(word, NULL);

		if (value == NULL)
			continue;
		(void)snprintf(name, sizeof(name), " %.*s ",
		    (int)(value - word - 1), word);
		if (strstr(spec->options, name) == NULL)
			return word;
	}
	return NULL;
}

static bool
is_well_formed(struct caller *caller, const struct spec *spec,
    const struct command *command)
{
	unsigned arguments = command_arguments(command);
	const char *unknown = NULL;

	if (spec->options != NULL)
		unknown = unknown_option(spec, command);
	if (unknown != NULL) {
		answer_error(caller, "usage", "%s has no option \"%.64s\"",
		    spec->name, unknown);
		return false;
	}
	if (arguments < spec->least || arguments > spec->most) {
		commands_usage(caller, command);
		return false;
	}
	return true;
}

void
commands_run(struct caller *caller, const char *line, size_t len)
{
	struct command command;
	struct why why = { "" };
	const struct spec *spec;

	caller->json = false;
	if (command_parse(&command, line, len, &why) < 0) {
		caller->json = memmem(line, len, "--json", 6) != NULL;
		answer_error(caller, "syntax", "%s", why.text);
		return;
	}
	if (command.words == 0)
		return;
	caller->json = command.json;
	spec = spec_find(command.word[0]);
	if (spec == NULL) {
		answer_error(caller, "usage",
		    "there is no command \"%.64s\": help lists them",
		    command.word[0]);
	} else if (caller->level < spec->level) {
		answer_error(caller, "denied",
		    "%s needs the level %s, and yours is %s", spec->name,
		    level_name(spec->level), level_name(caller->level));
		control_socket_log(caller->control->parts.socket,
		    LOG_LEVEL_WARNING, caller, "may not %s", spec->name);
	} else if (is_well_formed(caller, spec, &command)) {
		spec->run(caller, &command);
	}
}

/* ---- what commands share ------------------------------------------------- */

bool
commands_split(const char *name, char service[CONFIG_NAME_MAX],
    char backend[CONFIG_NAME_MAX])
{
	const char *slash = strchr(name, '/');
	size_t len = slash != NULL ? (size_t)(slash - name) : 0;

	if (len == 0 || len >= CONFIG_NAME_MAX || slash[1] == '\0' ||
	    strlen(slash + 1) >= CONFIG_NAME_MAX)
		return false;
	memcpy(service, name, len);
	service[len] = '\0';
	memcpy(backend, slash + 1, strlen(slash + 1) + 1);
	return true;
}

const struct service *
commands_service(const struct caller *caller, const char *name)
{
	const struct tables *tables = caller->control->parts.tables;
	const struct service_state *state = tables_state(tables, name);

	return state != NULL ? table_service(table_current(tables), state->id)
			     : NULL;
}

struct config_service *
commands_config_service(const struct caller *caller, const char *name)
{
	struct config *config = caller->control->parts.config;

	for (size_t i = 0; i < config->services; i++)
		if (strcmp(config->service[i].name, name) == 0)
			return &config->service[i];
	return NULL;
}

static struct config_backend *
find_config_backend(struct config_service *service, const char *name)
{
	for (size_t i = 0; service != NULL && i < service->backends; i++)
		if (strcmp(service->backend[i].name, name) == 0)
			return &service->backend[i];
	return NULL;
}

static struct backend *
find_backend(const struct service *service, const char *name)
{
	for (size_t i = 0; service != NULL && i < service->backends; i++)
		if (strcmp(service->backend[i].backend->name, name) == 0)
			return service->backend[i].backend;
	return NULL;
}

bool
commands_find(struct caller *caller, const char *name, struct named *named)
{
	char service[CONFIG_NAME_MAX], backend[CONFIG_NAME_MAX];

	if (!commands_split(name, service, backend)) {
		answer_error(caller, "usage",
		    "\"%.64s\" names no backend: write SERVICE/BACKEND", name);
		return false;
	}
	named->service = commands_service(caller, service);
	named->backend = find_backend(named->service, backend);
	named->config_service = commands_config_service(caller, service);
	named->config_backend = find_config_backend(named->config_service,
	    backend);
	if (named->backend != NULL && named->config_backend != NULL)
		return true;
	if (named->service == NULL)
		answer_error(caller, "unknown", "there is no service %s",
		    service);
	else
		answer_error(caller, "unknown", "service %s has no backend %s",
		    service, backend);
	return false;
}

void
commands_job(struct caller *caller,
    enum job_result (*step)(struct caller *caller))
{
	caller->job.step = step;
	caller->job.began_ms = timer_now_ms();
}

int
commands_publish(struct caller *caller)
{
	struct control_parts *parts = &caller->control->parts;
	int error = tables_publish(parts->tables, parts->config,
	    &parts->config->hash_seed);

	if (error == 0)
		prober_table_changed(parts->prober);
	return error;
}
