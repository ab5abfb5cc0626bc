/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Makes and reads a handle: see handle.h. */
#include "lb4/control/handle.h"

#include "lb4/control/running.h"

struct handle
handle_of(struct running *running)
{
	return (struct handle){
		.running = running,
		.engine = running->engine,
		.tables = running->tables,
		.prober = running->prober,
		.backlogs = running->backlogs,
		.closer = running->closer,
		.follow = running->follow,
		.names = running->names,
		.threads = running->threads,
		.options = running->options,
		.events = &running->events,
		.version = running->version,
		.began_ms = running->began_ms,
	};
}

const struct config *
handle_config(const struct handle *handle)
{
	return handle->running->config;
}

bool
handle_is_serving(const struct handle *handle)
{
	return handle->running->state == RUNNING_SERVING;
}

const char *
handle_state_name(const struct handle *handle)
{
	return running_state_name(handle->running->state);
}

const struct upgrade *
handle_upgrade(const struct handle *handle)
{
	return handle->running->upgrade;
}
