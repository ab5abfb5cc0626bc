/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * /status.json: the metrics thread asks control for `status --json`, as any
 * caller of the control socket does, so that both have one schema and one text.
 * Control may take its time, and nobody waits for it here: a visitor is put off
 * until the answer is there.  One question is under way at a time, and all who
 * come meanwhile get its answer.
 */
#ifndef LB4_METRICS_ASK_H
#define LB4_METRICS_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/metrics/http.h"

/* How old an answer may be, and how long control may take for it. */
#define ASK_FRESH_MS 250
#define ASK_TIME_MS 5000

struct ask {
	/* set before start */
	struct http *http;
	struct addr addr; /* of the control socket; len 0: there is none */

	int fd; /* of the question under way; -1: none */
	uint64_t asked_ms;
	char *text; /* owned; what has come of its answer */
	size_t len, room;

	struct http_body *body; /* the last answer; NULL: it failed */
	char why[128];		/* ... for that reason */
	uint64_t answered_ms;	/* when it came or failed; 0: never */
};

/* Prepares one that asks at `path`; "": there is no control socket. */
void ask_init(struct ask *ask, struct http *http, const char *path);

/* Before http_free(). */
void ask_done(struct ask *ask);

/* Answers a request for the status; for http_handler.answer. */
enum http_outcome ask_answer(struct ask *ask, struct http_answer *answer);

/* Drops the last answer once it is too old to be given to anybody. */
void ask_forget(struct ask *ask);

/* For on_ready() and on_tick() of the handler. */
void ask_on_ready(struct ask *ask);
void ask_on_tick(struct ask *ask, uint64_t now_ms);

#endif
