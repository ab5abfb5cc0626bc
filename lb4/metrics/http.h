/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A small HTTP server for those who watch lb4: libmicrohttpd parses, this file
 * decides who is served.  It has a thread of its own, and what visitors cost is
 * bounded, whatever they send or do not send:
 *
 *	conns	HTTP_VISITORS_MAX at once.  When another one comes, the oldest
 *		of those without a complete request makes room, and if there
 *		is none, the oldest one that is being answered
 *	time	HTTP_TIME_MS from accept(2) to the last byte of the answer;
 *		time in which the process did not run is not counted
 *	memory	HTTP_VISITOR_BYTES for the request of each, HTTP_BODY_BYTES
 *		for all answers that somebody still reads, and one more
 *	asking	one request per conn: each answer says "Connection: close"
 *
 * Only GET and HEAD are answered.  A descriptor that cannot be had makes the
 * server pause (acceptor.h).
 *
 * Life: http_open() binds, before root is dropped; http_start() starts the
 * thread; http_stop() ends it; http_free().  All but the handler run in the
 * caller's thread.
 */
#ifndef LB4_METRICS_HTTP_H
#define LB4_METRICS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"

#define HTTP_VISITORS_MAX 64
#define HTTP_TIME_MS 10000
#define HTTP_VISITOR_BYTES 16384
#define HTTP_BODY_BYTES ((size_t)32 << 20)

struct http;
struct http_body;
struct http_visitor;

struct http_request {
	const char *path;   /* decoded, without the arguments */
	const char *accept; /* the Accept field; "" if there is none */
	struct http_visitor *visitor;
};

/* The value of an argument ("?service=web"), decoded; NULL when it is not
 * there. */
const char *http_argument(const struct http_request *request, const char *key);

struct http_answer {
	unsigned status; /* 200, 404, ... */
	/* The handler's reference goes to the server; NULL: `text` is sent. */
	struct http_body *body;
	char text[256];
};

enum http_outcome {
	HTTP_ANSWERED,
	HTTP_LATER, /* ask again after http_retry() */
};

/* What the server serves.  All are called by its thread. */
struct http_handler {
	void *context;
	/* Fills `answer`, which begins as an empty 200 of plain text. */
	enum http_outcome (*answer)(void *context,
	    const struct http_request *request, struct http_answer *answer);
	/* The descriptor of http_watch() is ready.  NULL: none is watched. */
	void (*on_ready)(void *context);
	/* About once a second while visitors are there; may be NULL. */
	void (*on_tick)(void *context, uint64_t now_ms);
};

/*
 * Listens on `addr`; with port 0 the kernel chooses, and `addr` gets the port.
 * `handler` is copied.  Returns 0, or -errno with nothing open.
 */
must_check int http_open(struct http **http, struct addr *addr,
    const struct http_handler *handler);

/* The same without a listener: visitors come by http_take().  For tests. */
must_check int http_open_alone(struct http **http,
    const struct http_handler *handler);

/* Starts and ends the thread.  0 or -errno. */
must_check int http_start(struct http *http);
void http_stop(struct http *http);

/* NULL is fine.  The thread has ended. */
void http_free(struct http *http);

/* One turn of the thread's loop, which waits for at most `wait_ms` (-1: until
 * something is due).  For tests, without a thread.  0 or -errno. */
must_check int http_turn(struct http *http, int wait_ms);

/* Serves the stream socket `fd`, which it owns from now on. */
void http_take(struct http *http, int fd);

/* How many visitors there are. */
unsigned http_visitors(const struct http *http);

/* ---- for the handler ----------------------------------------------------- */

/* The server, while its handler runs or after http_open(). */

/* Has on_ready() called while `fd` can be read from. */
must_check int http_watch(struct http *http, int fd);
void http_unwatch(struct http *http, int fd);

/* Asks the handler anew about every request that it put off. */
void http_retry(struct http *http);

/*
 * A body of an answer: `text`, malloc'ed, is taken in any case.  `type` is a
 * constant.  NULL without memory.  It may be the body of many answers; one
 * reference is the caller's.
 */
struct http_body *http_body_new(struct http *http, const char *type, char *text,
    size_t len);
struct http_body *http_body_ref(struct http_body *body);
void http_body_unref(struct http_body *body);

/*
 * Whether there is room for another body: else those who have read theirs for
 * longest are cut off, and the present visitor is to come back later (503).
 */
bool http_body_room(struct http *http);

#endif
