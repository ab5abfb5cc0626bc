/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * simulate: how many clients would move if a file were in force instead of the
 * present configuration, with the current states.  Millions of picks take
 * seconds, so a thread makes them, with its own copies of the configurations
 * (errand.h).
 */
#include <bsd/string.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/textbuf.h"
#include "common/why.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"
#include "lb4/command/downs.h"
#include "lb4/command/errand.h"
#include "lb4/config/config.h"
#include "lb4/control/handle.h"
#include "lb4/process/options.h"
#include "lb4/table/table.h"
#include "lb4/whatif/offline.h"

struct simulation {
	struct errand errand; /* the first one: see errand.h */

	/* set before the thread starts */
	struct config *before; /* owned; what is in force */
	char *path;	       /* owned; of the file; "": what is in force */
	struct downs down, down_after;
	bool json;
	bool tells_words; /* errors may quote the file */

	/* the thread's, and the job's once it is done */
	char *text;	  /* owned; the answer, or what is wrong */
	json_t *services; /* owned; the answer in JSON */
	bool no_memory;	  /* part of it is lost */
	bool failed;
};

static void
simulation_free(struct errand *errand)
{
	struct simulation *simulation = (struct simulation *)errand;

	free(simulation->path);
	config_free(simulation->before);
	downs_done(&simulation->down);
	downs_done(&simulation->down_after);
	free(simulation->text);
	json_decref(simulation->services);
	free(simulation);
}

/* ---- the thread ---------------------------------------------------------- */

static json_t *
percent_value(double percent)
{
	return percent == SIMULATED_NOT_THERE ? json_null()
					      : json_real(percent);
}

static json_t *
pair_object(const char *name, const double percent[2])
{
	return json_pack("{s:o,s:o,s:o}", "backend",
	    name != NULL ? json_string(name) : json_null(), "before_percent",
	    percent_value(percent[0]), "after_percent",
	    percent_value(percent[1]));
}

/* NULL without memory. */
static json_t *
backends_array(const struct simulated *told)
{
	json_t *backends = json_array();
	int error = 0;

	for (size_t i = 0; i < told->backends; i++)
		error |= json_array_append_new(backends,
		    pair_object(told->backend[i].name,
			told->backend[i].percent));
	if (told->none_percent[0] + told->none_percent[1] > 0)
		error |= json_array_append_new(backends,
		    pair_object(NULL, told->none_percent));
	if (error == 0)
		return backends;
	json_decref(backends);
	return NULL;
}

static json_t *
route_object(const struct simulated_route *route)
{
	return json_pack("{s:s,s:s?,s:s?}", "match", route->match, "before",
	    route->to[0], "after", route->to[1]);
}

/* NULL without memory. */
static json_t *
routes_array(const struct simulated *told)
{
	json_t *routes = json_array();
	int error = 0;

	for (size_t i = 0; i < told->routes; i++)
		error |= json_array_append_new(routes,
		    route_object(&told->route[i]));
	if (error == 0)
		return routes;
	json_decref(routes);
	return NULL;
}

static json_t *
checksum_value(uint64_t checksum)
{
	return json_sprintf("%016llx", (unsigned long long)checksum);
}

static void
tell_json(void *owner, const struct simulated *told)
{
	static const char *const changes[] = {
		[SIMULATED_STAYS] = "stays",
		[SIMULATED_ADDED] = "added",
		[SIMULATED_REMOVED] = "removed",
	};
	struct simulation *simulation = owner;
	json_t *one = json_pack("{s:s,s:s}", "service", told->service, "change",
	    changes[told->change]);
	int error = 0;

	if (told->change == SIMULATED_STAYS) {
		json_t *more =
		    json_pack("{s:s,s:s,s:o,s:o,s:o,s:I,s:o,s:f,s:f,s:o}",
			"balance_before", told->balance[0], "balance_after",
			told->balance[1], "checksum_before",
			checksum_value(told->checksum[0]), "checksum_after",
			checksum_value(told->checksum[1]), "moved",
			told->by_client ? json_integer((json_int_t)told->moved)
					: json_null(),
			"clients", (json_int_t)told->clients, "backends",
			backends_array(told), "refused_before_percent",
			told->refused_percent[0], "refused_after_percent",
			told->refused_percent[1], "routes", routes_array(told));

		error = json_object_update(one, more);
		json_decref(more);
	}
	error |= json_array_append_new(simulation->services, one);
	simulation->no_memory |= error != 0;
}

/* Writes the first complaint; the others often repeat it.  It quotes the file,
 * so callers below admin are told less. */
static void
complain(const struct simulation *simulation,
    const struct config_errors *errors, FILE *err)
{
	if (errors->count > 0 && !simulation->tells_words)
		fprintf(err,
		    "%s has an error: only callers of the level admin see which",
		    simulation->path);
	else
		fputs(errors->count > 0 ? errors->text[0] : "no memory", err);
}

static struct config *
read_after(const struct simulation *simulation, struct config_errors *errors)
{
	struct config *config = simulation->path[0] != '\0'
	    ? config_load(simulation->path, errors)
	    : config_copy(simulation->before);

	if (config != NULL)
		strlcpy(config->zone, simulation->before->zone,
		    sizeof(config->zone));
	return config;
}

/* Writes the results to `out` and `services`, or an error to `err`. */
static bool
simulate(struct simulation *simulation, FILE *out, FILE *err)
{
	struct config_errors errors = { .count = 0 };
	struct config *after = read_after(simulation, &errors);
	const char **down = downs_pointers(&simulation->down);
	const char **down_after = downs_pointers(&simulation->down_after);
	int error = -EINVAL;

	if (after == NULL || down == NULL || down_after == NULL)
		complain(simulation, &errors, err);
	else
		error = offline_simulate(
		    &(struct offline_simulate){
			.before = simulation->before,
			.after = after,
			.down = down,
			.downs = simulation->down.count,
			.down_after = down_after,
			.downs_after = simulation->down_after.count,
			.stop = &simulation->errand.stop,
			.tell = simulation->json ? tell_json
						 : offline_print_simulated,
			.owner = simulation->json ? (void *)simulation
						  : (void *)out,
		    },
		    err);
	free(down);
	free(down_after);
	config_free(after);
	config_errors_done(&errors);
	return error == 0;
}

static void
simulation_run(struct errand *errand)
{
	struct simulation *simulation = (struct simulation *)errand;
	struct textbuf text, complaint;
	FILE *out = textbuf_open(&text);
	FILE *err = textbuf_open(&complaint);

	simulation->failed = out == NULL || err == NULL ||
	    !simulate(simulation, out, err);
	if (textbuf_close(&text) < 0)
		simulation->failed = true;
	/* if there is no memory for the reason, memory is the reason */
	(void)textbuf_close(&complaint);
	simulation->failed |= simulation->no_memory;
	if (simulation->failed) {
		textbuf_done(&text);
		simulation->text = complaint.text;
	} else {
		textbuf_done(&complaint);
		simulation->text = text.text;
	}
}

/* ---- the job ------------------------------------------------------------- */

/* Removes the program's name, which begins messages on the command line. */
static const char *
plain(const char *text)
{
	static const char name[] = "lb4: ";

	if (text == NULL || text[0] == '\0')
		return "no memory";
	return strncmp(text, name, strlen(name)) == 0 ? text + strlen(name)
						      : text;
}

static enum job_result
step_simulate(struct caller *caller)
{
	struct simulation *simulation = (struct simulation *)caller->job.errand;

	if (!errand_is_done(&simulation->errand))
		return JOB_WAITS;
	if (simulation->failed) {
		char *text = simulation->text;

		if (text != NULL)
			text[strcspn(text, "\n")] = '\0';
		answer_error(caller, "refused", "%s", plain(text));
	} else if (caller->json) {
		answer_object(caller, "lb4.simulate/1",
		    json_pack("{s:O}", "services", simulation->services));
	} else {
		answer_text(caller, simulation->text);
	}
	errand_cancel(caller);
	return JOB_DONE;
}

/* ---- the question -------------------------------------------------------- */

/* Notes the backends to take as down: those that take no conns now, and those
 * named by options. */
static bool
note_downs(struct simulation *simulation, const struct table *table,
    const struct command *command)
{
	char name[2 * CONFIG_NAME_MAX];

	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		for (size_t i = 0; service != NULL && i < service->backends;
		     i++) {
			const struct backend *backend =
			    service->backend[i].backend;

			if (backend_is_available(backend))
				continue;
			(void)snprintf(name, sizeof(name), "%s/%s",
			    backend->service, backend->name);
			if (!downs_add(&simulation->down, name))
				return false;
		}
	}
	return downs_add_options(&simulation->down, command, "down") &&
	    downs_add_options(&simulation->down_after, command, "down-after");
}

static struct simulation *
simulation_new(const struct caller *caller, const struct command *command)
{
	const struct handle *handle = caller->handle;
	struct simulation *simulation = calloc(1, sizeof(*simulation));
	const char *path = command_argument(command, 0);

	if (simulation == NULL)
		return NULL;
	errand_init(&simulation->errand, caller, simulation_run,
	    simulation_free);
	simulation->path = strdup(path != NULL ? path
		: command_option(command, "down-after") != NULL
		? ""
		: options_source(handle->options));
	simulation->json = caller->json;
	simulation->tells_words = caller->level >= LEVEL_ADMIN;
	simulation->services = json_array();
	simulation->before = config_copy(handle_config(handle));
	if (simulation->path != NULL && simulation->services != NULL &&
	    simulation->before != NULL &&
	    note_downs(simulation, table_current(handle->tables), command)) {
		/* also keeps a random seed */
		simulation->before->hash_seed_set = true;
		return simulation;
	}
	errand_let_go(&simulation->errand);
	return NULL;
}

void
command_simulate(struct caller *caller, const struct command *command)
{
	const struct options *options = caller->handle->options;
	const char *path = command_argument(command, 0);
	struct simulation *simulation;
	int error;

	/* lb4 can read files that an admin by group cannot */
	if (path != NULL && !caller->own) {
		answer_error(caller, "denied",
		    "lb4 opens a FILE only for root and its own user: save the output of lb4ctl config and use lb4 --simulate");
	} else if (path != NULL && path[0] != '/') {
		answer_error(caller, "usage",
		    "%s: lb4 opens the file: write its absolute path", path);
	} else if (path == NULL &&
	    command_option(command, "down-after") == NULL &&
	    !options_can_reload(options)) {
		answer_error(caller, "refused",
		    "%s cannot be read again: name a FILE",
		    options_source(options));
	} else if (callers_have_job(caller->callers, step_simulate)) {
		/* each one takes a CPU for seconds */
		answer_error(caller, "busy", "another simulation is running");
	} else {
		simulation = simulation_new(caller, command);
		error = simulation != NULL ? errand_start(&simulation->errand)
					   : -ENOMEM;
		if (error == 0) {
			commands_job(caller, step_simulate);
			caller->job.errand = &simulation->errand;
			caller->job.cancel = errand_cancel;
			return;
		}
		answer_error(caller, "failed", "%s", why_no_thread(error));
		if (simulation != NULL)
			errand_let_go(&simulation->errand);
	}
}
