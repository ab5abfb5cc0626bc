/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The history for the status page: see past.h.  Called by metrics.c. */
#include "lb4/http/past.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/textbuf.h"
#include "lb4/config/settings.h"
#include "lb4/control/figures.h"
#include "lb4/model/rcu.h"
#include "lb4/table/table.h"

#define SCHEMA "lb4.history/1"
#define COUNTERS_MAX 4

/* The values of a service: rates of counters, then a gauge.  Those of a
 * backend: the rate of its conns. */
static const char *const service_names[] = { "accepted", "failed", "to_backend",
	"to_client", "active" };
static const char *const backend_names[] = { "total" };

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

struct row {
	char service[CONFIG_NAME_MAX];
	char backend[CONFIG_NAME_MAX]; /* "": the service itself */
	uint64_t sample;	       /* the last one it was in; from 1 */
	uint64_t before[COUNTERS_MAX]; /* the counters then */
	float *value; /* owned; PAST_SAMPLES of each kind, NAN: none */
};

struct past {
	struct row *row; /* owned */
	size_t rows;
	uint64_t at_ms[PAST_SAMPLES];
	uint64_t samples; /* taken so far; sample n is in slot n modulo */
	uint64_t next_ms;
};

/* What is seen of a service or backend. */
struct sight {
	const char *service, *backend;
	uint64_t counter[COUNTERS_MAX];
	size_t counters;
	double gauge;
	bool has_gauge;
};

struct past *
past_new(void)
{
	return calloc(1, sizeof(struct past));
}

void
past_free(struct past *past)
{
	if (past == NULL)
		return;
	for (size_t i = 0; i < past->rows; i++)
		free(past->row[i].value);
	free(past->row);
	free(past);
}

/* ---- rows ---------------------------------------------------------------- */

static bool
is_row_of(const struct row *row, const struct sight *sight)
{
	return strcmp(row->backend, sight->backend) == 0 &&
	    strcmp(row->service, sight->service) == 0;
}

/* NULL when there is no room, or no memory. */
static struct row *
add_row(struct past *past, const struct sight *sight)
{
	const size_t kinds = sight->counters + (sight->has_gauge ? 1 : 0);
	struct row *row, *more;
	float *value;

	if (past->rows == PAST_ROWS_MAX)
		return NULL;
	more = reallocarray(past->row, past->rows + 1, sizeof(*more));
	if (more == NULL)
		return NULL;
	past->row = more;
	value = reallocarray(NULL, kinds * PAST_SAMPLES, sizeof(*value));
	if (value == NULL)
		return NULL;
	for (size_t i = 0; i < kinds * PAST_SAMPLES; i++)
		value[i] = NAN;
	row = &past->row[past->rows++];
	*row = (struct row){ .value = value };
	(void)strlcpy(row->service, sight->service, sizeof(row->service));
	(void)strlcpy(row->backend, sight->backend, sizeof(row->backend));
	return row;
}

/* Rows are in the order of the table, unless that has changed: `*at` is where
 * the row probably is, and is moved on. */
static struct row *
find_row(struct past *past, const struct sight *sight, size_t *at)
{
	for (size_t n = 0; n < past->rows; n++) {
		const size_t i = (*at + n) % past->rows;

		if (!is_row_of(&past->row[i], sight))
			continue;
		*at = i + 1;
		return &past->row[i];
	}
	return add_row(past, sight);
}

/* What has gone is forgotten. */
static void
drop_rows(struct past *past)
{
	size_t kept = 0;

	for (size_t i = 0; i < past->rows; i++)
		if (past->row[i].sample == past->samples)
			past->row[kept++] = past->row[i];
		else
			free(past->row[i].value);
	past->rows = kept;
}

/* ---- a sample ------------------------------------------------------------ */

/* Takes it into the row of what is seen.  Without a value before, or when a
 * counter began anew, there is no rate. */
static void
take(struct past *past, const struct sight *sight, double seconds, size_t *at)
{
	const size_t slot = past->samples % PAST_SAMPLES;
	struct row *row = find_row(past, sight, at);
	bool known;

	if (row == NULL)
		return;
	known = row->sample != 0 && row->sample + 1 == past->samples &&
	    seconds > 0;
	for (size_t i = 0; i < sight->counters; i++) {
		const uint64_t now = sight->counter[i];
		const uint64_t before = row->before[i];

		row->value[i * PAST_SAMPLES + slot] = known && now >= before
		    ? (float)((double)(now - before) / seconds)
		    : NAN;
		row->before[i] = now;
	}
	if (sight->has_gauge)
		row->value[sight->counters * PAST_SAMPLES + slot] =
		    (float)sight->gauge;
	row->sample = past->samples;
}

static void
take_service(struct past *past, const struct service *service, double seconds,
    size_t *at)
{
	struct figures_service figures;

	figures_service(service, &figures);
	take(past,
	    &(struct sight){ .service = service->state->name,
		.backend = "",
		.counter = { figures.accepted, figures.failed,
		    figures.bytes_to_backend, figures.bytes_to_client },
		.counters = 4,
		.gauge = (double)figures.active,
		.has_gauge = true },
	    seconds, at);
	for (size_t i = 0; i < service->backends; i++) {
		const struct backend *backend = service->backend[i].backend;
		struct figures_backend sums;

		figures_backend(backend, &sums);
		take(past,
		    &(struct sight){ .service = backend->service,
			.backend = backend->name,
			.counter = { sums.sums.conns },
			.counters = 1 },
		    seconds, at);
	}
}

bool
past_look(struct past *past, const struct tables *tables, uint64_t now_ms)
{
	const uint64_t last_ms = past->samples > 0
	    ? past->at_ms[past->samples % PAST_SAMPLES]
	    : now_ms;
	const struct table *table;
	size_t at = 0;

	if (now_ms < past->next_ms)
		return false;
	past->samples++;
	past->at_ms[past->samples % PAST_SAMPLES] = now_ms;
	past->next_ms = past->next_ms + 2 * PAST_STEP_MS > now_ms
	    ? past->next_ms + PAST_STEP_MS
	    : now_ms + PAST_STEP_MS;
	rcu_reader_start();
	table = table_current(tables);
	for (size_t id = 0; id < table->ids; id++)
		if (table->service[id] != NULL)
			take_service(past, table->service[id],
			    (double)(now_ms - last_ms) / 1000, &at);
	rcu_reader_stop();
	drop_rows(past);
	return true;
}

/* ---- the text ------------------------------------------------------------ */

static uint64_t
first_sample(const struct past *past)
{
	return past->samples < PAST_SAMPLES ? 1
					    : past->samples - PAST_SAMPLES + 1;
}

static void
put_values(FILE *out, const struct past *past, const float *value)
{
	for (uint64_t n = first_sample(past); n <= past->samples; n++) {
		const float one = value[n % PAST_SAMPLES];

		if (n > first_sample(past))
			(void)putc(',', out);
		if (isnan(one))
			(void)fputs("null", out);
		else
			(void)fprintf(out, "%.4g", (double)one);
	}
}

/* Names need no escapes: see CONFIG_NAME_MAX. */
static void
put_row(FILE *out, const struct past *past, const struct row *row)
{
	const bool is_service = row->backend[0] == '\0';
	const char *const *names = is_service ? service_names : backend_names;
	const size_t count = is_service ? COUNT(service_names)
					: COUNT(backend_names);

	(void)fprintf(out, "{\"service\":\"%s\"", row->service);
	if (!is_service)
		(void)fprintf(out, ",\"backend\":\"%s\"", row->backend);
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(out, ",\"%s\":[", names[i]);
		put_values(out, past, row->value + i * PAST_SAMPLES);
		(void)putc(']', out);
	}
	(void)putc('}', out);
}

static void
put_rows(FILE *out, const struct past *past, bool services)
{
	bool more = false;

	for (size_t i = 0; i < past->rows; i++) {
		if ((past->row[i].backend[0] == '\0') != services)
			continue;
		if (more)
			(void)putc(',', out);
		put_row(out, past, &past->row[i]);
		more = true;
	}
}

char *
past_text(const struct past *past, uint64_t began_ms, size_t *len)
{
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	if (out != NULL) {
		(void)fprintf(out, "{\"schema\":\"%s\",\"uptime_ms\":[",
		    SCHEMA);
		for (uint64_t n = first_sample(past); n <= past->samples; n++)
			(void)fprintf(out, "%s%" PRIu64,
			    n > first_sample(past) ? "," : "",
			    past->at_ms[n % PAST_SAMPLES] - began_ms);
		(void)fputs("],\"services\":[", out);
		put_rows(out, past, true);
		(void)fputs("],\"backends\":[", out);
		put_rows(out, past, false);
		(void)fputs("]}\n", out);
	}
	if (textbuf_close(&buf) < 0)
		return NULL;
	*len = buf.len;
	return buf.text;
}
