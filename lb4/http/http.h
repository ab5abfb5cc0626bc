/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A small HTTP server for monitoring.  libmicrohttpd parses the requests; this
 * file decides which clients are served.  A visitor is an HTTP client with one
 * connection.  The server has its own thread, and its resources are limited,
 * no matter what visitors send or do not send:
 *
 *	visitors	HTTP_VISITORS_MAX at a time.  To accept another one,
 *			the server closes the oldest one that has not sent a
 *			complete request or, if there is none, the oldest one
 *			that is being answered
 *	time		HTTP_TIME_MS from accept(2) to the last byte of the
 *			answer, not counting time in which the process did
 *			not run
 *	memory		HTTP_VISITOR_BYTES for each request, and
 *			HTTP_BODY_BYTES plus one more answer of each kind for
 *			all answers that visitors still read
 *	requests	one per visitor: each answer has "Connection: close"
 *
 * The server answers only GET and HEAD.  If no descriptor is left, it pauses
 * (acceptor.h).  Each answer tells a browser to load nothing from elsewhere, to
 * show it in no frame, and to run only scripts that this server has as files.
 *
 * Life: http_open() binds, before lb4 drops root; http_start() starts the
 * thread; http_stop() ends it; http_free() frees the server.  The handler runs
 * in the thread of the server, these functions in the caller's.
 */
#ifndef LB4_HTTP_HTTP_H
#define LB4_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/sockfile.h"

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

/* The value of an argument ("?service=web"), decoded; NULL if it is missing. */
const char *http_argument(const struct http_request *request, const char *key);

struct http_answer {
	unsigned status; /* 200, 404, ... */
	/* The server takes over the handler's reference.  NULL: it sends
	 * `text`. */
	struct http_body *body;
	char text[256];
};

enum http_outcome {
	HTTP_ANSWERED,
	HTTP_LATER, /* call answer() again after http_retry() */
};

/* The callbacks of the server; its thread calls them. */
struct http_handler {
	void *context;
	/* Fills `answer`, which is initially an empty 200 as plain text. */
	enum http_outcome (*answer)(void *context,
	    const struct http_request *request, struct http_answer *answer);
	/* The descriptor of http_watch() is ready; may be NULL without it. */
	void (*on_ready)(void *context);
	/* About once a second while there are visitors, and otherwise every
	 * `rest_ms` (0: never); may be NULL. */
	void (*on_tick)(void *context, uint64_t now_ms);
	int rest_ms;
};

/* The listening socket, owned by the server, and the file of a unix socket. */
struct http_socket {
	int fd;
	struct sockfile_id file;
};

/*
 * Listens on `addr`, or takes the socket that is open there already (`socket`
 * with a descriptor).  If the port is 0, the kernel has chosen one, which is
 * written to `addr`.  Copies `handler`.  Returns 0, or -errno with nothing
 * open.
 */
must_check int http_open(struct http **http, struct addr *addr,
    const struct http_handler *handler, const struct http_socket *socket);

/* Its socket, which stays the server's. */
void http_socket(const struct http *http, struct http_socket *socket);

/* Leaves the socket's file at the end: another process uses it. */
void http_keep_file(struct http *http);

/* The same without a listener, for tests: http_take() brings the visitors. */
must_check int http_open_alone(struct http **http,
    const struct http_handler *handler);

/* Starts and ends the thread.  0 or -errno. */
must_check int http_start(struct http *http);
void http_stop(struct http *http);

/* The thread must have ended.  NULL is allowed. */
void http_free(struct http *http);

/* Runs one turn of the thread's loop, which waits for at most `wait_ms` (-1:
 * until something is due).  For tests without a thread.  0 or -errno. */
must_check int http_turn(struct http *http, int wait_ms);

/* Serves the stream socket `fd` and takes it over. */
void http_take(struct http *http, int fd);

/* The number of visitors. */
unsigned http_visitors(const struct http *http);

/* ---- for the handler ----------------------------------------------------- */

/* Call these while the handler runs, or after http_open(). */

/* Calls on_ready() while `fd` is readable.  0 or -errno. */
must_check int http_watch(struct http *http, int fd);
void http_unwatch(struct http *http, int fd);

/* Calls the handler again for each request that it answered with HTTP_LATER. */
void http_retry(struct http *http);

/*
 * Makes the body of an answer, with one reference; NULL without memory.  Takes
 * over `text`, which is malloc'ed, even if it fails.  `type` is a constant.
 * Many answers may share one body.
 */
struct http_body *http_body_new(struct http *http, const char *type, char *text,
    size_t len);

/* The same with a text that is constant and takes no room. */
struct http_body *http_body_constant(struct http *http, const char *type,
    const char *text, size_t len);
struct http_body *http_body_ref(struct http_body *body);
void http_body_unref(struct http_body *body);

/*
 * Whether there is room for another body.  If there is none, this ends the
 * visitor that has been served for longest, unless it is the only one, and the
 * handler should answer 503.
 */
bool http_body_room(struct http *http);

#endif
