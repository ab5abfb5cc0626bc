/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Paths whose answers come from control:
 *
 *	/status.json	status
 *	/info.json	info
 *	/events.json	events
 *	/conns.json	conns top=20
 *
 * The metrics thread sends these commands to the control socket, like any other
 * caller, so both give the same text with the same schema.  The thread does not
 * wait for control: the HTTP request is suspended until the answer has arrived.
 * At most one question of each kind is open at a time; all requests that come
 * meanwhile get its answer.
 */
#ifndef LB4_HTTP_ASK_H
#define LB4_HTTP_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/http/http.h"

/* How long control may take to answer. */
#define ASK_TIME_MS 5000

#define ASK_COUNT 4

struct asks;

/* A question, and its last answer. */
struct ask {
	/* set before start */
	const struct ask_kind *kind;
	struct asks *asks;

	int fd; /* the open question; -1: none */
	uint64_t asked_ms;
	char *text; /* owned; the part of its answer that has arrived */
	size_t len, room;

	struct http_body *body; /* the last answer; NULL if it failed */
	char why[128];		/* ... and why it failed */
	uint64_t answered_ms;	/* when it arrived or failed; 0: never */
};

struct asks {
	/* set before start */
	struct http *http;
	struct addr addr; /* the control socket; len 0: there is none */

	struct ask ask[ASK_COUNT];
};

/* Prepares questions to the control socket `path`; "": there is none. */
void asks_init(struct asks *asks, struct http *http, const char *path);

/* Call it before http_free(). */
void asks_done(struct asks *asks);

/* The question whose answer is served at the path, or NULL. */
struct ask *asks_find(struct asks *asks, const char *path);

/* Answers a request for it; for http_handler.answer. */
enum http_outcome ask_answer(struct ask *ask, struct http_answer *answer);

/* Drops answers that are too old to be sent. */
void asks_forget(struct asks *asks);

/* For on_ready() and on_tick() of the handler. */
void asks_on_ready(struct asks *asks);
void asks_on_tick(struct asks *asks, uint64_t now_ms);

#endif
