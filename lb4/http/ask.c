/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Asks control: see ask.h.  Called by metrics.c. */
#include "lb4/http/ask.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sock.h"
#include "common/timer.h"

#define PIECE 65536

struct ask_kind {
	const char *path;
	const char *line;
	unsigned fresh_ms; /* how old an answer may be */
};

/* A list of conns takes all workers some time, so it may be older. */
static const struct ask_kind kinds[] = {
	{ "/status.json", "status --json\n", 250 },
	{ "/info.json", "info --json\n", 250 },
	{ "/events.json", "events --json\n", 250 },
	{ "/conns.json", "conns top=20 --json\n", 2000 },
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == ASK_COUNT,
    "a question of each kind");

void
asks_init(struct asks *asks, struct http *http, const char *path)
{
	char text[sizeof("unix:") + ADDR_UNIX_PATH_MAX + 1];

	*asks = (struct asks){ .http = http };
	for (int i = 0; i < ASK_COUNT; i++)
		asks->ask[i] = (struct ask){
			.kind = &kinds[i],
			.asks = asks,
			.fd = -1,
		};
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	if (path[0] != '\0')
		(void)addr_parse(&asks->addr, text, ADDR_PORT_OPTIONAL, NULL);
}

struct ask *
asks_find(struct asks *asks, const char *path)
{
	for (int i = 0; i < ASK_COUNT; i++)
		if (strcmp(kinds[i].path, path) == 0)
			return &asks->ask[i];
	return NULL;
}

static void
hang_up(struct ask *ask)
{
	if (ask->fd >= 0) {
		http_unwatch(ask->asks->http, ask->fd);
		(void)close(ask->fd);
	}
	ask->fd = -1;
	free(ask->text);
	ask->text = NULL;
	ask->len = ask->room = 0;
}

void
asks_done(struct asks *asks)
{
	for (int i = 0; i < ASK_COUNT; i++) {
		struct ask *ask = &asks->ask[i];

		hang_up(ask);
		http_body_unref(ask->body);
		ask->body = NULL;
	}
}

/* Ends the question, with an error if `why` is set; suspended requests are then
 * answered. */
static void
settle(struct ask *ask, const char *why)
{
	if (why != NULL)
		(void)snprintf(ask->why, sizeof(ask->why), "%s", why);
	ask->answered_ms = timer_now_ms();
	hang_up(ask);
	http_retry(ask->asks->http);
}

/* Control has closed the socket.  A complete answer ends with an empty line. */
static void
finish(struct ask *ask)
{
	const char *error = ask->len > 0
	    ? memmem(ask->text, ask->len < 64 ? ask->len : 64, "\"lb4.error/",
		  strlen("\"lb4.error/"))
	    : NULL;
	char *text = ask->text;

	if (ask->len < 2 || memcmp(text + ask->len - 2, "\n\n", 2) != 0) {
		settle(ask, "control did not answer");
		return;
	}
	if (error != NULL) {
		settle(ask, "control is too busy to answer");
		return;
	}
	ask->text = NULL;
	ask->body = http_body_new(ask->asks->http, "application/json", text,
	    ask->len - 1);
	settle(ask, ask->body == NULL ? "no memory" : NULL);
}

static bool
make_room(struct ask *ask)
{
	char *grown;

	if (ask->room - ask->len >= PIECE)
		return true;
	if (ask->room >= HTTP_BODY_BYTES)
		return false;
	grown = realloc(ask->text, 2 * ask->room + PIECE);
	if (grown == NULL)
		return false;
	ask->text = grown;
	ask->room = 2 * ask->room + PIECE;
	return true;
}

/* Reads what has arrived for a question. */
static void
take(struct ask *ask)
{
	ssize_t len = -1;

	if (ask->fd < 0)
		return;
	errno = ENOMEM;
	if (make_room(ask))
		len = read(ask->fd, ask->text + ask->len, ask->room - ask->len);
	if (len > 0)
		ask->len += (size_t)len;
	else if (len == 0)
		finish(ask);
	else if (errno != EAGAIN && errno != EINTR)
		settle(ask, strerror(errno));
}

void
asks_on_ready(struct asks *asks)
{
	for (int i = 0; i < ASK_COUNT; i++)
		take(&asks->ask[i]);
}

void
asks_on_tick(struct asks *asks, uint64_t now_ms)
{
	for (int i = 0; i < ASK_COUNT; i++) {
		struct ask *ask = &asks->ask[i];

		if (ask->fd >= 0 && now_ms >= ask->asked_ms + ASK_TIME_MS)
			settle(ask, "control did not answer in time");
	}
}

/* Sends the question: 0 or -errno.  A unix socket connects at once or fails. */
static int
begin(struct ask *ask)
{
	const char *line = ask->kind->line;
	const ssize_t len = (ssize_t)strlen(line);
	bool pending;
	int fd = sock_connect(&ask->asks->addr, NULL, &pending);
	int error;

	if (fd < 0)
		return fd;
	error = send(fd, line, (size_t)len, MSG_NOSIGNAL) == len &&
		shutdown(fd, SHUT_WR) == 0
	    ? http_watch(ask->asks->http, fd)
	    : -EAGAIN;
	if (error < 0) {
		(void)close(fd);
		return error;
	}
	ask->fd = fd;
	ask->asked_ms = timer_now_ms();
	return 0;
}

static bool
is_fresh(const struct ask *ask)
{
	return ask->answered_ms != 0 &&
	    timer_now_ms() < ask->answered_ms + ask->kind->fresh_ms;
}

static void
forget(struct ask *ask)
{
	if (is_fresh(ask))
		return;
	http_body_unref(ask->body);
	ask->body = NULL;
}

void
asks_forget(struct asks *asks)
{
	for (int i = 0; i < ASK_COUNT; i++)
		forget(&asks->ask[i]);
}

enum http_outcome
ask_answer(struct ask *ask, struct http_answer *answer)
{
	int error;

	if (ask->asks->addr.len == 0) {
		answer->status = 404;
		(void)snprintf(answer->text, sizeof(answer->text),
		    "%s needs the control socket: set control in [global]\n",
		    ask->kind->path);
		return HTTP_ANSWERED;
	}
	if (ask->fd >= 0)
		return HTTP_LATER;
	if (is_fresh(ask)) {
		if (ask->body != NULL)
			answer->body = http_body_ref(ask->body);
		else
			answer->status = 503;
		(void)snprintf(answer->text, sizeof(answer->text), "%s\n",
		    ask->why);
		return HTTP_ANSWERED;
	}
	forget(ask);
	error = http_body_room(ask->asks->http) ? begin(ask) : -EBUSY;
	if (error == 0)
		return HTTP_LATER;
	answer->status = 503;
	(void)snprintf(answer->text, sizeof(answer->text),
	    "cannot ask control: %s\n", strerror(-error));
	return HTTP_ANSWERED;
}
