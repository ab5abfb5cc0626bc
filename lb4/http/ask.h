/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * /status.json: the metrics thread requests `status --json` through the control
 * socket, like any other caller, so both give the same text with the same
 * schema.  The thread does not wait for control: the HTTP request is suspended
 * until the answer has arrived.  At most one question is open at a time; all
 * requests that come meanwhile get its answer.
 */
#ifndef LB4_HTTP_ASK_H
#define LB4_HTTP_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/http/http.h"

/* How old an answer may be, and how long control may take to give one. */
#define ASK_FRESH_MS 250
#define ASK_TIME_MS 5000

struct ask {
	/* set before start */
	struct http *http;
	struct addr addr; /* the control socket; len 0: there is none */

	int fd; /* the open question; -1: none */
	uint64_t asked_ms;
	char *text; /* owned; the part of its answer that has arrived */
	size_t len, room;

	struct http_body *body; /* the last answer; NULL if it failed */
	char why[128];		/* ... and why it failed */
	uint64_t answered_ms;	/* when it arrived or failed; 0: never */
};

/* Prepares questions to the control socket `path`; "": there is none. */
void ask_init(struct ask *ask, struct http *http, const char *path);

/* Call it before http_free(). */
void ask_done(struct ask *ask);

/* Answers a request for the status; for http_handler.answer. */
enum http_outcome ask_answer(struct ask *ask, struct http_answer *answer);

/* Drops the last answer if it is older than ASK_FRESH_MS. */
void ask_forget(struct ask *ask);

/* For on_ready() and on_tick() of the handler. */
void ask_on_ready(struct ask *ask);
void ask_on_tick(struct ask *ask, uint64_t now_ms);

#endif
