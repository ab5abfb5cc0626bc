/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Asking several nodes of a cluster for their status, all at the same time:
 * each by a process of its own, so that none that hangs, in whatever it does,
 * keeps the others waiting or is waited for longer than the time that there is.
 */
#ifndef LB4_CTL_ASK_H
#define LB4_CTL_ASK_H

#include <stdbool.h>
#include <stddef.h>

#define ASK_WHY_MAX 256

/* Most that are asked at once. */
#define ASK_NODES_MAX 64

/* An answer is at most so long, in bytes. */
#define ASK_ANSWER_MAX (64 << 20)

/* How a node is asked whose name is no path. */
struct ask_way {
	char *const *ssh; /* words, ended by NULL: what runs a command there */
	const char *remote; /* that command */
	unsigned timeout_ms;
};

struct ask {
	/* "-": standard input.  With a "/": a file, whose content is the
	 * answer, or a control socket.  Else what ssh is told. */
	const char *node;
	bool socket; /* it is a control socket, whatever its name is like */

	/* set by ask_all() */
	char *answer;	       /* owned; NULL: nothing */
	size_t len;	       /* without the final '\0' that it has */
	char why[ASK_WHY_MAX]; /* the asking has failed; "": it has not */
};

/* Asks them all.  An answer may be there although the asking has failed. */
void ask_all(struct ask *asks, size_t count, const struct ask_way *way);

/* Frees the answers. */
void ask_done(struct ask *asks, size_t count);

#endif
