/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The pages of the metrics server: see metrics.h. */
#include "lb4/http/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/control/node.h"
#include "lb4/control/threads.h"
#include "lb4/handover/receive.h"
#include "lb4/http/accept.h"
#include "lb4/http/ask.h"
#include "lb4/http/exposition.h"
#include "lb4/http/families.h"
#include "lb4/http/http.h"
#include "lb4/http/page.h"
#include "lb4/http/past.h"
#include "lb4/report/report.h"

/* Requests within this time get the same text, so frequent ones are cheap. */
#define FRESH_MS 100

#define TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* The metrics as last written, in one format. */
struct written {
	struct http_body *body; /* NULL: never */
	uint64_t at_ms;
};

struct metrics {
	struct http *http;
	bool started;
	struct handle handle; /* set before start */

	/* the thread's own */
	struct asks asks;
	struct written written[2]; /* [1]: OpenMetrics */
	size_t room;		   /* length of the last text */
	struct past *past;
	struct http_body *history; /* as of its last sample; NULL: never */
};

static void __attribute__((format(printf, 3, 4)))
say(struct http_answer *answer, unsigned status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	answer->status = status;
	(void)vsnprintf(answer->text, sizeof(answer->text), format, args);
	va_end(args);
}

/* ---- /metrics ------------------------------------------------------------ */

/* All metrics as text, or NULL without memory. */
static struct http_body *
write_metrics(struct metrics *metrics, bool openmetrics)
{
	struct report *report = report_new(&metrics->handle);
	struct exposition out;
	size_t len;
	char *text;

	if (report == NULL)
		return NULL;
	exposition_begin(&out, openmetrics, metrics->room);
	families_write(&out, report);
	report_free(report);
	text = exposition_take(&out, &len);
	if (text == NULL)
		return NULL;
	metrics->room = len;
	return http_body_new(metrics->http, openmetrics ? TYPE_OPEN : TYPE_TEXT,
	    text, len);
}

/* Drops old texts, so that they take no room from new ones. */
static void
forget_old(struct metrics *metrics)
{
	const uint64_t now_ms = timer_now_ms();

	for (int i = 0; i < 2; i++) {
		struct written *written = &metrics->written[i];

		if (now_ms < written->at_ms + FRESH_MS)
			continue;
		http_body_unref(written->body);
		written->body = NULL;
	}
	asks_forget(&metrics->asks);
}

static void
answer_metrics(struct metrics *metrics, const struct http_request *request,
    struct http_answer *answer)
{
	const bool openmetrics = accept_openmetrics(request->accept);
	struct written *written = &metrics->written[openmetrics];

	if (written->body == NULL) {
		if (!http_body_room(metrics->http)) {
			say(answer, 503,
			    "too many clients are still reading answers\n");
			return;
		}
		written->body = write_metrics(metrics, openmetrics);
		written->at_ms = timer_now_ms(); /* writing takes time */
	}
	if (written->body == NULL)
		say(answer, 503, "no memory\n");
	else
		answer->body = http_body_ref(written->body);
}

/* ---- /healthz, /readyz --------------------------------------------------- */

static void
answer_health(const struct metrics *metrics, struct http_answer *answer)
{
	struct threads_verdict verdict;

	if (threads_stuck(metrics->handle.threads, THREADS_SERVICE, &verdict))
		say(answer, 503, "%s is stuck for %" PRIu64 " ms\n",
		    verdict.name, verdict.ms);
	else
		say(answer, 200, "ok\n");
}

static void
answer_readiness(const struct metrics *metrics,
    const struct http_request *request, struct http_answer *answer)
{
	const char *service = http_argument(request, "service");
	char text[NODE_TEXT_MAX];
	struct why why;
	const enum node_state state = node_state(metrics->handle.running, &why);
	bool known = true, up = true;

	if (service != NULL)
		up = report_service_up(metrics->handle.tables, service, &known);
	if (!known)
		say(answer, 404, "there is no such service\n");
	else if (state != NODE_READY || up)
		say(answer, state == NODE_READY ? 200 : 503, "%s\n",
		    node_text(state, why.text, text, sizeof(text)));
	else
		say(answer, 503, "not ready: no backend takes connections\n");
}

/* ---- /history.json ------------------------------------------------------- */

static void
answer_history(struct metrics *metrics, struct http_answer *answer)
{
	char *text;
	size_t len;

	if (metrics->history == NULL) {
		text = http_body_room(metrics->http)
		    ? past_text(metrics->past, metrics->handle.began_ms, &len)
		    : NULL;
		if (text != NULL)
			metrics->history = http_body_new(metrics->http,
			    "application/json", text, len);
	}
	if (metrics->history == NULL)
		say(answer, 503, "no memory\n");
	else
		answer->body = http_body_ref(metrics->history);
}

/* ---- / ------------------------------------------------------------------- */

static void
answer_page(const struct metrics *metrics, const struct page_file *file,
    struct http_answer *answer)
{
	answer->body = http_body_constant(metrics->http, file->type, file->text,
	    file->len);
	if (answer->body == NULL)
		say(answer, 503, "no memory\n");
}

/* ---- the handler --------------------------------------------------------- */

static enum http_outcome
on_request(void *context, const struct http_request *request,
    struct http_answer *answer)
{
	struct metrics *metrics = context;
	struct ask *ask = asks_find(&metrics->asks, request->path);
	struct page_file file;

	forget_old(metrics);
	if (ask != NULL)
		return ask_answer(ask, answer);
	if (page_find(request->path, &file))
		answer_page(metrics, &file, answer);
	else if (strcmp(request->path, "/metrics") == 0)
		answer_metrics(metrics, request, answer);
	else if (strcmp(request->path, "/history.json") == 0)
		answer_history(metrics, answer);
	else if (strcmp(request->path, "/healthz") == 0)
		answer_health(metrics, answer);
	else if (strcmp(request->path, "/readyz") == 0)
		answer_readiness(metrics, request, answer);
	else
		say(answer, 404,
		    "try /, /metrics, /healthz, /readyz or /status.json\n");
	return HTTP_ANSWERED;
}

static void
on_ready(void *context)
{
	struct metrics *metrics = context;

	asks_on_ready(&metrics->asks);
}

static void
on_tick(void *context, uint64_t now_ms)
{
	struct metrics *metrics = context;

	asks_on_tick(&metrics->asks, now_ms);
	if (!past_look(metrics->past, metrics->handle.tables, now_ms))
		return;
	http_body_unref(metrics->history);
	metrics->history = NULL;
}

/* ---- life ---------------------------------------------------------------- */

int
metrics_open(struct metrics **out, const struct config *config,
    struct receive *receive, struct why *why)
{
	struct http_socket socket = { .fd = -1 };
	struct metrics *metrics;
	struct addr addr = config->metrics;
	char text[ADDR_TEXT_MAX];
	int error = -ENOMEM;

	*out = NULL;
	if (addr.len == 0)
		return 0;
	(void)addr_format(&addr, text, sizeof(text));
	socket.fd = receive_file(receive, "metrics", text, &socket.file);
	metrics = calloc(1, sizeof(*metrics));
	if (metrics != NULL)
		metrics->past = past_new();
	if (metrics != NULL && metrics->past != NULL)
		error = http_open(&metrics->http, &addr,
		    &(struct http_handler){ metrics, on_request, on_ready,
			on_tick, PAST_STEP_MS },
		    &socket);
	(void)addr_format(&addr, text, sizeof(text));
	if (error < 0) {
		past_free(metrics != NULL ? metrics->past : NULL);
		free(metrics);
		return why_fail(why, error, "metrics: cannot listen on %s: %s",
		    text, strerror(-error));
	}
	asks_init(&metrics->asks, metrics->http, config->control);
	log_info("metrics: listening on %s", text);
	*out = metrics;
	return 0;
}

int
metrics_start(struct metrics *metrics, struct handle handle)
{
	int error;

	if (metrics == NULL)
		return 0;
	metrics->handle = handle;
	error = http_start(metrics->http);
	metrics->started = error == 0;
	return error;
}

int
metrics_fd(const struct metrics *metrics, struct sockfile_id *file)
{
	struct http_socket socket;

	http_socket(metrics->http, &socket);
	*file = socket.file;
	return socket.fd;
}

void
metrics_leave(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	if (metrics->started)
		http_stop(metrics->http);
	metrics->started = false;
	http_keep_file(metrics->http);
}

void
metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	if (metrics->started)
		http_stop(metrics->http);
	for (int i = 0; i < 2; i++)
		http_body_unref(metrics->written[i].body);
	http_body_unref(metrics->history);
	past_free(metrics->past);
	asks_done(&metrics->asks);
	http_free(metrics->http);
	free(metrics);
}
