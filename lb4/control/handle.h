/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A handle: what a command may use of the running process.  A command reads the
 * configuration and uses the parts named here.  It changes the configuration
 * with change.h and reload.h, and the node's state with node.h.
 */
#ifndef LB4_CONTROL_HANDLE_H
#define LB4_CONTROL_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

struct backlogs;
struct closer;
struct config;
struct engine;
struct events;
struct follow;
struct names_of_hosts;
struct options;
struct prober;
struct running;
struct tables;
struct threads;

struct handle {
	struct running *running; /* opaque here */
	struct engine *engine;
	const struct tables *tables;
	struct prober *prober;
	struct backlogs *backlogs;
	struct closer *closer;
	const struct follow *follow;
	const struct names_of_hosts *names;
	struct threads *threads;
	const struct options *options;
	const struct events *events;
	const char *version;
	uint64_t began_ms;
};

/* Valid as long as `running` is. */
struct handle handle_of(struct running *running);

/* The last upgrade, or the one under way. */
struct upgrade;
const struct upgrade *handle_upgrade(const struct handle *handle);

/* The configuration in force.  The pointer is valid until the next change. */
const struct config *handle_config(const struct handle *handle);

/* Whether lb4 takes new conns, or is stopping. */
bool handle_is_serving(const struct handle *handle);

/* "running", "draining", ...: running_state_name(). */
const char *handle_state_name(const struct handle *handle);

#endif
