/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Work of a command that takes too long for the control thread.  A thread does
 * it with its own copies of the data, while the caller's job waits (caller.h).
 *
 * The job and the thread share a struct errand, the first member of the
 * command's own struct.  The thread writes the result and then sets `done`
 * (release).  The job sets `stop` when its caller has gone or lb4 is stopping;
 * the thread needs nothing that ends with either.  The last holder frees the
 * errand.
 */
#ifndef LB4_COMMAND_ERRAND_H
#define LB4_COMMAND_ERRAND_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/attr.h"

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

/* Prepares an errand with one holder. */
void errand_init(struct errand *errand, const struct caller *caller,
    void (*run)(struct errand *errand), void (*free)(struct errand *errand));

/* Starts the thread, which is the second holder.  0 or -errno. */
must_check int errand_start(struct errand *errand);

/* Whether the thread has written its result, which the job owns then. */
bool errand_is_done(const struct errand *errand);

void errand_let_go(struct errand *errand);

/* Tells the thread of the caller's job to stop and releases the errand.  For
 * struct job's `cancel`. */
void errand_cancel(struct caller *caller);

#endif
