/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Figures out of answers: see top_data.h. */
#include "lb4/ctl/top_data.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "lb4/ctl/top_text.h"

#define UNKNOWN ((double)NAN)

/* ---- members of an answer ------------------------------------------------ */

static uint64_t
count_of(const json_t *object, const char *member)
{
	const json_int_t value = json_integer_value(json_object_get(object,
	    member));

	return value > 0 ? (uint64_t)value : 0;
}

static void
word_of(const json_t *object, const char *member, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, member));

	if (text == NULL)
		text = "";
	(void)escape_text(text, strlen(text), out, size);
}

static bool
is_schema(const json_t *answer, const char *schema)
{
	const char *text = json_string_value(json_object_get(answer, "schema"));

	return text != NULL && strcmp(text, schema) == 0;
}

/* ---- rates --------------------------------------------------------------- */

/* NAN when it is not known: the counter began anew, or `seconds` is 0. */
static double
rate(uint64_t now, uint64_t before, double seconds)
{
	if (seconds <= 0 || now < before)
		return UNKNOWN;
	return (double)(now - before) / seconds;
}

/* Adds up what is known. */
static double
plus(double a, double b)
{
	if (isnan(a))
		return b;
	return isnan(b) ? a : a + b;
}

static void
history_push(struct top_history *history, uint64_t seconds, double value)
{
	const size_t new = seconds < TOP_SECONDS ? (size_t)seconds
						 : TOP_SECONDS;
	float *values = history->value;

	memmove(values, values + new, (TOP_SECONDS - new) * sizeof(*values));
	/* within the same second: the latest one stands */
	for (size_t i = TOP_SECONDS - (new > 0 ? new : 1); i < TOP_SECONDS; i++)
		values[i] = (float)value;
}

static void
history_none(struct top_history *history)
{
	for (size_t i = 0; i < TOP_SECONDS; i++)
		history->value[i] = NAN;
}

/* ---- rows ---------------------------------------------------------------- */

/* What becomes the next data, made beside the present one. */
struct making {
	const struct top_data *old;
	struct top_row *row;
	size_t rows, room;
	size_t found; /* row of `old` that was found last */
	double seconds;
	uint64_t shift; /* of the histories, in seconds */
};

static bool
is_same(const struct top_row *a, const struct top_row *b)
{
	return strcmp(a->service, b->service) == 0 &&
	    strcmp(a->backend, b->backend) == 0 &&
	    (a->backend[0] == '\0' || strcmp(a->address, b->address) == 0);
}

/* Rows mostly come in the order that they had before. */
static const struct top_row *
find_old(struct making *making, const struct top_row *row)
{
	const struct top_data *old = making->old;

	for (size_t i = 0; i < old->rows; i++) {
		const size_t at = (making->found + 1 + i) % old->rows;

		if (is_same(&old->row[at], row)) {
			making->found = at;
			return &old->row[at];
		}
	}
	return NULL;
}

/* A new row, or NULL without memory.  Rows may move. */
static struct top_row *
add_row(struct making *making)
{
	if (making->rows == making->room) {
		const size_t room = making->room == 0 ? 64 : 2 * making->room;
		struct top_row *row = realloc(making->row, room * sizeof(*row));

		if (row == NULL)
			return NULL;
		making->row = row;
		making->room = room;
	}
	making->row[making->rows] = (struct top_row){ .share = UNKNOWN };
	return &making->row[making->rows++];
}

/* The rates of a row since the last answers, where its counters are known. */
static void
set_rates(struct making *making, struct top_row *row)
{
	const struct top_row *old = find_old(making, row);
	const double seconds = old != NULL ? making->seconds : 0;

	if (old != NULL) {
		row->rates = old->rates;
		row->bytes = old->bytes;
	} else {
		history_none(&row->rates);
		history_none(&row->bytes);
		old = row;
	}
	row->accepted_per_s = rate(row->accepted, old->accepted, seconds);
	row->to_backend_per_s = rate(row->to_backend, old->to_backend, seconds);
	row->to_client_per_s = rate(row->to_client, old->to_client, seconds);
}

static void
set_histories(const struct making *making, struct top_row *row)
{
	history_push(&row->rates, making->shift, row->accepted_per_s);
	history_push(&row->bytes, making->shift,
	    plus(row->to_backend_per_s, row->to_client_per_s));
}

/* How bad a state is. */
static unsigned
trouble_of(const char *state)
{
	static const char *const states[] = { "up", "joining", "drain", "maint",
		"removed", "ejected", "down" };
	const unsigned count = sizeof(states) / sizeof(states[0]);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(state, states[i]) == 0)
			return i;
	return 0;
}

/* "no answer, down for 12s", "connected in 0.4 ms", "set 5m00s ago" */
static void
give_reason(struct top_row *row, const json_t *backend)
{
	const json_t *check = json_object_get(backend, "check");
	const json_t *since = json_object_get(backend, "health_since_ms");
	const bool down = strcmp(row->state, "down") == 0;
	char result[TOP_LONG_MAX / 2], time[TOP_TEXT_MAX];

	if (strcmp(row->state, "drain") == 0 ||
	    strcmp(row->state, "maint") == 0) {
		since = json_object_get(backend, "admin_since_ms");
		if (json_is_integer(since))
			(void)snprintf(row->reason, sizeof(row->reason),
			    "set %s ago",
			    top_text_time(count_of(backend, "admin_since_ms"),
				time));
		return;
	}
	if (strcmp(row->state, "ejected") == 0) {
		word_of(backend, "passive_reason", row->reason,
		    sizeof(row->reason));
		return;
	}
	if (strcmp(row->state, "removed") == 0) {
		(void)strlcpy(row->reason, "its conns are left",
		    sizeof(row->reason));
		return;
	}
	if (!json_is_object(check)) {
		(void)strlcpy(row->reason, "not checked", sizeof(row->reason));
		return;
	}
	word_of(check, "result", result, sizeof(result));
	if (down && json_is_integer(since))
		(void)snprintf(row->reason, sizeof(row->reason),
		    "%s, down for %s", result,
		    top_text_time(count_of(backend, "health_since_ms"), time));
	else
		(void)snprintf(row->reason, sizeof(row->reason),
		    "%s in %.1f ms", result,
		    json_number_value(json_object_get(check, "took_ms")));
}

static int
add_backend(struct making *making, const json_t *backend, size_t group)
{
	struct top_row *row = add_row(making);

	if (row == NULL)
		return -ENOMEM;
	row->group = group;
	(void)strlcpy(row->service, making->row[group].service,
	    sizeof(row->service));
	word_of(backend, "backend", row->backend, sizeof(row->backend));
	word_of(backend, "address", row->address, sizeof(row->address));
	word_of(backend, "state", row->state, sizeof(row->state));
	row->trouble = trouble_of(row->state);
	row->weight = count_of(backend, "weight");
	row->conns = count_of(backend, "active");
	row->accepted = count_of(backend, "total");
	row->failed = count_of(backend, "failures");
	row->to_backend = count_of(backend, "bytes_to_backend");
	row->to_client = count_of(backend, "bytes_to_client");
	give_reason(row, backend);
	set_rates(making, row);
	set_histories(making, row);
	return 0;
}

/* "2 of 3 backends, roundrobin, 5 queued, at maxconn" */
static void
describe_service(struct top_row *row, const json_t *service)
{
	const uint64_t queued = count_of(service, "queued");
	char balance[TOP_WORD_MAX], waiting[32] = "";

	word_of(service, "balance", balance, sizeof(balance));
	if (queued > 0)
		(void)snprintf(waiting, sizeof(waiting), ", %" PRIu64 " queued",
		    queued);
	(void)snprintf(row->reason, sizeof(row->reason),
	    "%s%" PRIu64 " of %zu backends, %s%s%s",
	    json_is_true(json_object_get(service, "panic")) ? "PANIC: " : "",
	    count_of(service, "available"),
	    json_array_size(json_object_get(service, "backends")), balance,
	    waiting,
	    json_is_true(json_object_get(service, "at_maxconn"))
		? ", at maxconn"
		: "");
}

/* The first address on which it listens, and how many more there are. */
static void
name_listens(struct top_row *row, const json_t *service)
{
	const json_t *listens = json_object_get(service, "listens");
	const size_t count = json_array_size(listens);
	const char *first = json_string_value(json_array_get(listens, 0));
	size_t len;

	if (first == NULL)
		return;
	len = escape_text(first, strlen(first), row->address,
	    sizeof(row->address));
	if (count > 1)
		(void)snprintf(row->address + len, sizeof(row->address) - len,
		    " +%zu", count - 1);
}

/* The bytes of a service are those of its backends, and the shares of these are
 * parts of its conns. */
static void
sum_up(struct making *making, size_t group)
{
	struct top_row *service = &making->row[group];
	unsigned worst = 0;

	service->to_backend_per_s = service->to_client_per_s = UNKNOWN;
	for (size_t i = group + 1; i < making->rows; i++) {
		struct top_row *row = &making->row[i];

		if (service->conns > 0)
			row->share = (double)row->conns /
			    (double)service->conns;
		worst = row->trouble > worst ? row->trouble : worst;
		service->to_backend_per_s = plus(service->to_backend_per_s,
		    row->to_backend_per_s);
		service->to_client_per_s = plus(service->to_client_per_s,
		    row->to_client_per_s);
	}
	service->trouble = 10 * trouble_of(service->state) + worst;
	set_histories(making, service);
}

static bool
is_of(const json_t *removed, const struct top_row *service)
{
	const char *name = json_string_value(json_object_get(removed,
	    "service"));

	return name != NULL && strcmp(name, service->service) == 0;
}

static int
add_service(struct making *making, const json_t *service, const json_t *removed)
{
	struct top_row *row = add_row(making);
	const size_t group = making->rows - 1;
	const json_t *backend;
	size_t i;
	int error = 0;

	if (row == NULL)
		return -ENOMEM;
	row->group = group;
	word_of(service, "service", row->service, sizeof(row->service));
	word_of(service, "state", row->state, sizeof(row->state));
	row->conns = count_of(service, "active");
	row->failed = count_of(service, "failed");
	row->accepted = count_of(service, "accepted");
	describe_service(row, service);
	name_listens(row, service);
	set_rates(making, row);
	json_array_foreach(json_object_get(service, "backends"), i, backend)
	{
		if (error == 0)
			error = add_backend(making, backend, group);
	}
	json_array_foreach(removed, i, backend)
	{
		if (error == 0 && is_of(backend, &making->row[group]))
			error = add_backend(making, backend, group);
	}
	sum_up(making, group);
	return error;
}

/* A service that was removed has only backends that were, too. */
static int
add_gone(struct making *making, const json_t *removed)
{
	const json_t *backend;
	int error = 0;
	size_t i, j;

	json_array_foreach(removed, i, backend)
	{
		for (j = 0; j < making->rows; j++)
			if (making->row[j].group == j &&
			    is_of(backend, &making->row[j]))
				break;
		if (j == making->rows) {
			json_t *gone = json_pack("{s:O,s:s}", "service",
			    json_object_get(backend, "service"), "state",
			    "removed");

			error = gone == NULL
			    ? -ENOMEM
			    : add_service(making, gone, removed);
			json_decref(gone);
		}
		if (error < 0)
			return error;
	}
	return 0;
}

static int
make_rows(struct making *making, const json_t *status)
{
	const json_t *removed = json_object_get(status, "removed");
	const json_t *service;
	int error = 0;
	size_t i;

	making->found = making->old->rows;
	json_array_foreach(json_object_get(status, "services"), i, service)
	{
		if (error == 0)
			error = add_service(making, service, removed);
	}
	return error == 0 ? add_gone(making, removed) : error;
}

/* ---- the process --------------------------------------------------------- */

static void
make_node(struct top_node *node, const json_t *info, const json_t *status)
{
	*node = (struct top_node){
		.pid = count_of(info, "pid"),
		.uptime_ms = count_of(info, "uptime_ms"),
		.conns = count_of(info, "conns"),
		.maxconn = count_of(info, "maxconn"),
		.accepted = count_of(info, "accepted"),
		.failed = count_of(info, "failed"),
		.retries = count_of(info, "retries"),
		.to_backend_per_s = UNKNOWN,
		.to_client_per_s = UNKNOWN,
		.full = json_is_true(json_object_get(status, "at_maxconn")),
	};
	word_of(info, "version", node->version, sizeof(node->version));
	word_of(info, "state", node->life, sizeof(node->life));
	word_of(status, "node", node->state, sizeof(node->state));
}

/* Adds up the services. */
static void
sum_node(struct top_node *node, const struct making *making,
    const json_t *status)
{
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(status, "services"), i, service)
	{
		node->queued += count_of(service, "queued");
	}
	for (i = 0; i < making->rows; i++) {
		const struct top_row *row = &making->row[i];

		if (row->group != i)
			continue;
		node->to_backend_per_s = plus(node->to_backend_per_s,
		    row->to_backend_per_s);
		node->to_client_per_s = plus(node->to_client_per_s,
		    row->to_client_per_s);
	}
}

/* NULL without memory. */
static struct top_worker *
make_workers(const struct making *making, const json_t *info, size_t *count)
{
	const json_t *list = json_object_get(info, "per_worker"), *one;
	struct top_worker *workers;
	size_t i;

	*count = json_array_size(list);
	workers = calloc(*count + 1, sizeof(*workers));
	if (workers == NULL)
		return NULL;
	json_array_foreach(list, i, one)
	{
		struct top_worker *worker = &workers[i];

		*worker = (struct top_worker){
			.number = (unsigned)count_of(one, "worker"),
			.conns = count_of(one, "conns"),
			.busy_us = count_of(one, "busy_us"),
			.busy = UNKNOWN,
		};
		if (i < making->old->workers)
			worker->busy = rate(worker->busy_us,
					   making->old->worker[i].busy_us,
					   making->seconds) /
			    1e6;
	}
	return workers;
}

/* ---- taking -------------------------------------------------------------- */

/* The time between the answers before and these, by lb4's own clock; 0 if lb4
 * has started anew, or there are none. */
static double
seconds_between(const struct top_data *old, const struct top_node *node)
{
	if (!old->known || old->node.pid != node->pid ||
	    old->node.uptime_ms >= node->uptime_ms)
		return 0;
	return (double)(node->uptime_ms - old->node.uptime_ms) / 1000;
}

static int
take(struct top_data *data, const json_t *info, const json_t *status,
    uint64_t second)
{
	struct top_data new = { .known = true, .second = second };
	struct making making = { .old = data };
	int error = -ENOMEM;

	make_node(&new.node, info, status);
	making.seconds = seconds_between(data, &new.node);
	making.shift = data->known ? second - data->second : 1;
	new.worker = make_workers(&making, info, &new.workers);
	if (new.worker != NULL)
		error = make_rows(&making, status);
	new.row = making.row;
	new.rows = making.rows;
	if (error < 0) {
		top_data_done(&new);
		return error;
	}
	sum_node(&new.node, &making, status);
	new.node.accepted_per_s = rate(new.node.accepted, data->node.accepted,
	    making.seconds);
	top_data_done(data);
	*data = new;
	return 0;
}

int
top_data_take(struct top_data *data, const char *info, const char *status,
    uint64_t second)
{
	json_t *info_json = json_loads(info, 0, NULL);
	json_t *status_json = json_loads(status, 0, NULL);
	int error = -EPROTO;

	if (is_schema(info_json, "lb4.info/1") &&
	    is_schema(status_json, "lb4.status/1"))
		error = take(data, info_json, status_json, second);
	json_decref(info_json);
	json_decref(status_json);
	return error;
}

void
top_data_error(const char *text, char why[TOP_LONG_MAX])
{
	json_t *answer = json_loads(text, 0, NULL);

	word_of(json_object_get(answer, "error"), "message", why, TOP_LONG_MAX);
	json_decref(answer);
	if (why[0] == '\0')
		(void)escape_text(text, strlen(text), why, TOP_LONG_MAX);
}

void
top_data_done(struct top_data *data)
{
	free(data->row);
	free(data->worker);
	*data = (struct top_data){ .known = false };
}
