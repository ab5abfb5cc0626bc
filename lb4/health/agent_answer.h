/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The answer of a backend's agent, in the language of HAProxy's agent-check
 * (HAProxy's configuration manual, section 5.2, "agent-check"): one line of
 * words, separated by spaces, tabs or commas, in any case of letters, and a
 * text after `#`.
 *
 *	up, down, fail, stopped		its health
 *	ready, drain, maint		whether it gets clients and checks
 *	75%				its weight, of the configured one
 *	maxconn:30			its maxconn
 *
 * What the line does not mention stays as it is.  Of two words of one row, the
 * last one counts.  Pure.
 */
#ifndef LB4_HEALTH_AGENT_ANSWER_H
#define LB4_HEALTH_AGENT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "lb4/model/agent.h"

#define AGENT_LINE_MAX 512 /* bytes of an answer, with its end */
#define AGENT_UNKNOWN_MAX 32

struct agent_answer {
	bool has_word, has_mode;
	struct agent_said said; /* what the line mentions */
	/* The first word that lb4 does not know, cut, in printable ASCII; "":
	 * it knows all. */
	char unknown[AGENT_UNKNOWN_MAX];
	char text[REMARK_MAX]; /* the line, in the same way */
};

/* Reads a line, which is given without its end.  False if it has none of the
 * words above; `answer` is set then, too. */
bool agent_answer_read(struct agent_answer *answer, const char *line,
    size_t len);

/* What the agent has said with this answer, after what it said before. */
void agent_answer_add(const struct agent_answer *answer,
    struct agent_said *said);

#endif
