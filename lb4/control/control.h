/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The control thread's loop: the main thread after the start.  It waits for
 * signals and for what the workers tell it, and brings the process to its end:
 *
 *	RUNNING --TERM, INT, QUIT--> DRAINING --all conns gone--> ENDED
 *	                                |                           ^
 *	                   TERM or INT again, or shutdown-timeout   |
 *	                                v                           |
 *	                             KILLING -----------------------+
 */
#ifndef LB4_CONTROL_CONTROL_H
#define LB4_CONTROL_CONTROL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/mailbox.h"
#include "common/timer.h"
#include "lb4/control/manager.h"

struct closer;
struct config;
struct control_socket;
struct engine;
struct logger;
struct options;
struct prober;
struct tables;
struct threads;

enum control_state {
	CONTROL_RUNNING,
	CONTROL_DRAINING,
	CONTROL_KILLING,
	CONTROL_ENDED,
	CONTROL_STATE_COUNT,
};

/* What control works on; set by control_start(). */
struct control_parts {
	struct engine *engine;
	struct tables *tables;
	struct logger *logger;
	struct prober *prober;
	const struct options *options; /* for reading the file again */
	struct config *config; /* in force; owned here while control runs, and
				* changed by commands */
	struct control_socket *socket; /* NULL: none */
	const char *version;
	unsigned shutdown_timeout_ms;
};

struct control {
	struct control_parts parts;

	/* Writer: control.  Readers: the readiness thread, too.  A deadline is
	 * written before `node_drained`. */
	_Atomic enum control_state state;
	_Atomic bool node_drained; /* an operator has taken the node out */
	_Atomic uint64_t node_deadline_ms; /* ... and it goes on until then */

	uint64_t began_ms;
	uint64_t drain_deadline_ms; /* 0: none */
	bool cutting;		    /* it has passed: conns are being cut */

	int epfd;
	int signalfd;
	struct mailbox mailbox; /* struct control_message, from the workers */
	struct timer_wheel wheel;
	struct timer sweep;	 /* looks for what tables no longer name */
	struct timer fullness;	 /* looks whether maxconn is reached */
	struct threads *threads; /* owned; while control runs */
	struct manager manager;
	struct closer *closer; /* owned; while control runs, and until done */
	struct timer progress; /* says how many conns are left */
	struct timer deadline; /* of draining, cutting, then of killing */
};

/*
 * Opens the mailbox and blocks the signals that control takes, in the calling
 * thread and so in all that it starts later; SIGPIPE and SIGXFSZ are ignored
 * from here on.  Returns 0, or -errno with nothing open.
 */
int control_init(struct control *control);
void control_done(struct control *control);

/* Takes the parts, and makes all that the loop needs.  0, or -errno: what there
 * is then is freed by control_done(). */
int control_start(struct control *control, const struct control_parts *parts);

/* Runs until a signal ends the process.  Returns 0, or -errno when it cannot
 * go on waiting for events. */
int control_run(struct control *control);

const char *control_state_name(enum control_state state);

#endif
