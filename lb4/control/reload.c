/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reload: see reload.h.  Called by control.c. */
#include "lb4/control/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/plural.h"
#include "common/why.h"
#include "lb4/command/socket.h"
#include "lb4/config/config.h"
#include "lb4/config/keys.h"
#include "lb4/control/control.h"
#include "lb4/control/manager.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/health/prober.h"
#include "lb4/host/facts.h"
#include "lb4/log/logger.h"
#include "lb4/process/options.h"
#include "lb4/process/preflight.h"
#include "lb4/table/table.h"

/* ---- what only a restart changes ---------------------------------------- */

static void
warn_restart(const struct key *key)
{
	log_warning("reload: [global] %s has changed: that takes a restart",
	    key->name);
}

/* What the process was started with stays, and `config` says so. */
static void
keep_fixed(struct config *config, const struct config *before)
{
	keys_keep_fixed(config, before, warn_restart);
	/* a seed that was drawn is kept: clients stay where they are */
	if (!config->hash_seed_set)
		config->hash_seed = before->hash_seed;
}

/* ---- preparing, then committing ----------------------------------------- */

/* All that is prepared for `config`, and not in force yet. */
struct reload {
	struct config *config;
	struct engine_limits limits;
	struct logger_change *log;
	struct table *table;
	struct engine_change *engine;
};

static struct log_names
log_names(const struct control_parts *parts, const struct config *config)
{
	return (struct log_names){
		.messages = options_destination(parts->options, config->log),
		.access = options_destination(parts->options,
		    config->access_log),
		.format = config->access_format,
	};
}

static int
prepare(struct reload *reload, const struct control_parts *parts,
    struct config_errors *errors)
{
	const struct config *config = reload->config;
	const struct log_names names = log_names(parts, config);
	struct why why = { "" };
	int error;

	engine_limits(config, &reload->limits);
	error = logger_prepare(parts->logger, &names, &reload->log, &why);
	if (error < 0)
		goto fail;
	error = tables_prepare(parts->tables, config, &config->hash_seed,
	    &reload->table);
	if (error < 0) {
		(void)why_fail(&why, error, "table: %s", strerror(-error));
		goto fail_log;
	}
	error = engine_prepare(parts->engine, config, &reload->limits,
	    reload->table, &reload->engine, why.text, sizeof(why.text));
	if (error == 0)
		return 0;
	tables_discard(parts->tables, reload->table);
fail_log:
	logger_abandon(reload->log);
fail:
	config_errors_add(errors, "%s", why.text);
	return error;
}

static void
commit(struct reload *reload, struct control_parts *parts)
{
	struct config *config = reload->config;
	const struct log_names names = log_names(parts, config);

	engine_leave(parts->engine, reload->engine);
	logger_commit(parts->logger, &names, reload->log);
	tables_commit(parts->tables, reload->table);
	prober_table_changed(parts->prober);
	engine_commit(parts->engine, reload->engine);
	if (config->log_level != parts->config->log_level)
		atomic_store(&log_level, config->log_level);
	parts->shutdown_timeout_ms = config->shutdown_timeout_ms;
	config_free(parts->config);
	parts->config = config;
}

int
control_apply(struct control *control, struct config *config,
    struct config_errors *errors)
{
	struct reload reload = { .config = config };
	int error = 0;
	bool look; /* the machine may not be up to it, or is another by now */

	if (control->state != CONTROL_RUNNING) {
		config_errors_add(errors, "lb4 is stopping");
		error = -EBUSY;
	} else {
		keep_fixed(config, control->parts.config);
		error = prepare(&reload, &control->parts, errors);
	}
	if (error < 0) {
		config_free(config);
		return error;
	}
	look = config->maxconn != control->parts.config->maxconn ||
	    config->maxpipes != control->parts.config->maxpipes ||
	    reload.limits.maxconn != engine_maxconn(control->parts.engine) ||
	    reload.limits.short_of_files;
	commit(&reload, &control->parts);
	if (look)
		facts_warn(config, &reload.limits);
	return 0;
}

/* ---- what would be left -------------------------------------------------- */

static bool
is_new(const struct backend *backend)
{
	return backend_is_joining(backend) &&
	    atomic_load_explicit(&backend->admin, memory_order_acquire) ==
	    ADMIN_READY;
}

/* Whether new conns would go to it; one that is new has yet to show. */
static bool
would_take(const struct service *now, const struct config_backend *config)
{
	if (config->weight == 0)
		return false;
	for (size_t i = 0; i < now->backends; i++) {
		const struct backend *backend = now->backend[i].backend;

		if (strcmp(backend->name, config->name) == 0 &&
		    addr_equal(&backend->addr, &config->addr))
			return backend_is_available(backend) || is_new(backend);
	}
	return true;
}

static bool
takes(const struct service *now)
{
	for (size_t i = 0; i < now->backends; i++)
		if (now->backend[i].weight > 0 &&
		    backend_is_available(now->backend[i].backend))
			return true;
	return false;
}

/* Complains of each service that has a backend that takes conns and would have
 * none: one is in maintenance, say, and the other one was removed. */
static int
check_left(const struct tables *tables, const struct config *config,
    struct config_errors *errors)
{
	int error = 0;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *after = &config->service[i];
		const struct service_state *state = tables_state(tables,
		    after->name);
		const struct service *now = state != NULL
		    ? table_service_of(table_current(tables), state)
		    : NULL;
		size_t j = 0;

		if (now == NULL || !takes(now))
			continue;
		while (j < after->backends &&
		    !would_take(now, &after->backend[j]))
			j++;
		if (j < after->backends)
			continue;
		config_errors_add(errors,
		    "service %s would be left without a backend that takes "
		    "conns: lb4ctl reload --force does it all the same",
		    after->name);
		error = -EINVAL;
	}
	return error;
}

/* ---- the file ----------------------------------------------------------- */

static size_t
backends_of(const struct config *config)
{
	size_t backends = 0;

	for (size_t i = 0; i < config->services; i++)
		backends += config->service[i].backends;
	return backends;
}

static int
read_and_apply(struct control *control, bool force,
    struct config_errors *errors)
{
	const struct options *options = control->parts.options;
	struct config *config;

	if (!options_can_reload(options)) {
		config_errors_add(errors,
		    "%s cannot be read again: start lb4 with a "
		    "file to reload",
		    options_source(options));
		return -EINVAL;
	}
	config = options_config(options, errors);
	if (config == NULL)
		return -EINVAL;
	preflight_warn(config, options);
	preflight_loops(config, options, errors);
	if (errors->count > 0) {
		config_free(config);
		return -EINVAL;
	}
	if (!force && check_left(control->parts.tables, config, errors) < 0) {
		config_free(config);
		return -EINVAL;
	}
	return control_apply(control, config, errors);
}

int
control_reload(struct control *control, bool force,
    struct config_errors *errors)
{
	const struct config *config;
	size_t backends;
	unsigned workers;
	int error;

	(void)manager_reloading();
	error = read_and_apply(control, force, errors);
	control_socket_look(control->parts.socket);
	for (size_t i = 0; i < errors->count; i++)
		log_error("%s", errors->text[i]);
	if (error < 0)
		log_error("reload refused: nothing has changed");
	control_socket_event(control->parts.socket, "reload", NULL, NULL, "%s",
	    error == 0 ? "done" : "refused");
	/* what is in force now, whatever became of it */
	config = control->parts.config;
	backends = backends_of(config);
	workers = engine_workers(config);
	if (error == 0)
		log_notice(
		    "reloaded: %zu service%s, %zu backend%s, %u worker%s, "
		    "table %" PRIu64,
		    config->services, plural(config->services), backends,
		    plural(backends), workers, plural(workers),
		    control->parts.tables->generation);
	(void)manager_ready(control->parts.engine, control->parts.tables);
	return error;
}
