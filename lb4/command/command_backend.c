/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * drain, ready, maint, weight, add, remove: changes of one backend.  The first
 * three set the backend's administrative state.  The others edit a copy of the
 * configuration in force and apply it (lb4/control/change.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/textbuf.h"
#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/config/errors.h"
#include "lb4/config/keys.h"
#include "lb4/config/values.h"
#include "lb4/control/change.h"
#include "lb4/control/closer.h"
#include "lb4/control/events.h"
#include "lb4/control/find.h"
#include "lb4/control/handle.h"
#include "lb4/health/prober.h"
#include "lb4/table/table.h"

/* Logs an operator's action and tells it as an event. */
static void
tell(const struct caller *caller, const char *event, const char *service,
    const char *backend, const char *text)
{
	log_notice("%s/%s: %s, by uid %d, pid %d", service, backend, text,
	    (int)caller->uid, (int)caller->pid);
	events_tell(caller->handle->events,
	    &(struct event){ event, service, backend }, "%s", text);
}

static void
begin_admin(const struct caller *caller, const struct named *named,
    enum admin_state state)
{
	struct backend *backend = named->backend;
	enum admin_state before = atomic_load_explicit(&backend->admin,
	    memory_order_relaxed);

	const bool unchecked = before == ADMIN_MAINT && state != ADMIN_MAINT &&
	    named->service->settings.check.kind != CHECK_NONE;

	if (unchecked)
		backend_set_joining(backend, true);
	if (before != state) {
		atomic_store_explicit(&backend->admin_cause,
		    ADMIN_CAUSE_OPERATOR, memory_order_relaxed);
		backend_set_admin(backend, state, timer_now_ms());
		backend->admin_since_ms = timer_now_ms();
		prober_table_changed(caller->handle->prober);
		tell(caller, "admin", backend->service, backend->name,
		    admin_state_name(state));
	}
	/* check soon: the last result is old */
	if (unchecked)
		(void)prober_ask(caller->handle->prober, backend->id);
}

static void
set_admin(struct caller *caller, const struct command *command,
    enum admin_state state)
{
	const char *name = command_argument(command, 0);
	struct named named;

	if (!commands_find(caller, name, &named))
		return;
	begin_admin(caller, &named, state);
	answer_done(caller, "%s: %s", name, admin_state_name(state));
}

void
command_drain(struct caller *caller, const struct command *command)
{
	struct closer *closer = caller->handle->closer;
	const char *name = command_argument(command, 0);
	struct named named;
	struct pace pace;

	if (!commands_pace(caller, command, &pace) ||
	    !commands_find(caller, name, &named))
		return;
	if (pace.given &&
	    !closer_drain(closer, named.backend, pace.rate, pace.deadline_ms)) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return;
	}
	if (!pace.given)
		closer_undrain(closer, named.backend);
	begin_admin(caller, &named, ADMIN_DRAIN);
	if (pace.given)
		answer_done(caller, "%s: drain, closing idle conns, %u/s", name,
		    pace.rate);
	else
		answer_done(caller, "%s: drain", name);
}

void
command_ready(struct caller *caller, const struct command *command)
{
	set_admin(caller, command, ADMIN_READY);
}

void
command_maint(struct caller *caller, const struct command *command)
{
	set_admin(caller, command, ADMIN_MAINT);
}

/* ---- changes of the configuration ---------------------------------------- */

/* A copy of the configuration, and the place in it that a command edits. */
struct edited {
	struct config *config; /* owned until it is applied */
	struct config_service *service;
	size_t
	    place; /* of the backend in its service; `backends`: it has none */
};

/* Copies the configuration and finds SERVICE/BACKEND in it; the backend may be
 * missing.  On failure, answers and returns false. */
static bool
begin_edit(struct caller *caller, const char *name, struct edited *edited)
{
	char service_name[CONFIG_NAME_MAX], backend_name[CONFIG_NAME_MAX];
	const struct config_service *service;
	struct config *config;
	size_t i = 0;

	if (!commands_split(name, service_name, backend_name)) {
		answer_error(caller, "usage",
		    "\"%.64s\" names no backend: write SERVICE/BACKEND", name);
		return false;
	}
	config = change_begin(caller->handle->running);
	if (config == NULL) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return false;
	}
	service = find_config_service(config, service_name);
	if (service == NULL) {
		config_free(config);
		commands_no_service(caller, service_name);
		return false;
	}
	while (i < service->backends &&
	    strcmp(service->backend[i].name, backend_name) != 0)
		i++;
	edited->config = config;
	edited->service = &config->service[service - config->service];
	edited->place = i;
	return true;
}

/* The same, and fails when the backend is missing. */
static bool
begin_edit_of(struct caller *caller, const char *name, struct edited *edited)
{
	if (!begin_edit(caller, name, edited))
		return false;
	if (edited->place < edited->service->backends)
		return true;
	commands_no_backend(caller, edited->service->name,
	    strchr(name, '/') + 1);
	config_free(edited->config);
	return false;
}

/* Brings the copy into force and takes ownership of it.  On failure, answers
 * and returns false. */
static bool
apply(struct caller *caller, const struct edited *edited)
{
	struct config_errors errors = { .count = 0 };
	int error = change_apply(caller->handle->running, edited->config,
	    CHANGE_COPY, &errors);

	if (error < 0)
		answer_error(caller, error == -ENOMEM ? "failed" : "refused",
		    "%s", errors.text[0]);
	config_errors_done(&errors);
	return error == 0;
}

/* Parses a word of the command as the key does in a file.  On failure, answers
 * with `what` before the reason and returns false. */
static bool
read_key(struct caller *caller, const struct key *key, void *to,
    const char *text, const char *what)
{
	struct why why = { "" };
	int error = text != NULL ? key_parse(key, to, text, &why) : -ENOMEM;

	if (error == -ENOMEM)
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
	else if (error != 0)
		answer_error(caller, "usage", "%s%s", what, why.text);
	return error == 0;
}

void
command_weight(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	struct config_backend *backend;
	struct edited edited;
	struct named named;
	unsigned before, weight;
	char done[64];

	if (!commands_find(caller, name, &named) ||
	    !begin_edit_of(caller, name, &edited))
		return;
	backend = &edited.service->backend[edited.place];
	before = backend->weight;
	if (!read_key(caller, keys_find(KEY_BACKEND, "weight"), backend,
		command_argument(command, 1), "weight: ")) {
		config_free(edited.config);
		return;
	}
	weight = backend->weight;
	if (weight == before) {
		config_free(edited.config);
	} else if (apply(caller, &edited)) {
		(void)snprintf(done, sizeof(done), "weight %u, was %u", weight,
		    before);
		/* the new table has another service, but the same backend */
		tell(caller, "weight", named.backend->service,
		    named.backend->name, done);
	} else {
		return;
	}
	answer_done(caller, "%s: weight %u", name, weight);
}

/* Returns the line as in a file, "NAME ADDRESS KEY=VALUE...", for the caller to
 * free; NULL without memory. */
static char *
backend_line(const struct command *command, const char *name)
{
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	for (unsigned i = 1; out != NULL && i < command->words; i++) {
		if (i > 1)
			fputc(' ', out);
		value_print_word(i == 1 ? name : command->word[i], out);
	}
	return textbuf_close(&buf) == 0 ? buf.text : NULL;
}

void
command_add(struct caller *caller, const struct command *command)
{
	const char *name = command->word[1];
	struct edited edited;
	char service[CONFIG_NAME_MAX], backend[CONFIG_NAME_MAX];
	size_t names;
	char *line;
	bool read;

	if (!begin_edit(caller, name, &edited))
		return;
	if (edited.place < edited.service->backends) {
		answer_error(caller, "refused", "%s exists already", name);
		config_free(edited.config);
		return;
	}
	names = edited.service->hosts;
	(void)commands_split(name, service, backend);
	line = backend_line(command, backend);
	read = read_key(caller, keys_find(KEY_SERVICE, "backend"),
	    edited.service, line, "");
	free(line);
	if (!read) {
		config_free(edited.config);
		return;
	}
	if (edited.service->hosts > names) {
		answer_error(caller, "refused",
		    "%s has a name that DNS resolves: write its line into the "
		    "file and reload",
		    name);
		config_free(edited.config);
		return;
	}
	if (!apply(caller, &edited))
		return;
	tell(caller, "add", service, backend, "added");
	answer_done(caller, "%s: added, ready", name);
}

/* Removes a backend; the others keep their order. */
static void
take_out(struct config_service *service, size_t place)
{
	const unsigned order = service->backend[place].order;

	service->backends--;
	memmove(&service->backend[place], &service->backend[place + 1],
	    (service->backends - place) * sizeof(service->backend[0]));
	for (size_t i = 0; i < service->backends; i++)
		service->backend[i].order -= service->backend[i].order > order;
}

void
command_remove(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	char service[CONFIG_NAME_MAX], backend[CONFIG_NAME_MAX];
	struct edited edited;

	if (!begin_edit_of(caller, name, &edited))
		return;
	if (edited.service->backends == 1) {
		answer_error(caller, "refused",
		    "%s is the last backend of its service", name);
		config_free(edited.config);
		return;
	}
	if (edited.service->backend[edited.place].of_name != 0) {
		answer_error(caller, "refused",
		    "%s comes from a name that DNS resolves: remove the line "
		    "of the name",
		    name);
		config_free(edited.config);
		return;
	}
	if (edited.service->backend[edited.place].in_file) {
		answer_error(caller, "refused",
		    "%s is a line of %s: remove it there", name,
		    edited.service->backends_file);
		config_free(edited.config);
		return;
	}
	take_out(edited.service, edited.place);
	if (!apply(caller, &edited))
		return;
	(void)commands_split(name, service, backend);
	tell(caller, "remove", service, backend, "removed; its conns continue");
	answer_done(caller, "%s: removed", name);
}
