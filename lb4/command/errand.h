/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Work of a command that takes too long for the control thread: a thread of its
 * own does it, with nothing but what it was given, while the caller's job waits
 * (see caller.h).
 *
 * Job and thread share a struct errand, the first member of what the command
 * needs.  The thread writes the result and says `done` (release) behind it; the
 * job sets `stop` when its caller has gone or lb4 is stopping: the thread needs
 * nothing that ends with either.  Who lets go of it last frees it.
 */
#ifndef LB4_COMMAND_ERRAND_H
#define LB4_COMMAND_ERRAND_H

#include <stdatomic.h>
#include <stdbool.h>

struct caller;
struct errand;

struct errand {
	/* set before the thread starts */
	int bell; /* owned; see callers_bell(); < 0: none */
	void (*run)(struct errand *errand);  /* in the thread */
	void (*free)(struct errand *errand); /* all of it */

	_Atomic bool stop; /* writer: the job */
	_Atomic bool done; /* writer: the thread */
	_Atomic int holders;
};

/* Prepares it for one holder. */
void errand_init(struct errand *errand, const struct caller *caller,
    void (*run)(struct errand *errand), void (*free)(struct errand *errand));

/* Starts the thread, which is the second holder.  0 or -errno. */
int errand_start(struct errand *errand);

/* Whether the thread has written its result: it is the job's now. */
bool errand_is_done(const struct errand *errand);

void errand_let_go(struct errand *errand);

/* Tells the thread of the caller's job to stop, and lets go: struct job's
 * cancel. */
void errand_cancel(struct caller *caller);

#endif
