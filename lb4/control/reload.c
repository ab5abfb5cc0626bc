/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reads the file again: see reload.h.  Called for SIGHUP and by `reload`. */
#include "lb4/control/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "common/log.h"
#include "common/plural.h"
#include "lb4/config/config.h"
#include "lb4/control/change.h"
#include "lb4/control/manager.h"
#include "lb4/control/running.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/process/options.h"
#include "lb4/process/preflight.h"
#include "lb4/table/table.h"

static size_t
backends_of(const struct config *config)
{
	size_t backends = 0;

	for (size_t i = 0; i < config->services; i++)
		backends += config->service[i].backends;
	return backends;
}

static int
read_and_apply(struct running *running, bool force,
    struct config_errors *errors)
{
	const struct options *options = running->options;
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
	return change_apply(running, config,
	    force ? CHANGE_FORCED : CHANGE_FILE, errors);
}

int
reload_file(struct running *running, bool force, struct config_errors *errors)
{
	const struct config *config;
	size_t backends;
	unsigned workers;
	int error;

	(void)manager_reloading();
	error = read_and_apply(running, force, errors);
	for (size_t i = 0; i < errors->count; i++)
		log_error("%s", errors->text[i]);
	if (error < 0)
		log_error("reload refused: nothing has changed");
	events_tell(&running->events, &(struct event){ .kind = EVENTS_RELOAD },
	    "%s", error == 0 ? "done" : "refused");
	/* the configuration in force now, after success or failure */
	config = running->config;
	backends = backends_of(config);
	workers = engine_workers(config);
	if (error == 0)
		log_notice(
		    "reloaded: %zu service%s, %zu backend%s, %u worker%s, "
		    "table %" PRIu64,
		    config->services, plural(config->services), backends,
		    plural(backends), workers, plural(workers),
		    running->tables->generation);
	(void)manager_ready(running->engine, running->tables);
	return error;
}
