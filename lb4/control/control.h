/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The control thread's loop, which the main thread runs after the start.  It
 * waits for signals and for messages of the workers, and brings the process to
 * its end:
 *
 *	SERVING --TERM, INT, QUIT--> DRAINING --all conns gone--> ENDED
 *	                                |                           ^
 *	                   TERM or INT again, or shutdown-timeout   |
 *	                                v                           |
 *	                             KILLING -----------------------+
 *
 * When a new process has taken over (upgrade.h), the loop ends as well, and the
 * state stays SERVING: for its callers nothing ends.
 */
#ifndef LB4_CONTROL_CONTROL_H
#define LB4_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/mailbox.h"
#include "common/timer.h"
#include "lb4/control/manager.h"
#include "lb4/control/rulefiles.h"
#include "lb4/control/running.h"
#include "lb4/control/source.h"
#include "lb4/control/upgrade.h"

#define CONTROL_SOURCES_MAX 8

struct control {
	struct running
	    running; /* filled in by the caller before control_start() */

	uint64_t drain_deadline_ms; /* 0: none */
	bool cutting; /* the deadline has passed: conns are being cut */

	int epfd;
	int signalfd;
	struct mailbox mailbox; /* struct control_message, from the workers */
	struct source source[CONTROL_SOURCES_MAX];
	size_t sources;
	struct timer_wheel wheel;
	struct timer sweep;    /* frees what no table names */
	struct timer fullness; /* checks whether maxconn is reached */
	struct manager manager;
	struct upgrade upgrade;
	struct rulefiles *rulefiles;
	bool over; /* a new process has taken over: leave the loop */
	struct timer progress; /* logs how many conns are left */
	struct timer deadline; /* of draining, cutting, then of killing */
	struct timer handed;   /* ends this process after an upgrade */
};

/*
 * Opens the mailbox and blocks the signals that control handles, in the calling
 * thread and in every thread that it starts later.  Ignores SIGPIPE and
 * SIGXFSZ. Sets everything else to zero.  Returns 0, or -errno with nothing
 * open.
 */
must_check int control_init(struct control *control);
void control_done(struct control *control);

/* Makes everything that the loop needs from the parts in `running`. Returns 0
 * or -errno; control_done() frees the rest in either case. */
must_check int control_start(struct control *control);

/* Adds a source to the loop.  Returns 0 or -errno. */
must_check int control_plug(struct control *control,
    const struct source *source);

/* Runs until a signal ends the process.  Returns 0, or -errno when it cannot
 * go on waiting for events. */
must_check int control_run(struct control *control);

#endif
