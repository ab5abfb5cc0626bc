/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * simulate: how many clients would move if a file were in force, instead of
 * what is served, with the states as they are now.  Millions of picks take
 * seconds, so a thread of its own makes them, with configurations of its own;
 * the caller's job waits for it.
 *
 * Job and thread share a struct simulation.  The thread writes the result, and
 * says `done` (release) behind it; the job sets `stop` when its caller has gone
 * or lb4 is stopping: the thread needs nothing that ends with either.  Who lets
 * go of it last frees it.
 */
#include <bsd/string.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/command/socket.h"
#include "lb4/config/config.h"
#include "lb4/control/control.h"
#include "lb4/process/options.h"
#include "lb4/table/table.h"
#include "lb4/whatif/offline.h"

struct simulation {
	/* set before the thread starts */
	int bell;     /* owned; see control_socket_bell() */
	char *before; /* owned; the dump of the configuration in force */
	size_t before_len;
	struct hash_key seed;
	char zone[CONFIG_NAME_MAX];
	char *path;			   /* owned; of the file */
	char (*down)[2 * CONFIG_NAME_MAX]; /* owned; SERVICE/BACKEND */
	size_t downs;
	bool json;
	bool tells_words; /* of the file, in errors */

	_Atomic bool stop; /* writer: the job */
	_Atomic bool done; /* writer: the thread */
	_Atomic int holders;

	/* the thread's, and the job's once it is done */
	char *text; /* owned; the answer, or what is wrong */
	size_t text_len;
	json_t *services; /* owned; the answer in JSON */
	bool failed;
};

static void
let_go(struct simulation *simulation)
{
	if (atomic_fetch_sub(&simulation->holders, 1) > 1)
		return;
	if (simulation->bell >= 0)
		(void)close(simulation->bell);
	free(simulation->path);
	free(simulation->before);
	free(simulation->down);
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

static json_t *
backends_array(const struct simulated *told)
{
	json_t *backends = json_array();

	for (size_t i = 0; i < told->backends; i++)
		(void)json_array_append_new(backends,
		    pair_object(told->backend[i].name,
			told->backend[i].percent));
	if (told->none_percent[0] + told->none_percent[1] > 0)
		(void)json_array_append_new(backends,
		    pair_object(NULL, told->none_percent));
	return backends;
}

static json_t *
checksum_value(uint64_t checksum)
{
	return json_sprintf("%016llx", (unsigned long long)checksum);
}

static void
tell_json(void *services, const struct simulated *told)
{
	static const char *const changes[] = {
		[SIMULATED_STAYS] = "stays",
		[SIMULATED_ADDED] = "added",
		[SIMULATED_REMOVED] = "removed",
	};
	json_t *one = json_pack("{s:s,s:s}", "service", told->service, "change",
	    changes[told->change]);

	if (told->change == SIMULATED_STAYS) {
		json_t *more = json_pack("{s:s,s:s,s:o,s:o,s:o,s:I,s:o}",
		    "balance_before", told->balance[0], "balance_after",
		    told->balance[1], "checksum_before",
		    checksum_value(told->checksum[0]), "checksum_after",
		    checksum_value(told->checksum[1]), "moved",
		    told->by_client ? json_integer((json_int_t)told->moved)
				    : json_null(),
		    "clients", (json_int_t)told->clients, "backends",
		    backends_array(told));

		(void)json_object_update(one, more);
		json_decref(more);
	}
	(void)json_array_append_new(services, one);
}

/* The first complaint, for the others repeat it more often than not.  It has
 * words of the file, which the caller may not be allowed to read. */
static void
complain(const struct simulation *simulation,
    const struct config_errors *errors, FILE *err)
{
	if (errors->count > 0 && !simulation->tells_words)
		fprintf(err,
		    "%s has an error: callers of the level admin are told "
		    "which",
		    simulation->path);
	else
		fputs(errors->count > 0 ? errors->text[0] : "no memory", err);
}

static struct config *
parse_before(const struct simulation *simulation, struct config_errors *errors)
{
	struct config *config = config_parse("served", simulation->before,
	    simulation->before_len, errors);

	if (config == NULL)
		return NULL;
	config->hash_seed = simulation->seed;
	config->hash_seed_set = true;
	strlcpy(config->zone, simulation->zone, sizeof(config->zone));
	return config;
}

static struct config *
read_after(const struct simulation *simulation, struct config_errors *errors)
{
	struct config *config = config_load(simulation->path, errors);

	if (config != NULL)
		strlcpy(config->zone, simulation->zone, sizeof(config->zone));
	return config;
}

/* Writes to `out` and `services` what is told, or to `err` what is wrong. */
static bool
simulate(const struct simulation *simulation, FILE *out, FILE *err)
{
	struct config_errors errors = { .count = 0 };
	struct config *before = parse_before(simulation, &errors);
	struct config *after = read_after(simulation, &errors);
	const char **down = calloc(simulation->downs + 1, sizeof(*down));
	int error = -EINVAL;

	for (size_t i = 0; down != NULL && i < simulation->downs; i++)
		down[i] = simulation->down[i];
	if (before == NULL || after == NULL || down == NULL)
		complain(simulation, &errors, err);
	else
		error = offline_simulate(
		    &(struct offline_simulate){
			.before = before,
			.after = after,
			.down = down,
			.downs = simulation->downs,
			.stop = &simulation->stop,
			.tell = simulation->json ? tell_json
						 : offline_print_simulated,
			.owner = simulation->json ? (void *)simulation->services
						  : (void *)out,
		    },
		    err);
	free(down);
	config_free(before);
	config_free(after);
	config_errors_done(&errors);
	return error == 0;
}

static void *
simulation_main(void *argument)
{
	struct simulation *simulation = argument;
	const uint64_t ring = 1;
	char *complaint = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&simulation->text, &simulation->text_len);
	FILE *err = open_memstream(&complaint, &len);

	simulation->failed = out == NULL || err == NULL ||
	    !simulate(simulation, out, err);
	if (out != NULL && fclose(out) != 0)
		simulation->failed = true;
	if (err != NULL && fclose(err) != 0)
		simulation->failed = true;
	if (simulation->failed) {
		free(simulation->text);
		simulation->text = complaint;
	} else {
		free(complaint);
	}
	atomic_store_explicit(&simulation->done, true, memory_order_release);
	/* without it the job looks once a second */
	(void)!write(simulation->bell, &ring, sizeof(ring));
	let_go(simulation);
	return NULL;
}

/* ---- the job ------------------------------------------------------------- */

static void
cancel_simulation(struct caller *caller)
{
	atomic_store(&caller->job.simulation->stop, true);
	let_go(caller->job.simulation);
	caller->job.simulation = NULL;
}

/* What the program says at the command line begins with its name. */
static const char *
plain(const char *text)
{
	static const char name[] = "lb4: ";

	if (text == NULL)
		return "no memory";
	return strncmp(text, name, strlen(name)) == 0 ? text + strlen(name)
						      : text;
}

static enum job_result
step_simulate(struct caller *caller)
{
	struct simulation *simulation = caller->job.simulation;

	if (!atomic_load_explicit(&simulation->done, memory_order_acquire))
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
	cancel_simulation(caller);
	return JOB_DONE;
}

/* ---- the question -------------------------------------------------------- */

static bool
note_down(struct simulation *simulation, const char *name)
{
	void *down = reallocarray(simulation->down, simulation->downs + 1,
	    sizeof(*simulation->down));

	if (down == NULL)
		return false;
	simulation->down = down;
	return strlcpy(simulation->down[simulation->downs++], name,
		   sizeof(*simulation->down)) < sizeof(*simulation->down);
}

/* Who takes no conns now is taken for down, and who is said to be. */
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
			if (!note_down(simulation, name))
				return false;
		}
	}
	for (unsigned i = 1; i < command->words; i++) {
		const char *value = command_option_value(command->word[i],
		    "down");

		if (value != NULL && !note_down(simulation, value))
			return false;
	}
	return true;
}

static struct simulation *
simulation_new(const struct caller *caller, const struct command *command)
{
	const struct control_parts *parts = &caller->control->parts;
	struct simulation *simulation = calloc(1, sizeof(*simulation));
	const char *path = command_argument(command, 0);
	FILE *out;

	if (simulation == NULL)
		return NULL;
	simulation->bell = control_socket_bell(parts->socket);
	simulation->seed = parts->config->hash_seed;
	strlcpy(simulation->zone, parts->config->zone,
	    sizeof(simulation->zone));
	simulation->path = strdup(path != NULL
		? path
		: options_source(parts->options));
	simulation->json = caller->json;
	simulation->tells_words = caller->level >= LEVEL_ADMIN;
	simulation->services = json_array();
	atomic_init(&simulation->holders, 1);
	out = open_memstream(&simulation->before, &simulation->before_len);
	if (out != NULL)
		config_dump(parts->config, out);
	if (out != NULL && fclose(out) == 0 && simulation->path != NULL &&
	    simulation->services != NULL &&
	    note_downs(simulation, table_current(parts->tables), command))
		return simulation;
	let_go(simulation);
	return NULL;
}

static int
start(struct simulation *simulation)
{
	pthread_t thread;
	int error;

	atomic_store(&simulation->holders, 2);
	error = pthread_create(&thread, NULL, simulation_main, simulation);
	if (error == 0)
		return pthread_detach(thread);
	atomic_store(&simulation->holders, 1);
	return error;
}

void
command_simulate(struct caller *caller, const struct command *command)
{
	const struct control *control = caller->control;
	const char *path = command_argument(command, 0);
	struct simulation *simulation;
	int error;

	/* lb4 may read files that an admin by group may not */
	if (path != NULL && !caller->own) {
		answer_error(caller, "denied",
		    "lb4 opens a FILE for root and its own user alone: save "
		    "what lb4ctl config says, and use lb4 --simulate");
	} else if (path != NULL && path[0] != '/') {
		answer_error(caller, "usage",
		    "%s: lb4 opens it: write its whole path", path);
	} else if (path == NULL &&
	    !options_can_reload(control->parts.options)) {
		answer_error(caller, "refused",
		    "%s cannot be read again: name a FILE",
		    options_source(control->parts.options));
	} else if (control_socket_simulates(control->parts.socket)) {
		/* each costs a CPU for seconds */
		answer_error(caller, "busy", "another one is being simulated");
	} else {
		simulation = simulation_new(caller, command);
		error = simulation != NULL ? start(simulation) : ENOMEM;
		if (error == 0) {
			commands_job(caller, step_simulate);
			caller->job.simulation = simulation;
			caller->job.cancel = cancel_simulation;
			return;
		}
		answer_error(caller, "failed", "%s", strerror(error));
		if (simulation != NULL)
			let_go(simulation);
	}
}
