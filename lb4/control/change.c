/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Changes of the configuration in force: see change.h. */
#include "lb4/control/change.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/here.h"
#include "common/log.h"
#include "common/why.h"
#include "lb4/config/config.h"
#include "lb4/config/expand.h"
#include "lb4/config/keys.h"
#include "lb4/config/loops.h"
#include "lb4/config/rules.h"
#include "lb4/control/find.h"
#include "lb4/control/helper.h"
#include "lb4/control/keep.h"
#include "lb4/control/leveler.h"
#include "lb4/control/running.h"
#include "lb4/control/upgrade.h"
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
	log_warning("reload: [global] %s has changed: restart lb4 to apply it",
	    key->name);
}

/* Keeps the settings that need a restart, in `config` too. */
static void
keep_fixed(struct config *config, const struct config *before)
{
	keys_keep_fixed(config, before, warn_restart);
	/* keep a random seed, so that clients stay where they are */
	if (!config->hash_seed_set)
		config->hash_seed = before->hash_seed;
}

/* ---- what would be left -------------------------------------------------- */

static bool
is_new(const struct backend *backend)
{
	return backend_is_joining(backend) &&
	    atomic_load_explicit(&backend->admin, memory_order_acquire) ==
	    ADMIN_READY;
}

/* Whether new conns would go to the backend.  A new backend counts as
 * usable. */
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

/* Complains about each service that takes conns now and would have no backend
 * left to take them: for example, one backend is in maintenance and the file
 * removes the other. */
static int
check_left(const struct tables *tables, const struct config *config,
    struct config_errors *errors)
{
	int error = 0;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *after = &config->service[i];
		const struct service *now = find_service(tables, after->name);
		size_t j = 0;

		if (now == NULL || service_available(now) == 0)
			continue;
		while (j < after->backends &&
		    !would_take(now, &after->backend[j]))
			j++;
		if (j < after->backends)
			continue;
		config_errors_add(errors,
		    "service %s would be left without a backend that takes "
		    "conns: lb4ctl reload --force reloads anyway",
		    after->name);
		error = -EINVAL;
	}
	return error;
}

/* ---- loops -------------------------------------------------------------- */

/* The service of that name, or NULL. Tries the given place first. */
static const struct config_service *
service_before(const struct config *before, size_t place, const char *name)
{
	if (place < before->services &&
	    strcmp(before->service[place].name, name) == 0)
		return &before->service[place];
	return find_config_service(before, name);
}

/* Whether the service has the backend at the same address. */
static bool
has_backend(const struct config_service *service,
    const struct config_backend *backend)
{
	const struct config_backend *found = find_config_backend(service,
	    backend->name);

	return found != NULL && addr_equal(&found->addr, &backend->addr);
}

/* Whether the service has the mirror at the same address. */
static bool
has_mirror(const struct config_service *service,
    const struct config_mirror *mirror)
{
	return service != NULL &&
	    addr_equal(&service->settings.mirror.addr, &mirror->addr);
}

/* Complains about each new backend or mirror that leads back to lb4 by an
 * address of this host.  Returns 0 or -ENOMEM. */
static int
check_new_loops(const struct config *config, const struct config *before,
    struct errors *errors)
{
	int error = 0;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];
		const struct config_service *old = service_before(before, i,
		    service->name);

		for (size_t j = 0; error == 0 && j < service->backends; j++)
			if (!has_backend(old, &service->backend[j]))
				error = loops_check_backend(config, service,
				    &service->backend[j], here_has, errors);
		if (error == 0 && !has_mirror(old, &service->settings.mirror))
			error = loops_check_mirror(config, service, here_has,
			    errors);
	}
	return error;
}

/* ---- validating ---------------------------------------------------------- */

/* Returns 0, or -errno with at least one complaint. */
static int
validate(const struct running *running, struct config *config,
    enum change_origin origin, struct config_errors *list)
{
	struct errors errors;
	int error;

	errors_init(&errors, NULL, list);
	error = rules_check(config, NULL, &errors);
	if (error == 0 && list->count == 0 && origin == CHANGE_COPY)
		error = check_new_loops(config, running->config, &errors);
	errors_done(&errors);
	if (error == 0 && list->count == 0 && origin != CHANGE_COPY)
		preflight_here(config, running->options, list);
	if (error == 0 && list->count == 0 && origin == CHANGE_FILE)
		error = check_left(running->tables, config, list);
	if (error < 0 && list->count == 0)
		config_errors_add(list, "%s", strerror(-error));
	return error == 0 && list->count > 0 ? -EINVAL : error;
}

/* ---- preparing, then committing ----------------------------------------- */

/* Everything prepared for `config` and not in force yet.  A copy changes only
 * backends and weights: the table has them, so log and engine stay (NULL), and
 * neither a lost socket file nor a changed CPU quota is in the way. */
struct change {
	struct config *config;
	struct engine_limits limits;
	struct logger_change *log;
	struct table *table;
	struct engine_change *engine;
};

static struct log_names
log_names(const struct running *running, const struct config *config)
{
	return (struct log_names){
		.messages = options_destination(running->options, config->log),
		.access = options_destination(running->options,
		    config->access_log),
		.format = config->access_format,
	};
}

static int
prepare(struct change *change, const struct running *running,
    enum change_origin origin, struct config_errors *errors)
{
	const struct config *config = change->config;
	const struct log_names names = log_names(running, config);
	struct why why = { "" };
	struct engine_next next;
	int error;

	if (origin != CHANGE_COPY) {
		engine_limits(config, &change->limits);
		error = logger_prepare(running->logger, &names, &change->log,
		    &why);
		if (error < 0)
			goto fail;
	}
	error = tables_prepare(running->tables, config, &config->hash_seed,
	    &change->table);
	if (error < 0) {
		(void)why_fail(&why, error, "table: %s", strerror(-error));
		goto fail_log;
	}
	if (origin == CHANGE_COPY)
		return 0;
	next = (struct engine_next){ config, &change->limits, change->table };
	error = engine_prepare(running->engine, &next, &change->engine, &why);
	if (error == 0)
		return 0;
	tables_discard(running->tables, change->table);
fail_log:
	logger_abandon(change->log);
fail:
	config_errors_add(errors, "%s", why.text);
	return error;
}

/* Whether to warn about the machine's limits: the file asks for other limits,
 * or the machine has changed. */
static bool
is_to_warn(const struct change *change, const struct running *running)
{
	return change->config->maxconn != running->config->maxconn ||
	    change->config->maxpipes != running->config->maxpipes ||
	    change->limits.maxconn != engine_maxconn(running->engine) ||
	    change->limits.short_of_files;
}

static void
commit(struct change *change, struct running *running,
    enum change_origin origin)
{
	struct config *config = change->config;
	const struct log_names names = log_names(running, config);
	const bool warns = origin != CHANGE_COPY && is_to_warn(change, running);

	if (change->engine != NULL) {
		keep_change(running, change->engine);
		engine_leave(running->engine, change->engine);
	}
	logger_commit(running->logger, &names, change->log);
	tables_commit(running->tables, change->table);
	helper_follow(config, running->upgrade->peers.guard, running->prober);
	prober_table_changed(running->prober);
	if (change->engine != NULL)
		engine_commit(running->engine, change->engine);
	if (config->log_level != running->config->log_level)
		atomic_store(&log_level, config->log_level);
	running->shutdown_timeout_ms = config->shutdown_timeout_ms;
	config_free(running->config);
	running->config = config;
	if (warns)
		facts_warn(config, &change->limits);
}

struct config *
change_begin(const struct running *running)
{
	return config_copy(running->config);
}

int
change_apply(struct running *running, struct config *config,
    enum change_origin origin, struct config_errors *errors)
{
	struct change change = { .config = config };
	int error = 0;

	if (running->state != RUNNING_SERVING) {
		config_errors_add(errors, "lb4 is stopping");
		error = -EBUSY;
	} else if (upgrade_is_under_way(running->upgrade)) {
		config_errors_add(errors, "an upgrade is under way");
		error = -EBUSY;
	} else {
		if (origin != CHANGE_COPY)
			error = expand_carry(config, running->config);
		if (error == 0)
			error = validate(running, config, origin, errors);
	}
	if (error == 0) {
		leveler_settle(running->leveler);
		keep_fixed(config, running->config);
		error = prepare(&change, running, origin, errors);
	}
	if (error < 0) {
		config_free(config);
		return error;
	}
	commit(&change, running, origin);
	return 0;
}

int
change_edited(struct running *running, struct config *config, int error,
    bool changed, struct why *why)
{
	struct config_errors errors = { .count = 0 };

	if (error < 0 || !changed) {
		config_free(config);
		return error < 0 ? why_fail(why, error, "%s",
				       error == -E2BIG ? "too many backends"
						       : strerror(-error))
				 : 0;
	}
	error = change_apply(running, config, CHANGE_COPY, &errors);
	if (error < 0)
		(void)why_fail(why, error, "%s", errors.text[0]);
	config_errors_done(&errors);
	return error < 0 ? error : 1;
}
