/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Files of access rules that change: see rulefiles.h.  Called by control.c. */
#include "lb4/control/rulefiles.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/why.h"
#include "lb4/config/access_rules.h"
#include "lb4/config/errors.h"
#include "lb4/control/change.h"
#include "lb4/control/running.h"
#include "lb4/model/service.h"
#include "lb4/table/table.h"

/* How long the files must be unchanged before they are read. */
#define QUIET_MS 100

/* How often to look at them without a report of inotify. */
#define LOOK_MS 5000

#define EVENTS \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE)

struct rulefiles {
	struct running *running;
	int fd;		  /* of inotify */
	uint64_t watched; /* the table of the configuration whose
				 * directories are watched */
	bool any;	  /* it names files */
	uint64_t look_ms; /* the next look */
	uint64_t found;	  /* the files as of the last look, if it found a
				 * change */
	uint64_t refused; /* the files that had errors; 0: none */
};

/* ---- the gauges ---------------------------------------------------------- */

static void
set_refused(const struct rulefiles *files, const char *service, bool refused)
{
	struct service_state *state = tables_state(files->running->tables,
	    service);

	if (state != NULL)
		atomic_store_explicit(&state->rules_refused, refused,
		    memory_order_relaxed);
}

static void
clear_refused(struct rulefiles *files)
{
	const struct config *config = files->running->config;

	files->refused = 0;
	for (size_t i = 0; i < config->services; i++)
		set_refused(files, config->service[i].name, false);
}

/* ---- watching ----------------------------------------------------------- */

static void
watch(const struct rulefiles *files, const char *path)
{
	char dir[CONFIG_ARGS_MAX];
	char *slash;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	if (inotify_add_watch(files->fd, dir, EVENTS) < 0)
		log_debug("%s: cannot be watched: %s", dir, strerror(errno));
}

/* Watches the directories of the configuration in force.  Those of earlier ones
 * cost a look at the files, no more. */
static void
watch_all(struct rulefiles *files, uint64_t now_ms)
{
	const struct config *config = files->running->config;

	if (files->watched == files->running->tables->generation)
		return;
	files->watched = files->running->tables->generation;
	files->any = false;
	for (size_t i = 0; i < config->services; i++) {
		const struct access_rules *rules = config->service[i].access;

		for (size_t j = 0; rules != NULL && j < rules->rules; j++)
			if (rules->rule[j].path != NULL) {
				watch(files, rules->rule[j].path);
				files->any = true;
			}
	}
	files->look_ms = now_ms + QUIET_MS;
	if (!files->any && files->refused != 0)
		clear_refused(files);
}

/* ---- looking ------------------------------------------------------------ */

/* A number for the present state of all files. */
static uint64_t
state_of(const struct config *config)
{
	uint64_t sum = 1;

	for (size_t i = 0; i < config->services; i++) {
		const struct access_rules *rules = config->service[i].access;

		for (size_t j = 0; rules != NULL && j < rules->rules; j++) {
			struct file_stamp stamp;

			if (rules->rule[j].path == NULL)
				continue;
			(void)file_stamp_of(rules->rule[j].path, &stamp);
			sum = hash_mix(sum ^ stamp.dev);
			sum = hash_mix(sum ^ stamp.ino);
			sum = hash_mix(sum ^ (uint64_t)stamp.size);
			sum = hash_mix(sum ^ (uint64_t)stamp.changed.tv_sec);
			sum = hash_mix(sum ^ (uint64_t)stamp.changed.tv_nsec);
			sum = hash_mix(sum ^ (uint64_t)stamp.modified.tv_sec);
			sum = hash_mix(sum ^ (uint64_t)stamp.modified.tv_nsec);
		}
	}
	return sum;
}

static bool
has_changed(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++)
		if (access_rules_changed(config->service[i].access))
			return true;
	return false;
}

/* ---- reading again ------------------------------------------------------ */

/* Reads the files of a service that have changed. */
static int
read_service(const struct rulefiles *files, struct config_service *service,
    struct config_errors *errors)
{
	struct access_rules *again;
	struct why why = { "out of memory" };
	int error;

	if (!access_rules_changed(service->access))
		return 0;
	error = access_rules_again(&again, service->access, &why);
	if (error < 0) {
		config_errors_add(errors, "service %s: %s", service->name,
		    why.text);
		set_refused(files, service->name, true);
		return error;
	}
	access_rules_unref(service->access);
	service->access = again;
	return 0;
}

static int
apply(const struct rulefiles *files, struct config_errors *errors)
{
	struct config *config = change_begin(files->running);
	int error = config != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; error == 0 && i < config->services; i++)
		error = read_service(files, &config->service[i], errors);
	if (error < 0) {
		config_free(config);
		if (errors->count == 0)
			config_errors_add(errors, "%s", strerror(-error));
		return error;
	}
	return change_apply(files->running, config, CHANGE_COPY, errors);
}

static void
read_again(struct rulefiles *files, uint64_t state)
{
	struct config_errors errors = { .count = 0 };
	const struct config *config;
	size_t prefixes = 0;
	int error;

	clear_refused(files);
	error = apply(files, &errors);
	config = files->running->config;
	if (error == -EBUSY) {
		/* the next look tries again */
	} else if (error < 0) {
		for (size_t i = 0; i < errors.count; i++)
			log_error("%s", errors.text[i]);
		log_error("access rules refused: those from before stay in "
			  "force");
		files->refused = state;
	} else {
		for (size_t i = 0; i < config->services; i++)
			if (config->service[i].access != NULL)
				prefixes += config->service[i].access->prefixes;
		log_notice("access rules read again: %zu prefix%s", prefixes,
		    prefixes == 1 ? "" : "es");
	}
	config_errors_done(&errors);
}

/* Reads the files if they have changed and are the same as at the look
 * before. */
static void
look(struct rulefiles *files, uint64_t now_ms)
{
	const struct config *config = files->running->config;
	uint64_t state;

	files->look_ms = now_ms + LOOK_MS;
	if (!has_changed(config)) {
		files->found = 0;
		if (files->refused != 0)
			clear_refused(files);
		return;
	}
	state = state_of(config);
	if (state == files->refused)
		return;
	if (state == files->found)
		read_again(files, state);
	else
		files->look_ms = now_ms + QUIET_MS;
	files->found = state;
}

/* ---- the loop ----------------------------------------------------------- */

static int
sleep_ms(const void *owner, uint64_t now_ms)
{
	const struct rulefiles *files = owner;

	if (files->running->state != RUNNING_SERVING)
		return -1; /* turn() does nothing more */
	if (files->watched != files->running->tables->generation)
		return 0;
	if (!files->any)
		return -1;
	return files->look_ms > now_ms ? (int)(files->look_ms - now_ms) : 0;
}

/* Whether inotify has reported anything; what it was does not matter. */
static bool
was_told(const struct rulefiles *files)
{
	char events[4096]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
	bool told = false;

	while (read(files->fd, events, sizeof(events)) > 0)
		told = true;
	return told;
}

static void
turn(void *owner, uint64_t now_ms)
{
	struct rulefiles *files = owner;

	if (was_told(files) && files->look_ms > now_ms + QUIET_MS)
		files->look_ms = now_ms + QUIET_MS;
	if (files->running->state != RUNNING_SERVING)
		return;
	watch_all(files, now_ms);
	if (files->any && now_ms >= files->look_ms)
		look(files, now_ms);
}

int
rulefiles_new(struct rulefiles **out, struct running *running,
    struct source *source)
{
	struct rulefiles *files = calloc(1, sizeof(*files));
	int error;

	if (files == NULL)
		return -ENOMEM;
	files->running = running;
	files->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (files->fd < 0) {
		error = -errno;
		free(files);
		return error;
	}
	*out = files;
	*source = (struct source){ files, files->fd, sleep_ms, NULL, turn };
	return 0;
}

void
rulefiles_free(struct rulefiles *files)
{
	if (files == NULL)
		return;
	(void)close(files->fd);
	free(files);
}
