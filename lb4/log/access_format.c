/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The access log's two forms: key=value by snprintf(3), JSON by jansson.
 */
#include "lb4/log/access_format.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/addr.h"
#include "common/escape.h"

/* The last millisecond of the year 9999. */
#define TIME_MAX_MS INT64_C(253402300799999)

void
access_format_time(int64_t realtime_ms, char text[ACCESS_TIME_MAX])
{
	struct tm tm;
	time_t seconds;

	if (realtime_ms < 0)
		realtime_ms = 0;
	if (realtime_ms > TIME_MAX_MS)
		realtime_ms = TIME_MAX_MS;
	seconds = (time_t)(realtime_ms / 1000);
	gmtime_r(&seconds, &tm);
	snprintf(text, ACCESS_TIME_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
	    (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	    (unsigned)tm.tm_sec % 100, (unsigned)(realtime_ms % 1000));
}

/* "ECONNREFUSED", or the number of an error that has no name; NULL for 0. */
static const char *
error_name(int error, char *buf, size_t size)
{
	const char *name = strerrorname_np(error);

	if (error == 0)
		return NULL;
	if (name != NULL)
		return name;
	snprintf(buf, size, "%d", error);
	return buf;
}

/* What the conn had to wait for; NULL: nothing. */
static const char *
waited_for(const struct access_record *record)
{
	if (record->held)
		return "backend";
	return record->queue_ms > 0 ? "room" : NULL;
}

static size_t
format_kv(const struct access_record *record, char *line, size_t size)
{
	char when[ACCESS_TIME_MAX];
	char client[ENDPOINT_TEXT_MAX];
	char number[16], text[ACCESS_LINE_MAX];
	const char *error = error_name(record->error, number, sizeof(number));
	const char *waited = waited_for(record);
	int len;

	access_format_time(record->realtime_ms, when);
	endpoint_format(&record->client, client, sizeof(client));
	len = snprintf(text, sizeof(text),
	    "time=%s conn=%" PRIu64 " worker=%" PRIu32
	    " service=%s client=%s backend=%s reason=%s error=%s queue=%" PRIu32
	    " connect=%" PRIu32 " total=%" PRIu64 " to_backend=%" PRIu64
	    " to_client=%" PRIu64 " discarded=%" PRIu64 " retries=%" PRIu32
	    "%s%s",
	    when, record->conn, record->worker, record->service, client,
	    record->backend[0] != '\0' ? record->backend : "-",
	    record->event == ACCESS_END ? reason_code(record->reason) : "-",
	    error != NULL ? error : "-", record->queue_ms, record->connect_ms,
	    record->total_ms, record->bytes_to_backend, record->bytes_to_client,
	    record->bytes_discarded, record->retries,
	    waited != NULL ? " waited_for=" : "", waited != NULL ? waited : "");
	if (len > 0 && (size_t)len < sizeof(text) && record->one_of_several)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    " event=%s more_to_backend=%" PRIu64
		    " more_to_client=%" PRIu64,
		    access_event_name(record->event), record->more_to_backend,
		    record->more_to_client);
	if (len > 0 && (size_t)len < sizeof(text) && record->rule[0] != '\0')
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    " rule=%s", record->rule);
	if (len < 0)
		return 0;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	return escape_text(text, (size_t)len, line, size);
}

/* These return how many members could not be added. */
static int
put_text(json_t *object, const char *key, const char *text)
{
	char clean[4 * CONFIG_NAME_MAX];
	json_t *value = json_null();

	if (text != NULL) {
		(void)escape_text(text, strlen(text), clean, sizeof(clean));
		value = json_string(clean);
	}
	return json_object_set_new(object, key, value) != 0;
}

static int
put_number(json_t *object, const char *key, uint64_t number)
{
	return json_object_set_new(object, key,
		   json_integer((json_int_t)number)) != 0;
}

static int
put_events(json_t *object, const struct access_record *record)
{
	int lost = 0;

	lost += put_text(object, "event", access_event_name(record->event));
	lost += put_number(object, "more_to_backend", record->more_to_backend);
	lost += put_number(object, "more_to_client", record->more_to_client);
	return lost;
}

static size_t
format_json(const struct access_record *record, char *line, size_t size)
{
	char when[ACCESS_TIME_MAX];
	char client[ENDPOINT_TEXT_MAX];
	char number[16];
	json_t *object = json_object();
	const bool ended = record->event == ACCESS_END;
	size_t len = 0;
	int lost = 0;

	access_format_time(record->realtime_ms, when);
	endpoint_format(&record->client, client, sizeof(client));
	lost += put_text(object, "time", when);
	lost += put_number(object, "conn", record->conn);
	lost += put_number(object, "worker", record->worker);
	lost += put_text(object, "service", record->service);
	lost += put_text(object, "client", client);
	lost += put_text(object, "backend",
	    record->backend[0] != '\0' ? record->backend : NULL);
	lost += put_text(object, "reason",
	    ended ? reason_code(record->reason) : NULL);
	lost += put_text(object, "why",
	    ended ? reason_text(record->reason) : NULL);
	lost += put_text(object, "error",
	    error_name(record->error, number, sizeof(number)));
	lost += put_number(object, "queue", record->queue_ms);
	lost += put_number(object, "connect", record->connect_ms);
	lost += put_number(object, "total", record->total_ms);
	lost += put_number(object, "to_backend", record->bytes_to_backend);
	lost += put_number(object, "to_client", record->bytes_to_client);
	lost += put_number(object, "discarded", record->bytes_discarded);
	lost += put_number(object, "retries", record->retries);
	if (waited_for(record) != NULL)
		lost += put_text(object, "waited_for", waited_for(record));
	if (record->one_of_several)
		lost += put_events(object, record);
	if (record->rule[0] != '\0')
		lost += put_text(object, "rule", record->rule);
	if (lost == 0)
		len = json_dumpb(object, line, size - 1, JSON_COMPACT);
	json_decref(object);
	if (len >= size)
		len = 0;
	line[len] = '\0';
	return len;
}

size_t
access_format(enum access_format format, const struct access_record *record,
    char *line, size_t size)
{
	return format == ACCESS_JSON ? format_json(record, line, size)
				     : format_kv(record, line, size);
}
