/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Asks several nodes of a cluster for their status at the same time.  Each node
 * is asked by a process of its own, so that a node that hangs does not delay
 * the others, and is not waited for longer than the timeout.
 */
#ifndef LB4_CTL_ASK_H
#define LB4_CTL_ASK_H

#include <stdbool.h>
#include <stddef.h>

#define ASK_WHY_MAX 256

/* The maximum number of nodes. */
#define ASK_NODES_MAX 64

/* The maximum length of an answer, in bytes. */
#define ASK_ANSWER_MAX (64 << 20)

/* How to ask a node whose name is not a path. */
struct ask_way {
	char *const *ssh;   /* words, ended by NULL, that run a command there */
	const char *remote; /* that command */
	unsigned timeout_ms;
};

struct ask {
	/* "-": standard input.  With a "/": a file that contains the answer, or
	 * a control socket.  Otherwise a host for ssh. */
	const char *node;
	bool socket; /* a control socket, whatever its name */

	/* set by ask_all() */
	char *answer;	       /* owned; NULL: nothing */
	size_t len;	       /* without the final '\0' that it has */
	char why[ASK_WHY_MAX]; /* why asking failed; "": it did not */
};

/* Asks all of them.  There may be an answer even if asking failed. */
void ask_all(struct ask *asks, size_t count, const struct ask_way *way);

/* Frees the answers. */
void ask_done(struct ask *asks, size_t count);

#endif
