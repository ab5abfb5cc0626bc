/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The running process, shared by the parts of control/: its components, the
 * configuration in force, and its state.  Commands use a handle instead
 * (handle.h).
 */
#ifndef LB4_CONTROL_RUNNING_H
#define LB4_CONTROL_RUNNING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lb4/control/events.h"
#include "lb4/process/fdstore.h"

struct backlogs;
struct closer;
struct config;
struct engine;
struct leveler;
struct follow;
struct logger;
struct names_of_hosts;
struct options;
struct prober;
struct tables;
struct threads;
struct upgrade;

/* control.h shows the transitions. */
enum running_state {
	RUNNING_SERVING,
	RUNNING_DRAINING,
	RUNNING_KILLING,
	RUNNING_ENDED,
	RUNNING_STATE_COUNT,
};

struct running {
	/* Set before control_start(), constant afterwards. */
	struct engine *engine;
	struct tables *tables;
	struct logger *logger;
	struct prober *prober;
	const struct options *options; /* for reading the file again */
	const char *version;

	/* Set by control_start(). */
	struct threads *threads;
	struct backlogs *backlogs;
	struct closer *closer;
	struct leveler *leveler;
	struct follow *follow;
	struct names_of_hosts *names;
	uint64_t began_ms;

	struct events events;
	struct upgrade *upgrade; /* set by control_init() */
	struct fdstore kept;	 /* listeners in the service manager: keep.h */

	/* The configuration in force.  Set before control_start(), owned here
	 * while control runs; only change_apply() replaces it. */
	struct config *config;
	unsigned shutdown_timeout_ms;

	/* Writer: control.  Readers: control and the readiness thread.  The
	 * deadline is written before `node_drained`. */
	_Atomic enum running_state state;
	_Atomic bool node_drained; /* an operator has taken the node out */
	_Atomic uint64_t node_deadline_ms; /* until then it accepts conns */
};

/* "running", "draining", "killing", "ended"; for any value of the enum. */
const char *running_state_name(enum running_state state);

#endif
