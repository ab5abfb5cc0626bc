/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * explain: a pick from the table in force with the current states, in the
 * format of `lb4 --explain`.  It is not counted.
 *
 * With down-after, it also shows the pick after backends have gone down.  A
 * thread (errand.h) makes that pick from a table of its own, because a Maglev
 * table may have two million slots.  It builds the table from copies of the
 * service's configuration and of its backends' states.
 */
#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/textbuf.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/balance/policy.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"
#include "lb4/command/downs.h"
#include "lb4/command/errand.h"
#include "lb4/command/origins.h"
#include "lb4/config/access_rules.h"
#include "lb4/config/config.h"
#include "lb4/control/find.h"
#include "lb4/control/handle.h"
#include "lb4/engine/moving.h"
#include "lb4/whatif/offline.h"

/* ---- a pick as JSON ------------------------------------------------------ */

static json_t *
steps_array(const struct service *service, const struct pick_trace *trace)
{
	json_t *steps = json_array();

	for (unsigned i = 0; i < trace->steps; i++) {
		const struct trace_step *step = &trace->step[i];

		if (json_array_append_new(steps,
			json_pack("{s:I,s:s,s:s}", "slot",
			    (json_int_t)step->slot, "backend",
			    service->backend[step->index].backend->name, "why",
			    candidate_skip_name(step->skip))) != 0) {
			json_decref(steps);
			return NULL;
		}
	}
	return steps;
}

/* The backend that the client gets, or NULL. */
static const struct backend *
picked(const struct service *service, const struct offline_pick *asked)
{
	return policy_of(service->settings.balance)->by_client &&
		asked->index >= 0
	    ? service->backend[asked->index].backend
	    : NULL;
}

/* The way to the client's backend, and the backend. */
static json_t *
pick_object(const struct service *service, const struct offline_pick *asked)
{
	const struct backend *backend = picked(service, asked);
	char hash[32], address[ADDR_TEXT_MAX];

	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, asked->trace.hash);
	return json_pack("{s:o,s:o,s:b,s:b,s:b,s:o,s:o}", "hash",
	    asked->trace.key_len > 0 ? json_string(hash) : json_null(), "steps",
	    steps_array(service, &asked->trace), "health_ignored",
	    !asked->trace.check_health, "kept", asked->trace.kept, "waits",
	    asked->index == PICK_DOWN, "backend",
	    backend != NULL ? json_string(backend->name) : json_null(),
	    "address",
	    backend != NULL ? answer_value(offline_address(service, asked,
				  address, sizeof(address)))
			    : json_null());
}

/* The access rule that decides about the client, or null. */
static json_t *
rule_object(const struct service *service, const struct access_prefix *prefix)
{
	const struct access_rule *rule;
	char text[PREFIX_TEXT_MAX];

	if (prefix == NULL)
		return json_null();
	rule = &service->access->rule[prefix->rule];
	return json_pack("{s:s,s:s,s:o,s:o}", "verb", access_rule_verb(rule),
	    "prefix", prefix_format(&prefix->prefix, text, sizeof(text)),
	    "list", answer_value(rule->text), "line",
	    rule->path != NULL ? json_integer(prefix->line) : json_null());
}

/* Who gets a copy of what the client sends, or null. */
static json_t *
mirror_object(const struct service *service)
{
	const struct config_mirror *mirror = &service->settings.mirror;
	char text[ADDR_TEXT_MAX];

	if (mirror->addr.len == 0)
		return json_null();
	return json_pack("{s:s,s:o}", "name", mirror->name, "address",
	    answer_value(addr_format(&mirror->addr, text, sizeof(text))));
}

/* How far the client's source is from its limits, or null. */
static json_t *
source_object(const struct throttle_sight *sight)
{
	if (!sight->limited)
		return json_null();
	return json_pack("{s:I,s:I,s:I}", "conns", (json_int_t)sight->conns,
	    "maxconn", (json_int_t)sight->maxconn, "wait_ms",
	    (json_int_t)sight->wait_ms);
}

/* The whole answer; NULL without memory. */
static json_t *
explained_object(const struct caller *caller, const struct service *service,
    const struct offline_pick *asked)
{
	const struct backend *backend = picked(service, asked);
	const struct policy *policy = policy_of(service->settings.balance);
	json_t *pick = pick_object(service, asked);
	json_t *object;
	char checksum[32];

	(void)snprintf(checksum, sizeof(checksum), "%016" PRIx64,
	    service->checksum);
	object = json_pack("{s:s,s:s?,s:s,s:s,s:o,s:b,s:o,s:b,s:o,s:o,s:o}",
	    "service", service->state->name, "route",
	    asked->route != NULL ? asked->route->match : NULL, "balance",
	    policy->name, "checksum", checksum, "client",
	    answer_value(asked->client), "by_client", policy->by_client, "rule",
	    asked->refused && asked->prefix == NULL
		? rule_object(asked->front, asked->front_prefix)
		: rule_object(service, asked->prefix),
	    "refused", asked->refused, "source", source_object(&asked->sight),
	    "backend_from",
	    backend != NULL
		? origins_of(caller, service->state->name, backend->name)
		: json_null(),
	    "mirror", mirror_object(service));
	if (json_object_update(object, pick) != 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(pick);
	return object;
}

/* ---- what if backends go down -------------------------------------------- */

/* A backend's state now. */
struct state {
	char name[CONFIG_NAME_MAX];
	uint32_t active;
	struct backend_parts parts;
	uint64_t agent_said;
};

struct explanation {
	struct errand errand; /* the first one: see errand.h */

	/* set before the thread starts */
	struct config *config; /* owned; has only this service */
	char service[CONFIG_NAME_MAX];
	char client[COMMAND_WORD_MAX];
	uint16_t port; /* that the client comes to */
	uint64_t now_ms;
	struct state *state; /* owned; `states` of them */
	size_t states;
	struct downs down_after;
	bool json;

	/* the thread's, and the job's once it is done; at first they hold the
	 * pick from the table in force */
	char *text;	/* owned; the answer as text, or */
	json_t *object; /* owned; as JSON; NULL: no memory */
};

static void
explanation_free(struct errand *errand)
{
	struct explanation *explanation = (struct explanation *)errand;

	config_free(explanation->config);
	free(explanation->state);
	downs_done(&explanation->down_after);
	free(explanation->text);
	json_decref(explanation->object);
	free(explanation);
}

/* Copies the current states to the backends of the thread's table, and sets
 * some backends down. */
static void
set_states(const struct explanation *explanation, struct offline *offline)
{
	const struct service *service = offline_service(offline,
	    explanation->service);

	for (size_t i = 0; i < explanation->states; i++) {
		const struct state *state = &explanation->state[i];
		struct backend *backend = find_backend(service, state->name);

		if (backend == NULL)
			continue;
		backend_copy_parts(backend, &state->parts, state->agent_said);
		atomic_store(&backend->active, state->active);
	}
	/* backends of other services do not matter here */
	for (size_t i = 0; i < explanation->down_after.count; i++)
		(void)offline_set_down(offline,
		    explanation->down_after.name[i]);
}

/* Adds the pick after to the text answer.  Returns false without memory. */
static bool
add_text(struct explanation *explanation, const struct service *service,
    const struct offline_pick *asked)
{
	const char **down = downs_pointers(&explanation->down_after);
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	if (out != NULL && down != NULL) {
		fputs(explanation->text, out);
		offline_print_downs_after(down, explanation->down_after.count,
		    out);
		offline_print_pick(service, asked, out);
	}
	free(explanation->text);
	explanation->text = NULL;
	if (textbuf_close(&buf) == 0 && down != NULL)
		explanation->text = buf.text;
	else
		textbuf_done(&buf);
	free(down);
	return explanation->text != NULL;
}

/* The same as JSON. */
static bool
add_object(const struct explanation *explanation, const struct service *service,
    const struct offline_pick *asked)
{
	json_t *after = pick_object(service, asked);
	json_t *down = json_array();
	int error = 0;

	for (size_t i = 0; i < explanation->down_after.count; i++)
		error |= json_array_append_new(down,
		    json_string(explanation->down_after.name[i]));
	error |= json_object_set_new(after, "down", down);
	error |= json_object_set_new(explanation->object, "after", after);
	return error == 0;
}

static bool
add_after(struct explanation *explanation, const struct service *service,
    const struct offline_pick *asked)
{
	return explanation->json ? add_object(explanation, service, asked)
				 : add_text(explanation, service, asked);
}

/* A thread builds a table: perhaps for a caller that has hung up. */
static _Atomic bool at_work;

/* In the thread. */
static void
explanation_run(struct errand *errand)
{
	struct explanation *explanation = (struct explanation *)errand;
	const struct service *service;
	struct offline_pick asked;
	struct offline offline;
	bool complete = false;

	if (offline_init(&offline, explanation->config, NULL) == 0) {
		set_states(explanation, &offline);
		service = offline_service(&offline, explanation->service);
		/* the client was valid in the first pick */
		complete = service != NULL &&
		    offline_pick(service, explanation->client,
			explanation->now_ms, &asked) == NULL;
		asked.port = explanation->port;
		complete = complete && add_after(explanation, service, &asked);
		offline_done(&offline);
	}
	if (!complete) {
		free(explanation->text);
		explanation->text = NULL;
		json_decref(explanation->object);
		explanation->object = NULL;
	}
	atomic_store(&at_work, false);
}

/* ---- the answer ---------------------------------------------------------- */

/* Takes the reference to `object`. NULL means that there was no memory. */
static void
answer_explained(struct caller *caller, const char *text, json_t *object)
{
	if (caller->json)
		answer_object(caller, "lb4.explain/1", object);
	else if (text == NULL)
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
	else
		answer_text(caller, text);
}

static void
answer_explanation(struct caller *caller, const struct explanation *explanation)
{
	answer_explained(caller, explanation->text,
	    json_incref(explanation->object));
}

static enum job_result
step_explain(struct caller *caller)
{
	struct errand *errand = caller->job.errand;

	if (!errand_is_done(errand))
		return JOB_WAITS;
	answer_explanation(caller, (struct explanation *)errand);
	errand_cancel(caller);
	return JOB_DONE;
}

/* Returns the pick as text for the caller to free, or NULL without memory. */
static char *
explained_text(const struct caller *caller, const struct service *service,
    const struct offline_pick *asked)
{
	const struct backend *backend = picked(service, asked);
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);
	char from[CONFIG_DNS_MAX + CONFIG_PATH_MAX];

	if (out != NULL)
		offline_print_pick(service, asked, out);
	if (out != NULL && backend != NULL &&
	    origins_text(caller, service->state->name, backend->name, from,
		sizeof(from))[0] != '\0')
		fprintf(out, "from       %s\n", from);
	if (textbuf_close(&buf) == 0)
		return buf.text;
	textbuf_done(&buf);
	return NULL;
}

static struct explanation *
explanation_new(const struct caller *caller, const struct service *service,
    const struct offline_pick *asked)
{
	struct explanation *explanation = calloc(1, sizeof(*explanation));

	if (explanation == NULL)
		return NULL;
	errand_init(&explanation->errand, caller, explanation_run,
	    explanation_free);
	strlcpy(explanation->service, service->state->name,
	    sizeof(explanation->service));
	strlcpy(explanation->client, asked->client,
	    sizeof(explanation->client));
	explanation->port = asked->port;
	explanation->now_ms = asked->pick.now_ms;
	explanation->json = caller->json;
	if (caller->json)
		explanation->object = explained_object(caller, service, asked);
	else
		explanation->text = explained_text(caller, service, asked);
	if (explanation->object != NULL || explanation->text != NULL)
		return explanation;
	errand_let_go(&explanation->errand);
	return NULL;
}

/* Copies the service's configuration and its backends' states for the thread.
 * Returns false without memory. */
static bool
copy_service(struct explanation *explanation, const struct config *config,
    const struct service *service)
{
	const struct config_service *found = find_config_service(config,
	    explanation->service);
	struct config one = *config;
	struct config_service only;

	if (found == NULL)
		return false;
	only = *found;
	one.service = &only;
	one.services = 1;
	one.hash_seed_set = true; /* also a random seed */
	explanation->config = config_copy(&one);
	explanation->state = calloc(service->backends,
	    sizeof(*explanation->state));
	if (explanation->config == NULL || explanation->state == NULL)
		return false;
	for (size_t i = 0; i < service->backends; i++) {
		const struct backend *backend = service->backend[i].backend;
		struct state *state = &explanation->state[i];

		strlcpy(state->name, backend->name, sizeof(state->name));
		state->active = backend_active(backend);
		state->parts = backend_parts(backend);
		state->agent_said = atomic_load_explicit(&backend->agent_said,
		    memory_order_acquire);
	}
	explanation->states = service->backends;
	return true;
}

/* Whether the client keeps its backend in any case: it was kept there after a
 * change of the table, and this backend does not go down. */
static bool
stays(const struct explanation *explanation, const struct service *service,
    const struct offline_pick *asked)
{
	char name[2 * CONFIG_NAME_MAX];

	if (!asked->trace.kept || asked->index < 0)
		return false;
	(void)snprintf(name, sizeof(name), "%s/%s", explanation->service,
	    service->backend[asked->index].backend->name);
	for (size_t i = 0; i < explanation->down_after.count; i++)
		if (strcmp(explanation->down_after.name[i], name) == 0)
			return false;
	return true;
}

/* Starts the thread that adds the pick after, or answers at once where no table
 * is needed.  Returns 0 with `explanation` given away, or -errno. */
static int
explain_after(struct caller *caller, struct explanation *explanation,
    const struct service *service, const struct offline_pick *asked)
{
	int error;

	if (stays(explanation, service, asked)) {
		if (!add_after(explanation, service, asked))
			return -ENOMEM;
		answer_explanation(caller, explanation);
		errand_let_go(&explanation->errand);
		return 0;
	}
	if (!copy_service(explanation, handle_config(caller->handle), service))
		return -ENOMEM;
	atomic_store(&at_work, true);
	error = errand_start(&explanation->errand);
	if (error < 0) {
		atomic_store(&at_work, false);
		return error;
	}
	commands_job(caller, step_explain);
	caller->job.errand = &explanation->errand;
	caller->job.cancel = errand_cancel;
	return 0;
}

/* Checks that each down-after names a backend.  If not, answers and returns
 * false. */
static bool
check_downs(struct caller *caller, const struct command *command)
{
	struct named named;

	for (unsigned i = 1; i < command->words; i++) {
		const char *name = command_option_value(command->word[i],
		    "down-after");

		if (name != NULL && !commands_find(caller, name, &named))
			return false;
	}
	return true;
}

/* Reads the port that the client comes to.  If it is none of the service,
 * answers and returns false. */
static bool
read_port(struct caller *caller, const struct command *command, uint16_t *port)
{
	const char *text = command_option(command, "port");
	const char *why = offline_read_port(handle_config(caller->handle),
	    command_argument(command, 0), text, port);

	if (why == NULL)
		return true;
	answer_error(caller, "usage", "%s: %s", text, why);
	return false;
}

/* Answers with the picks before and after. */
static void
explain_both(struct caller *caller, const struct command *command,
    const struct service *service, const struct offline_pick *asked)
{
	struct explanation *explanation = explanation_new(caller, service,
	    asked);
	int error = -ENOMEM;

	if (explanation != NULL &&
	    downs_add_options(&explanation->down_after, command, "down-after"))
		error = explain_after(caller, explanation, service, asked);
	if (error == 0)
		return;
	answer_error(caller, "failed", "%s", why_no_thread(error));
	if (explanation != NULL)
		errand_let_go(&explanation->errand);
}

/* Answers with the pick from the table in force. */
static void
explain_now(struct caller *caller, const struct service *service,
    const struct offline_pick *asked)
{
	char *text = caller->json ? NULL
				  : explained_text(caller, service, asked);

	answer_explained(caller, text,
	    caller->json ? explained_object(caller, service, asked) : NULL);
	free(text);
}

/* The service that the route leads to, or NULL. */
static const struct service *
routed(struct caller *caller, const struct service_route *route)
{
	return route->state != NULL
	    ? commands_service(caller, route->state->name)
	    : NULL;
}

void
command_explain(struct caller *caller, const struct command *command)
{
	const char *name = command_argument(command, 0);
	const char *client = command_argument(command, 1);
	const struct service *front = commands_service(caller, name);
	const struct service *service = front;
	const struct service_route *route = NULL;
	const uint64_t now_ms = timer_now_ms();
	const bool both = command_option(command, "down-after") != NULL;
	struct offline_pick asked;
	const char *why;
	uint16_t port;

	if (service == NULL) {
		commands_no_service(caller, name);
		return;
	}
	if (!check_downs(caller, command) || !read_port(caller, command, &port))
		return;
	if (!callers_may_explain(caller, now_ms)) {
		answer_error(caller, "busy",
		    "explain: a user below the level admin gets 10 answers per second: ask again later");
		return;
	}
	if (both && atomic_load(&at_work)) {
		/* a table may take a CPU for a while */
		answer_error(caller, "busy",
		    "another explain with down-after is running");
		return;
	}
	route = offline_find_route(service, command_option(command, "sni"),
	    command_option(command, "alpn"));
	if (route != NULL && (service = routed(caller, route)) == NULL) {
		answer_error(caller, "refused", "%s: the route %s refuses it",
		    client, route->match);
		return;
	}
	why = offline_pick(service, client, now_ms, &asked);
	if (why != NULL) {
		answer_error(caller, "usage", "%s: %s", client, why);
		return;
	}
	throttle_look(engine_shared(caller->handle->engine), service,
	    &asked.pick.client, &asked.sight);
	offline_lead(&asked, front, route);
	asked.port = port;
	if (both)
		explain_both(caller, command, service, &asked);
	else
		explain_now(caller, service, &asked);
}
