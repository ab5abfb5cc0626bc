/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks with an HTTP/1.1 request for a path.  Only the status line counts: 200
 * to 399 is up.  The goodbye discards the body, chunked or not.  The connection
 * is not half-closed: some servers would assume that the client is gone, and
 * not answer.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/health/http_request.h"
#include "lb4/health/http_status.h"
#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"

struct state {
	struct http_status status;
	char request[HTTP_REQUEST_MAX];
};

static bool
is_method(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

/* Whether the text may be the path in the request line. */
static bool
is_path(const char *text)
{
	if (text[0] != '/')
		return false;
	while (isgraph((unsigned char)*text))
		text++;
	return *text == '\0';
}

static int
read_ask(struct http_ask *ask, const char *args, struct why *why)
{
	int error;

	error = value_word(&args, ask->method, sizeof(ask->method), why);
	if (error == 0)
		error = value_word(&args, ask->path, sizeof(ask->path), why);
	if (error != 0)
		return error;
	if (!is_method(ask->method) || ask->path[0] == '\0')
		return why_set(why,
		    "http needs a method and a path: write check = http GET "
		    "/path");
	if (!is_path(ask->path))
		return why_set(why,
		    "\"%.64s\" is not a path for HTTP: start it with '/', and "
		    "write non-ASCII characters as %%XX",
		    ask->path);
	return check_no_more(args, why);
}

static int
parse(const char *args, void **own, struct why *why)
{
	struct http_ask *ask = calloc(1, sizeof(*ask));
	int error = ask == NULL ? -ENOMEM : read_ask(ask, args, why);

	if (error != 0) {
		free(ask);
		ask = NULL;
	}
	*own = ask;
	return error;
}

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_GARBLED)
		(void)snprintf(buf, size, "answer is not HTTP");
	else if (result == HEALTH_PASSED || result == HEALTH_STATUS)
		(void)snprintf(buf, size, "status %u", detail);
	else
		return false;
	return true;
}

static void
on_connected(struct probe *probe)
{
	struct state *state = probe->state;
	size_t len = http_request_write(probe->own, probe->check.host,
	    &probe->addr, state->request, sizeof(state->request));

	probe_say(probe, state->request, len);
}

static void
on_status(struct probe *probe, uint16_t code)
{
	bool passed = code >= 200 && code <= 399;

	probe_finish(probe, passed ? HEALTH_PASSED : HEALTH_STATUS, code);
}

static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	struct state *state = probe->state;

	switch (http_status_feed(&state->status, bytes, len)) {
	case HTTP_STATUS_MORE:
		break;
	case HTTP_STATUS_DONE:
		on_status(probe, state->status.code);
		break;
	case HTTP_STATUS_GARBLED:
		probe_finish(probe, HEALTH_GARBLED, 0);
		break;
	}
}

const struct probe_kind probe_http = {
	.way = {
		.usage = "http GET /path",
		.has_host = true,
		.parse = parse,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.on_connected = on_connected,
	.on_bytes = on_bytes,
};
