/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What an operator does to a backend: drain, ready, maint, weight, add, remove.
 * The administrative state is a word of the backend; the others change the
 * configuration that is served and publish it as a new table, or put it back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/here.h"
#include "common/log.h"
#include "common/textbuf.h"
#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/command/socket.h"
#include "lb4/config/errors.h"
#include "lb4/config/keys.h"
#include "lb4/config/loops.h"
#include "lb4/config/rules.h"
#include "lb4/config/values.h"
#include "lb4/control/closer.h"
#include "lb4/control/control.h"
#include "lb4/health/prober.h"
#include "lb4/table/table.h"

/* Says to the log and the monitors what an operator has done. */
static void
tell(const struct caller *caller, const char *event, const char *service,
    const char *backend, const char *text)
{
	log_notice("%s/%s: %s, by uid %d, pid %d", service, backend, text,
	    (int)caller->uid, (int)caller->pid);
	control_socket_event(caller->control->parts.socket, event, service,
	    backend, "%s", text);
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
		backend_set_admin(backend, state, timer_now_ms());
		backend->admin_since_ms = timer_now_ms();
		tell(caller, "admin", backend->service, backend->name,
		    admin_state_name(state));
	}
	/* What was not checked for a while is looked at before long. */
	if (unchecked)
		(void)prober_ask(caller->control->parts.prober, backend->id);
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
	const struct control *control = caller->control;
	const char *name = command_argument(command, 0);
	uint64_t deadline_ms;
	struct named named;
	unsigned rate;
	bool paced;

	if (!commands_pace(caller, command, &deadline_ms, &rate, &paced) ||
	    !commands_find(caller, name, &named))
		return;
	if (paced &&
	    !closer_drain(control->closer, named.backend, rate, deadline_ms)) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return;
	}
	if (!paced)
		closer_undrain(control->closer, named.backend);
	begin_admin(caller, &named, ADMIN_DRAIN);
	if (paced)
		answer_done(caller, "%s: drain, closing idle conns, %u/s", name,
		    rate);
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

/* Whether a check has found nothing, with `error` or with the first complaint;
 * else says why not. */
static bool
found_nothing(struct caller *caller, int error, struct errors *errors)
{
	struct config_errors *complaints = errors->list;
	const bool good = error == 0 && complaints->count == 0;

	if (!good)
		answer_error(caller, "refused", "%s",
		    complaints->count > 0 ? complaints->text[0]
					  : strerror(ENOMEM));
	errors_done(errors);
	config_errors_done(complaints);
	return good;
}

/* Whether the configuration may be served as it is now; else says why not. */
static bool
is_allowed(struct caller *caller)
{
	struct config_errors complaints;
	struct errors errors;

	errors_init(&errors, NULL, &complaints);
	return found_nothing(caller,
	    rules_check(caller->control->parts.config, NULL, &errors), &errors);
}

/* Whether a backend does not lead back to lb4 by an address of this host; else
 * says so. */
static bool
leads_elsewhere(struct caller *caller, const struct config_service *service,
    const struct config_backend *backend)
{
	struct config_errors complaints;
	struct errors errors;

	errors_init(&errors, NULL, &complaints);
	return found_nothing(caller,
	    loops_check_backend(caller->control->parts.config, service, backend,
		here_has, &errors),
	    &errors);
}

/* Checks and publishes; else has answered why not. */
static bool
serve_changed(struct caller *caller)
{
	int error;

	if (!is_allowed(caller))
		return false;
	error = commands_publish(caller);
	if (error < 0)
		answer_error(caller, "failed", "%s", strerror(-error));
	return error == 0;
}

void
command_weight(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	const char *text = command_argument(command, 1);
	const struct key *key = keys_find(KEY_BACKEND, "weight");
	struct named named;
	struct why why = { "" };
	unsigned before;
	char done[64];
	int error;

	if (!commands_find(caller, name, &named))
		return;
	before = named.config_backend->weight;
	error = key_parse(key, named.config_backend, text, &why);
	if (error != 0) {
		named.config_backend->weight = before;
		if (error == -ENOMEM)
			answer_error(caller, "failed", "%s", strerror(ENOMEM));
		else
			answer_error(caller, "usage", "weight: %s", why.text);
		return;
	}
	if (named.config_backend->weight != before) {
		if (!serve_changed(caller)) {
			named.config_backend->weight = before;
			return;
		}
		(void)snprintf(done, sizeof(done), "weight %u, was %u",
		    named.config_backend->weight, before);
		/* the table's service is another one now, the backend stays */
		tell(caller, "weight", named.backend->service,
		    named.backend->name, done);
	}
	answer_done(caller, "%s: weight %u", name,
	    named.config_backend->weight);
}

/* The backend's place in its service. */
static size_t
place_of(const struct config_service *service, const char *name)
{
	size_t i = 0;

	while (i < service->backends &&
	    strcmp(service->backend[i].name, name) != 0)
		i++;
	return i;
}

/* Takes a backend out; the others keep their order. */
static struct config_backend
take_out(struct config_service *service, size_t place)
{
	struct config_backend taken = service->backend[place];

	service->backends--;
	memmove(&service->backend[place], &service->backend[place + 1],
	    (service->backends - place) * sizeof(taken));
	for (size_t i = 0; i < service->backends; i++)
		service->backend[i].order -= service->backend[i].order >
		    taken.order;
	return taken;
}

/* Undoes that. */
static void
put_back(struct config_service *service, size_t place,
    const struct config_backend *taken)
{
	for (size_t i = 0; i < service->backends; i++)
		service->backend[i].order += service->backend[i].order >=
		    taken->order;
	memmove(&service->backend[place + 1], &service->backend[place],
	    (service->backends - place) * sizeof(*taken));
	service->backend[place] = *taken;
	service->backends++;
}

/* The line that the configuration would have: "NAME ADDRESS KEY=VALUE...", to
 * be freed; NULL without memory. */
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

/* Adds the backend to the configuration; else has answered why not. */
static bool
add_backend(struct caller *caller, struct config_service *service,
    const struct command *command, const char *name)
{
	const struct key *key = keys_find(KEY_SERVICE, "backend");
	char *line = backend_line(command, name);
	struct why why = { "" };
	int error = line != NULL ? key_parse(key, service, line, &why)
				 : -ENOMEM;

	free(line);
	if (error == 0)
		return true;
	if (error == -ENOMEM)
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
	else
		answer_error(caller, "usage", "%s", why.text);
	/* what was found too late, when it was there */
	if (place_of(service, name) < service->backends)
		(void)take_out(service, place_of(service, name));
	return false;
}

void
command_add(struct caller *caller, const struct command *command)
{
	const char *name = command->word[1];
	char service_name[CONFIG_NAME_MAX], backend_name[CONFIG_NAME_MAX];
	struct config_service *service;

	if (!commands_split(name, service_name, backend_name)) {
		answer_error(caller, "usage",
		    "\"%.64s\" names no backend: write SERVICE/BACKEND", name);
		return;
	}
	service = commands_config_service(caller, service_name);
	if (service == NULL) {
		commands_no_service(caller, service_name);
		return;
	}
	if (place_of(service, backend_name) < service->backends) {
		answer_error(caller, "refused", "%s is there already", name);
		return;
	}
	if (!add_backend(caller, service, command, backend_name))
		return;
	if (!leads_elsewhere(caller, service,
		&service->backend[place_of(service, backend_name)]) ||
	    !serve_changed(caller)) {
		(void)take_out(service, place_of(service, backend_name));
		return;
	}
	tell(caller, "add", service_name, backend_name, "added");
	answer_done(caller, "%s: added, ready", name);
}

void
command_remove(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	struct config_backend taken;
	struct config_service *service;
	struct named named;
	size_t place;

	if (!commands_find(caller, name, &named))
		return;
	service = named.config_service;
	if (service->backends == 1) {
		answer_error(caller, "refused",
		    "%s is the last backend of its service", name);
		return;
	}
	place = place_of(service, named.config_backend->name);
	taken = take_out(service, place);
	if (!serve_changed(caller)) {
		put_back(service, place, &taken);
		return;
	}
	tell(caller, "remove", service->name, taken.name,
	    "removed; its conns go on");
	answer_done(caller, "%s: removed", name);
}
