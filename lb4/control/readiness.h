/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The readiness thread: it answers `node` with the node's state (node.h).  The
 * control thread may read a slow disk or build a large table for long, which is
 * no reason to move addresses and routes to another node.  So control lends a
 * caller that has asked `node` once to this thread.  The thread answers it as
 * long as it asks nothing else, and asks from time to time:
 *
 *	control's caller --lent--> the thread answers "node" again and again
 *	       ^                        | another line, a partial line, the end,
 *	       |			| silence
 *	       +------- given back -----+
 *
 * The thread leaves unread what it does not answer, so control finds all of it.
 * Control gets silent callers back so that they can make room for others.
 */
#ifndef LB4_CONTROL_READINESS_H
#define LB4_CONTROL_READINESS_H

#include <stdint.h>

struct mailbox;
struct readiness;
struct running;

/* A caller's socket, lent and given back. */
struct lent {
	int fd;
	uint32_t index; /* less than READINESS_CALLERS_MAX */
	uint32_t generation;
};

#define READINESS_CALLERS_MAX 64

/* Starts the thread.  It posts callers that it gives back to `back`, a mailbox
 * of struct lent with room for all of them.  Returns NULL with errno set. */
struct readiness *readiness_new(const struct running *running,
    struct mailbox *back);

/* Ends the thread; all lent sockets belong to the lender again.  Accepts
 * NULL. */
void readiness_free(struct readiness *readiness);

/* Lends a socket to which everything has been written. */
void readiness_lend(struct readiness *readiness, const struct lent *lent);

#endif
