/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The readiness thread: it answers `node` with the node's state (node.h).  The
 * control thread may read a slow disk or build a large table for long, which is
 * no reason to move addresses and routes to another node.  A caller that has
 * asked `node` once is therefore lent to this thread, which answers as long as
 * the caller asks nothing else, and asks now and then:
 *
 *	control's caller --lent--> the thread answers "node" again and again
 *	       ^                        | another line, half a line, the end,
 *	       |			| silence
 *	       +------- given back -----+
 *
 * The thread reads nothing that it gives back, so control finds all of it.
 * Control takes a silent caller back so that it can make room for another.
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

/* Starts the thread.  Those who ask for something else are posted to `back`, a
 * mailbox of struct lent that has room for all of them.  NULL with errno. */
struct readiness *readiness_new(const struct running *running,
    struct mailbox *back);

/* Ends the thread; what it was lent is the lender's again.  NULL is fine. */
void readiness_free(struct readiness *readiness);

/* Lends a socket that has nothing written to it that is left to be sent. */
void readiness_lend(struct readiness *readiness, const struct lent *lent);

#endif
