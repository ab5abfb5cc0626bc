/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Checks with an HTTP/1.1 request for a path, by the status of the response
 * and, with check-body, by its content; `https` does so in TLS.  The goodbye
 * discards the rest.  The connection is not half-closed: some servers would
 * assume that the client is gone, and not answer.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/names.h"
#include "lb4/config/statuses.h"
#include "lb4/health/find.h"
#include "lb4/health/http_body.h"
#include "lb4/health/http_request.h"
#include "lb4/health/http_status.h"
#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"
#include "lb4/health/tls.h"

/* What is asked, and what is expected. */
struct http_check {
	struct http_ask ask;
	struct config_statuses statuses;
	struct config_text body; /* len 0: it does not matter */
	uint8_t border[CONFIG_ARGS_MAX];
};

struct state {
	struct http_status status;
	struct http_body body;
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

/* [METHOD] PATH */
static int
read_ask(struct http_ask *ask, const struct config_check *check,
    struct why *why)
{
	const char *args = check->args;
	int error = 0;

	args += strspn(args, " \t");
	if (args[0] == '/')
		(void)snprintf(ask->method, sizeof(ask->method), "GET");
	else
		error = value_word(&args, ask->method, sizeof(ask->method),
		    why);
	if (error == 0)
		error = value_word(&args, ask->path, sizeof(ask->path), why);
	if (error != 0)
		return error;
	if (!is_method(ask->method) || ask->path[0] == '\0')
		return why_set(why,
		    "%s needs a method and a path: write check = %s GET /path",
		    check_kind_name(check->kind), check_kind_name(check->kind));
	if (!is_path(ask->path))
		return why_set(why,
		    "\"%.64s\" is not a path for HTTP: start it with '/', and "
		    "write non-ASCII characters as %%XX",
		    ask->path);
	return check_no_more(args, why);
}

static int
parse(const struct config_check *check, void **own, struct why *why)
{
	struct http_check *http = calloc(1, sizeof(*http));
	int error = http == NULL ? -ENOMEM : read_ask(&http->ask, check, why);

	*own = NULL;
	if (error != 0) {
		free(http);
		return error;
	}
	memcpy(http->ask.headers, check->headers, sizeof(check->headers));
	http->ask.tls = check->kind == CHECK_HTTPS;
	http->statuses = check->statuses;
	http->body = check->body;
	if (http->body.len > 0)
		find_prepare(http->body.byte, http->body.len, http->border);
	*own = http;
	return 0;
}

static int
judge(const struct config_check *check, const char **key, struct why *why)
{
	*key = "check-body";
	if (check->body.len > 0 && strncmp(check->args, "HEAD ", 5) == 0)
		return why_set(why,
		    "an answer to HEAD has no body: remove it, or use GET");
	return 0;
}

static int
judge_https(const struct config_check *check, const char **key, struct why *why)
{
	int error = judge(check, key, why);

	if (error != 0)
		return error;
	*key = "check-alpn";
	if (check->tls.alpn[0] != '\0' &&
	    strcmp(check->tls.alpn, "http/1.1") != 0)
		return why_set(why,
		    "https sends HTTP/1.1: give http/1.1, or remove it");
	*key = "check-ca";
	return tls_judge(&check->tls, why);
}

static bool
words(int result, uint16_t detail, char *buf, size_t size)
{
	if (result == HEALTH_GARBLED)
		(void)snprintf(buf, size, "answer is not HTTP");
	else if (result == HEALTH_PASSED || result == HEALTH_STATUS)
		(void)snprintf(buf, size, "HTTP status %u", detail);
	else if (result == HEALTH_UNEXPECTED)
		(void)snprintf(buf, size, "HTTP status %u, unexpected body",
		    detail);
	else if (result == HEALTH_TLS)
		(void)tls_detail_text(detail, buf, size);
	else
		return false;
	return true;
}

static void
on_connected(struct probe *probe)
{
	const struct http_check *http = probe->own;
	struct state *state = probe->state;
	size_t len = http_request_write(&http->ask, probe->check.host,
	    &probe->addr, state->request, sizeof(state->request));

	probe_say(probe, state->request, len);
}

/* The content is not as expected. */
static void
on_wrong_body(struct probe *probe, const char *text)
{
	const struct state *state = probe->state;

	probe_explain(probe, "HTTP status %u, check-body is not in %s",
	    state->status.code, text);
	probe_finish(probe, HEALTH_UNEXPECTED, state->status.code);
}

static void
on_content(struct probe *probe, const char *bytes, size_t len)
{
	const struct http_check *http = probe->own;
	const struct find find = { http->body.byte, http->border,
		http->body.len };
	struct state *state = probe->state;

	switch (http_body_feed(&state->body, &find, bytes, len)) {
	case HTTP_BODY_MORE:
		break;
	case HTTP_BODY_FOUND:
		probe_finish(probe, HEALTH_PASSED, state->status.code);
		break;
	case HTTP_BODY_ENDED:
		on_wrong_body(probe, "the body");
		break;
	case HTTP_BODY_LIMIT:
		on_wrong_body(probe, "the first 64k of the body");
		break;
	case HTTP_BODY_GARBLED:
		probe_finish(probe, HEALTH_GARBLED, 0);
		break;
	}
}

/* The status is there; `bytes` begins behind its code. */
static void
on_status(struct probe *probe, const char *bytes, size_t len)
{
	const struct http_check *http = probe->own;
	const struct state *state = probe->state;
	const uint16_t code = state->status.code;
	char expected[STATUSES_TEXT_MAX];

	if (!statuses_have(&http->statuses, code)) {
		probe_explain(probe, "HTTP status %u, expected %s", code,
		    statuses_format(&http->statuses, expected,
			sizeof(expected)));
		probe_finish(probe, HEALTH_STATUS, code);
	} else if (http->body.len == 0) {
		probe_finish(probe, HEALTH_PASSED, code);
	} else if (code == 204 || code == 304) {
		on_wrong_body(probe, "the body, which this status excludes");
	} else {
		on_content(probe, bytes, len);
	}
}

static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	struct state *state = probe->state;
	struct http_status *status = &state->status;

	if (status->state == HTTP_STATUS_DONE) {
		on_content(probe, bytes, len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		switch (http_status_feed(status, bytes + i, 1)) {
		case HTTP_STATUS_MORE:
			break;
		case HTTP_STATUS_DONE:
			/* the byte that ends the code may end the line */
			on_status(probe, bytes + i, len - i);
			return;
		case HTTP_STATUS_GARBLED:
			probe_finish(probe, HEALTH_GARBLED, 0);
			return;
		}
	}
}

/* The end of the connection may be that of the body. */
static enum health_result
unfinished(struct probe *probe, enum health_result result, uint16_t *detail)
{
	const struct state *state = probe->state;

	if (state->status.state != HTTP_STATUS_DONE)
		return result;
	*detail = state->status.code;
	if (result == HEALTH_NO_ANSWER || !http_body_may_end(&state->body))
		probe_explain(probe, "HTTP status %u, incomplete body%s",
		    *detail,
		    result == HEALTH_NO_ANSWER ? " within timeout-check" : "");
	else
		probe_explain(probe,
		    "HTTP status %u, check-body is not in the body", *detail);
	return HEALTH_UNEXPECTED;
}

const struct probe_kind probe_http = {
	.way = {
		.usage = "http GET /path",
		.keys = CHECK_KEYS_HTTP,
		.parse = parse,
		.judge = judge,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.on_connected = on_connected,
	.on_bytes = on_bytes,
	.unfinished = unfinished,
};

const struct probe_kind probe_https = {
	.way = {
		.usage = "https GET /path",
		.keys = CHECK_KEYS_HTTP | CHECK_KEYS_TLS,
		.parse = parse,
		.judge = judge_https,
		.words = words,
	},
	.state_size = sizeof(struct state),
	.tls = true,
	.on_connected = on_connected,
	.on_bytes = on_bytes,
	.unfinished = unfinished,
};
