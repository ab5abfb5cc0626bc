/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The control thread's loop: the main thread after the start.  It waits for
 * signals and for what the workers tell it, and brings the process to its end:
 *
 *	SERVING --TERM, INT, QUIT--> DRAINING --all conns gone--> ENDED
 *	                                |                           ^
 *	                   TERM or INT again, or shutdown-timeout   |
 *	                                v                           |
 *	                             KILLING -----------------------+
 */
#ifndef LB4_CONTROL_CONTROL_H
#define LB4_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mailbox.h"
#include "common/timer.h"
#include "lb4/control/manager.h"
#include "lb4/control/running.h"
#include "lb4/control/source.h"

#define CONTROL_SOURCES_MAX 4

struct control {
	struct running running; /* what it works on: the caller's to fill in
				 * before control_start() */

	uint64_t drain_deadline_ms; /* 0: none */
	bool cutting;		    /* it has passed: conns are being cut */

	int epfd;
	int signalfd;
	struct mailbox mailbox; /* struct control_message, from the workers */
	struct source source[CONTROL_SOURCES_MAX];
	size_t sources;
	struct timer_wheel wheel;
	struct timer sweep;    /* looks for what tables no longer name */
	struct timer fullness; /* looks whether maxconn is reached */
	struct manager manager;
	struct timer progress; /* says how many conns are left */
	struct timer deadline; /* of draining, cutting, then of killing */
};

/*
 * Opens the mailbox and blocks the signals that control takes, in the calling
 * thread and so in all that it starts later; SIGPIPE and SIGXFSZ are ignored
 * from here on.  All else is zero then.  Returns 0, or -errno with nothing
 * open.
 */
int control_init(struct control *control);
void control_done(struct control *control);

/* Makes all that the loop needs, from what `running` holds.  0, or -errno: what
 * there is then is freed by control_done(). */
int control_start(struct control *control);

/* Lets the loop serve that source, too.  0 or -errno. */
int control_plug(struct control *control, const struct source *source);

/* Runs until a signal ends the process.  Returns 0, or -errno when it cannot
 * go on waiting for events. */
int control_run(struct control *control);

#endif
