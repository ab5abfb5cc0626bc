/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Upgrades: a new process takes over all that this one has (lb4/handover).  A
 * part of the control thread.
 *
 * While an upgrade is under way, the configuration does not change and signals
 * wait.  When it has succeeded, control tells the service manager, passes the
 * signals on to the new process, and ends.  Otherwise everything goes on.
 */
#ifndef LB4_CONTROL_UPGRADE_H
#define LB4_CONTROL_UPGRADE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/mailbox.h"
#include "lb4/handover/send.h"

struct guard;
struct running;
struct why;

/* Set by serve.c before control_start(). */
struct upgrade_peers {
	struct guard *guard;
	struct mailbox *control; /* gets CONTROL_HANDED at the end */
	void *owner;

	/* Adds descriptors of the process to the setup. */
	void (*describe)(void *owner, struct send_setup *setup);
	/* The new process has everything: nobody must be served here any
	 * more, and no file that it uses be removed. */
	void (*leave)(void *owner);
	/* It has failed: what it may have changed is this process's again. */
	void (*stay)(void *owner);
};

struct upgrade {
	struct upgrade_peers peers;
	struct send *send;	/* NULL: none is under way */
	struct mailbox replies; /* of workers: send.h */
	bool left;		/* the new process has everything */
	char path[PATH_MAX];	/* of the new binary; "": as this one's */
	uint64_t held;		/* bits of signals that wait */

	uint64_t count;		   /* that have ended, either way */
	struct send_result result; /* of the last one */
};

/*
 * Begins an upgrade to the binary at `path`, an absolute path (NULL: the one
 * that runs now, or what has replaced its file).  Returns 0, or -errno with
 * why: -EBUSY while another one is under way, or lb4 stops.
 */
must_check int upgrade_begin(struct running *running, const char *path,
    struct why *why);

/* Also true once one has succeeded. */
bool upgrade_is_under_way(const struct upgrade *upgrade);

/* Makes what an upgrade needs; frees it, once the workers have ended.  0 or
 * -errno. */
must_check int upgrade_init(struct upgrade *upgrade);
void upgrade_done(struct upgrade *upgrade);

/* Ends the thread of an upgrade that is under way, when lb4 ends. */
void upgrade_stop(struct upgrade *upgrade);

/* Whether the signal waits for the end of an upgrade, or goes to the new
 * process.  A signal to stop ends an upgrade that nothing depends on yet. */
bool upgrade_holds_signal(struct upgrade *upgrade, unsigned number);

/* The thread has ended.  Returns true if the new process has everything:
 * control must end.  Otherwise, the signals that waited are in *held, one bit
 * for each number. */
bool upgrade_ended(struct running *running, uint64_t *held);

#endif
