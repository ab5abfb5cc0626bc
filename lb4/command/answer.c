/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Answers as text and as JSON: see answer.h. */
#include "lb4/command/answer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "lb4/command/caller.h"
#include "lb4/config/config.h"

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define LINE_MAX_TEXT 1024

/* ASCII: a terminal obeys U+009B as it does an escape. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6))

const char *
answer_time(uint64_t ms, char *buf, size_t size)
{
	if (ms < SECOND)
		snprintf(buf, size, "%" PRIu64 "ms", ms);
	else if (ms < MINUTE)
		snprintf(buf, size, "%.1fs", (double)(ms - ms % 100) / 1000);
	else if (ms < HOUR)
		snprintf(buf, size, "%" PRIu64 "m%" PRIu64 "s", ms / MINUTE,
		    ms / SECOND % 60);
	else if (ms < DAY)
		snprintf(buf, size, "%" PRIu64 "h%" PRIu64 "m", ms / HOUR,
		    ms / MINUTE % 60);
	else
		snprintf(buf, size, "%" PRIu64 "d%" PRIu64 "h", ms / DAY,
		    ms / HOUR % 24);
	return buf;
}

const char *
answer_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes / 1024;
	unsigned unit = 0;

	if (bytes < 1024) {
		snprintf(buf, size, "%" PRIu64, bytes);
		return buf;
	}
	/* 1023.95 would be written 1024.0 */
	for (; value >= 1023.95; unit++)
		value /= 1024;
	snprintf(buf, size, "%.1f%c", value, units[unit]);
	return buf;
}

/* A member as text. */
static const char *
value_text(const json_t *value, enum column_kind kind, char *buf, size_t size)
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_real(value) ||
	    (json_is_number(value) && kind == COLUMN_RATE))
		snprintf(buf, size, "%.1f", json_number_value(value));
	else if (!json_is_integer(value))
		return "-";
	else if (kind == COLUMN_BYTES)
		return answer_bytes((uint64_t)json_integer_value(value), buf,
		    size);
	else if (kind == COLUMN_TIME)
		return answer_time((uint64_t)json_integer_value(value), buf,
		    size);
	else
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	return buf;
}

static void
no_memory(struct caller *caller)
{
	/* caller_settle() handles it after the command. */
	caller->no_memory = true;
}

static int
write_json(const char *text, size_t len, void *caller)
{
	caller_write(caller, text, len);
	return 0;
}

/* Writes an object without its last brace, so that more members can follow. */
static void
dump_open(struct caller *caller, json_t *object)
{
	char *text = json_dumps(object, DUMP_FLAGS);

	if (text == NULL) {
		no_memory(caller);
		return;
	}
	caller_write(caller, text, strlen(text) - 1);
	free(text);
}

static void
end_answer(struct caller *caller)
{
	caller_write(caller, "\n\n", 2);
}

json_t *
answer_value(const char *text)
{
	char *clean = escape_dup(text, strlen(text), "");
	json_t *value = clean != NULL ? json_string(clean) : NULL;

	free(clean);
	return value;
}

/* Formats a line, escapes it, and ends it.  Returns its length. */
static size_t __attribute__((format(printf, 2, 0)))
format_line(char text[LINE_MAX_TEXT], const char *format, va_list args)
{
	char raw[LINE_MAX_TEXT];

	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	return escape_text(raw, strlen(raw), text, LINE_MAX_TEXT);
}

/* ---- one object ---------------------------------------------------------- */

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Members say their unit. */
static enum column_kind
kind_of(const char *key)
{
	if (ends_with(key, "_ms"))
		return COLUMN_TIME;
	if (strstr(key, "bytes") != NULL)
		return COLUMN_BYTES;
	return COLUMN_NUMBER;
}

static void
print_members(struct caller *caller, json_t *object)
{
	char buf[ANSWER_TEXT_MAX], name[64];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		enum column_kind kind = kind_of(key);
		size_t len = strlen(key);

		if (json_is_object(value) || json_is_array(value))
			continue;
		if (kind == COLUMN_TIME)
			len -= strlen("_ms");
		snprintf(name, sizeof(name), "%.*s", (int)len, key);
		for (char *at = name; *at != '\0'; at++)
			*at = *at == '_' ? '-' : *at;
		answer_line(caller, "%-20s %s", name,
		    value_text(value, kind, buf, sizeof(buf)));
	}
}

static json_t *
with_schema(const char *schema, json_t *object)
{
	json_t *whole = json_pack("{s:s}", "schema", schema);

	if (whole == NULL || object == NULL ||
	    json_object_update(whole, object) != 0) {
		json_decref(whole);
		whole = NULL;
	}
	json_decref(object);
	return whole;
}

void
answer_object(struct caller *caller, const char *schema, json_t *object)
{
	if (object == NULL) {
		no_memory(caller);
		return;
	}
	if (!caller->json) {
		print_members(caller, object);
		caller_write(caller, "\n", 1);
		json_decref(object);
		return;
	}
	object = with_schema(schema, object);
	if (object == NULL ||
	    json_dump_callback(object, write_json, caller, DUMP_FLAGS) != 0)
		no_memory(caller);
	end_answer(caller);
	json_decref(object);
}

/* One character of a JSON string, in ASCII and as jansson writes it. */
static void
put_character(struct caller *caller, const char *text, size_t len,
    uint32_t code)
{
	if (code == '"' || code == '\\')
		caller_printf(caller, "\\%c", (char)code);
	else if (code < 0x80)
		caller_write(caller, text, len);
	else if (code < 0x10000)
		caller_printf(caller, "\\u%04X", (unsigned)code);
	else
		caller_printf(caller, "\\u%04X\\u%04X",
		    (unsigned)(0xd800 + ((code - 0x10000) >> 10)),
		    (unsigned)(0xdc00 + (code & 0x3ff)));
}

void
answer_string(struct caller *caller, const char *text)
{
	size_t left = strlen(text), len;
	uint32_t code;

	caller_write(caller, "\"", 1);
	for (; left > 0; text += len, left -= len) {
		len = escape_decode(text, left, &code);
		if (len == 0)
			break;
		put_character(caller, text, len, code);
	}
	caller_write(caller, "\"", 1);
}

void
answer_head(struct caller *caller, const char *schema)
{
	caller_printf(caller, "{\"schema\":\"%s\"", schema);
}

void
answer_done(struct caller *caller, const char *format, ...)
{
	char text[LINE_MAX_TEXT];
	va_list args;

	va_start(args, format);
	(void)format_line(text, format, args);
	va_end(args);
	if (!caller->json) {
		caller_printf(caller, "%s\n\n", text);
		return;
	}
	answer_head(caller, "lb4.done/1");
	caller_printf(caller, ",\"done\":");
	answer_string(caller, text);
	caller_printf(caller, "}\n\n");
}

void
answer_error(struct caller *caller, const char *code, const char *format, ...)
{
	char text[LINE_MAX_TEXT];
	va_list args;

	va_start(args, format);
	(void)format_line(text, format, args); /* the caller's own words, too */
	va_end(args);
	if (!caller->json) {
		caller_printf(caller, "error: %s: %s\n\n", code, text);
		return;
	}
	answer_head(caller, "lb4.error/1");
	caller_printf(caller, ",\"error\":{\"code\":\"%s\",\"message\":", code);
	answer_string(caller, text);
	caller_printf(caller, "}}\n\n");
}

/* Joins them in one line, as many as fit. */
static void
join(const struct config_errors *errors, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < errors->count && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
		    i > 0 ? "; " : "", errors->text[i]);
}

static json_t *
messages(const struct config_errors *errors)
{
	json_t *list = json_array();
	int failed = 0;

	for (size_t i = 0; i < errors->count; i++)
		failed |= json_array_append_new(list,
		    answer_value(errors->text[i]));
	if (failed != 0) {
		json_decref(list);
		list = NULL;
	}
	return list;
}

void
answer_errors(struct caller *caller, const char *code,
    const struct config_errors *errors)
{
	char text[LINE_MAX_TEXT];

	if (errors->count < 2) {
		answer_error(caller, code, "%s",
		    errors->count > 0 ? errors->text[0] : "no memory");
		return;
	}
	if (caller->json) {
		join(errors, text, sizeof(text));
		answer_object(caller, "lb4.error/1",
		    json_pack("{s:{s:s,s:o,s:o}}", "error", "code", code,
			"message", answer_value(text), "messages",
			messages(errors)));
		return;
	}
	for (size_t i = 0; i < errors->count; i++)
		answer_line(caller, "error: %s: %s", code, errors->text[i]);
	caller_write(caller, "\n", 1);
}

void
answer_text(struct caller *caller, const char *text)
{
	char *clean = escape_dup(text, strlen(text), "\t\n");

	if (clean == NULL) {
		no_memory(caller);
		return;
	}
	caller_write(caller, clean, strlen(clean));
	caller_write(caller, "\n", 1);
	free(clean);
}

void
answer_event(struct caller *caller, json_t *event)
{
	if (event == NULL ||
	    json_dump_callback(event, write_json, caller, DUMP_FLAGS) != 0)
		no_memory(caller);
	caller_write(caller, "\n", 1);
	json_decref(event);
}

void
answer_line(struct caller *caller, const char *format, ...)
{
	char text[LINE_MAX_TEXT];
	va_list args;
	size_t len;

	va_start(args, format);
	len = format_line(text, format, args);
	va_end(args);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	caller_write(caller, text, len);
	caller_write(caller, "\n", 1);
}

/* ---- rows ---------------------------------------------------------------- */

/* Adds a cell; numbers are right-aligned. */
static size_t
put_cell(char *line, size_t size, size_t len, const struct column *column,
    const char *text)
{
	int width = column->kind == COLUMN_TEXT ? -column->width
						: column->width;
	int added;

	added = snprintf(line + len, size - len, "%*s  ", width, text);
	if (added < 0 || (size_t)added >= size - len)
		return len;
	return len + (size_t)added;
}

static void
print_titles(struct caller *caller, const struct column *columns)
{
	char line[LINE_MAX_TEXT] = "";
	size_t len = 0;

	for (; columns->key != NULL; columns++)
		len = put_cell(line, sizeof(line), len, columns,
		    columns->title);
	answer_line(caller, "%s", line);
}

static void
print_row(struct caller *caller, const json_t *row)
{
	char line[LINE_MAX_TEXT] = "", buf[ANSWER_TEXT_MAX];
	const struct column *column = caller->columns;
	size_t len = 0;

	for (; column->key != NULL; column++)
		len = put_cell(line, sizeof(line), len, column,
		    value_text(json_object_get(row, column->key), column->kind,
			buf, sizeof(buf)));
	answer_line(caller, "%s", line);
}

static void
open_list(struct caller *caller, const char *list)
{
	caller_printf(caller, ",\"%s\":[", list);
	caller->answer_empty = true;
}

void
answer_begin(struct caller *caller, const char *schema, json_t *head,
    const char *list, const struct column *columns)
{
	caller->columns = columns;
	caller->answer_empty = true;
	if (!caller->json) {
		json_decref(head);
		if (columns != NULL)
			print_titles(caller, columns);
		return;
	}
	head = with_schema(schema, head);
	if (head == NULL) {
		no_memory(caller);
		return;
	}
	dump_open(caller, head);
	json_decref(head);
	open_list(caller, list);
}

static void
separate(struct caller *caller)
{
	if (!caller->answer_empty)
		caller_write(caller, ",", 1);
	caller->answer_empty = false;
}

void
answer_row(struct caller *caller, json_t *row)
{
	if (row == NULL) {
		no_memory(caller);
		return;
	}
	if (caller->json) {
		separate(caller);
		if (json_dump_callback(row, write_json, caller, DUMP_FLAGS) !=
		    0)
			no_memory(caller);
	} else {
		print_row(caller, row);
	}
	json_decref(row);
}

void
answer_next(struct caller *caller, const char *list)
{
	if (caller->json) {
		caller_write(caller, "]", 1);
		open_list(caller, list);
	}
}

void
answer_end(struct caller *caller)
{
	if (caller->json)
		caller_write(caller, "]}\n", 3);
	caller_write(caller, "\n", 1);
}

void
answer_open(struct caller *caller, json_t *row, const char *list,
    const char *line, const struct column *columns)
{
	caller->columns = columns;
	if (row == NULL) {
		no_memory(caller);
		return;
	}
	if (caller->json) {
		separate(caller);
		dump_open(caller, row);
		open_list(caller, list);
	} else {
		answer_line(caller, "%s", line);
		print_titles(caller, columns);
	}
	json_decref(row);
}

void
answer_close(struct caller *caller)
{
	if (caller->json)
		caller_write(caller, "]}", 2);
	caller->answer_empty = false;
}
