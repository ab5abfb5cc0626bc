/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Readiness: whether this node can accept and forward, and the thread that says
 * so.  The control thread may read a slow disk or build a large table for long;
 * that is no reason to move addresses and routes to another node.  So who has
 * asked `node` once is lent to this thread, which answers as long as nothing
 * else is asked, and it is asked now and then:
 *
 *	control's caller --lent--> the thread answers "node" again and again
 *	       ^                        | another line, half a line, the end,
 *	       |			| silence
 *	       +------- given back -----+
 *
 * Nothing is read before it is given back, so control finds all of it.
 * Who is silent is control's, which has it make room for another.
 */
#ifndef LB4_CONTROL_READINESS_H
#define LB4_CONTROL_READINESS_H

#include <stddef.h>
#include <stdint.h>

struct control;
struct mailbox;
struct readiness;

enum node_state {
	NODE_READY,
	NODE_DRAINING, /* it accepts and forwards, until a deadline */
	NODE_NOT_READY,
	NODE_STATE_COUNT,
};

#define READINESS_WHY_MAX 64

/* The node's state, and unless it is ready, why; from any thread. */
enum node_state readiness_state(const struct control *control, char *why,
    size_t size);

/* "ready", "draining", "not-ready": for JSON; for any value of the enum. */
const char *readiness_name(enum node_state state);

/* "ready", "draining: WHY", "not ready: WHY"; returns `buf`. */
#define READINESS_TEXT_MAX 128
const char *readiness_text(enum node_state state, const char *why, char *buf,
    size_t size);

/* A caller's socket, lent and given back. */
struct lent {
	int fd;
	uint32_t index; /* less than READINESS_CALLERS_MAX */
	uint32_t generation;
};

#define READINESS_CALLERS_MAX 64

/* Starts the thread.  Those who ask for something else are posted to `back`, a
 * mailbox of struct lent that has room for all of them.  NULL with errno. */
struct readiness *readiness_new(const struct control *control,
    struct mailbox *back);

/* Ends the thread; what it was lent is the lender's again.  NULL is fine. */
void readiness_free(struct readiness *readiness);

/* Lends a socket that has nothing written to it that is left to be sent. */
void readiness_lend(struct readiness *readiness, const struct lent *lent);

#endif
