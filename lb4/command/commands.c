/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The table of commands, and what they share: see commands.h. */
#include "lb4/command/commands.h"

#include <assert.h>
#include <bsd/string.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/nearest.h"
#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/config/values.h"
#include "lb4/control/find.h"
#include "lb4/control/handle.h"
#include "lb4/control/upgrade.h"
#include "lb4/table/table.h"

struct handler {
	const char *name; /* of the table in spec.c */
	command_fn *run;
	/* With arguments it changes what an upgrade hands over.  The commands
	 * that change the configuration are refused in change.c. */
	bool changes_states;
};

static command_fn command_help;

static const struct handler handlers[] = {
	{ "status", command_status, false },
	{ "conns", command_conns, false },
	{ "info", command_info, false },
	{ "table", command_table, false },
	{ "explain", command_explain, false },
	{ "simulate", command_simulate, false },
	{ "doctor", command_doctor, false },
	{ "monitor", command_monitor, false },
	{ "events", command_events, false },
	{ "wait", command_wait, false },
	{ "check", command_check, false },
	{ "drain", command_drain, true },
	{ "ready", command_ready, true },
	{ "rebalance", command_rebalance, true },
	{ "maint", command_maint, true },
	{ "weight", command_weight, false },
	{ "kill", command_kill, false },
	{ "log-level", command_log_level, false },
	{ "node", command_node, true },
	{ "add", command_add, false },
	{ "reload", command_reload, false },
	{ "upgrade", command_upgrade, false },
	{ "save", command_save, false },
	{ "remove", command_remove, false },
	{ "config", command_config, false },
	{ "help", command_help, false },
};

#define HANDLERS (sizeof(handlers) / sizeof(handlers[0]))

static const struct column help_columns[] = {
	{ "command", "COMMAND", 10, COLUMN_TEXT },
	{ "arguments", "ARGUMENTS", 49, COLUMN_TEXT },
	{ "level", "LEVEL", 7, COLUMN_TEXT },
	{ "purpose", "WHAT IT DOES", 0, COLUMN_TEXT },
	{ NULL, NULL, 0, COLUMN_TEXT },
};

static const struct handler *
handler_of(const struct spec *spec)
{
	size_t i = 0;

	while (i < HANDLERS && strcmp(handlers[i].name, spec->name) != 0)
		i++;
	assert(i < HANDLERS);
	return &handlers[i];
}

static void
unknown_command(struct caller *caller, const char *name)
{
	const char *nearest = spec_nearest(name);

	if (nearest != NULL)
		answer_error(caller, "usage",
		    "there is no command \"%.64s\": did you mean \"%s\"? "
		    "help lists them",
		    name, nearest);
	else
		answer_error(caller, "usage",
		    "there is no command \"%.64s\": help lists them", name);
}

static void
command_help(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);

	if (name != NULL && spec_find(name) == NULL) {
		unknown_command(caller, name);
		return;
	}
	answer_begin(caller, "lb4.help/1",
	    json_pack("{s:s}", "level", level_name(caller->level)), "commands",
	    help_columns);
	for (size_t i = 0; i < spec_count; i++) {
		const struct spec *spec = &spec_table[i];

		if (name != NULL && strcmp(spec->name, name) != 0)
			continue;
		answer_row(caller,
		    json_pack("{s:s,s:s,s:s,s:s}", "command", spec->name,
			"arguments", spec->arguments, "level",
			level_name(spec->level), "purpose", spec->purpose));
	}
	answer_end(caller);
}

void
commands_usage(struct caller *caller, const struct command *command)
{
	const struct spec *spec = spec_find(command->word[0]);

	answer_error(caller, "usage", "write: %s%s%s", spec->name,
	    spec->arguments[0] != '\0' ? " " : "", spec->arguments);
}

/* The first word that is an unknown option, or NULL. */
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

static void
answer_unknown_option(struct caller *caller, const struct spec *spec,
    const char *word)
{
	char options[128], name[COMMAND_WORD_MAX], *at = options, *option;
	struct nearest nearest;

	strlcpy(options, spec->options, sizeof(options));
	strlcpy(name, word, sizeof(name));
	name[strcspn(name, "=")] = '\0';
	nearest_begin(&nearest, name);
	while ((option = strsep(&at, " ")) != NULL)
		if (option[0] != '\0')
			nearest_try(&nearest, option);
	answer_error(caller, "usage", "%s has no option \"%.64s\"%s%s%s",
	    spec->name, word, nearest.best != NULL ? ": did you mean " : "",
	    nearest.best != NULL ? nearest.best : "",
	    nearest.best != NULL ? "=?" : "");
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
		answer_unknown_option(caller, spec, unknown);
		return false;
	}
	if (arguments < spec->least || arguments > spec->most) {
		commands_usage(caller, command);
		return false;
	}
	return true;
}

static void
run(struct caller *caller, const struct handler *handler,
    const struct command *command)
{
	if (handler->changes_states && command_arguments(command) > 0 &&
	    upgrade_is_under_way(handle_upgrade(caller->handle)))
		answer_error(caller, "busy", "an upgrade is under way");
	else
		handler->run(caller, command);
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
		unknown_command(caller, command.word[0]);
	} else if (caller->level < spec->level) {
		answer_error(caller, "denied",
		    "%s needs the level %s, and yours is %s", spec->name,
		    level_name(spec->level), level_name(caller->level));
		callers_log(caller, LOG_LEVEL_WARNING, "may not %s",
		    spec->name);
	} else if (is_well_formed(caller, spec, &command)) {
		run(caller, handler_of(spec), &command);
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
	return find_service(caller->handle->tables, name);
}

void
commands_no_service(struct caller *caller, const char *name)
{
	const struct config *config = handle_config(caller->handle);
	struct nearest nearest;

	nearest_begin(&nearest, name);
	for (size_t i = 0; i < config->services; i++)
		nearest_try(&nearest, config->service[i].name);
	answer_error(caller, "unknown", "there is no service %s%s%s%s", name,
	    nearest.best != NULL ? ": did you mean " : "",
	    nearest.best != NULL ? nearest.best : "",
	    nearest.best != NULL ? "?" : "");
}

void
commands_no_backend(struct caller *caller, const char *service,
    const char *name)
{
	const struct tables *tables = caller->handle->tables;
	const bool any = service[0] == '\0';
	struct nearest nearest;

	nearest_begin(&nearest, name);
	for (size_t i = 0; i < tables->backends_count; i++)
		if (any || strcmp(tables->backends[i]->service, service) == 0)
			nearest_try(&nearest, tables->backends[i]->name);
	answer_error(caller, "unknown", "%s%s %s no backend %s%s%s%s",
	    any ? "there" : "service ", service, any ? "is" : "has", name,
	    nearest.best != NULL ? ": did you mean " : "",
	    nearest.best != NULL ? nearest.best : "",
	    nearest.best != NULL ? "?" : "");
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
	if (named->backend != NULL)
		return true;
	if (named->service == NULL)
		commands_no_service(caller, service);
	else
		commands_no_backend(caller, service, backend);
	return false;
}

void
commands_job(struct caller *caller,
    enum job_result (*step)(struct caller *caller))
{
	caller->job.step = step;
	caller->job.began_ms = timer_now_ms();
}
