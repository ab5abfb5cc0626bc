/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writing the answer to a command, as text or, when the caller wants it, as
 * JSON; either ends with an empty line.  Both are made from the same values: a
 * command builds JSON objects, and text is a way to print these.
 *
 * JSON answers are one object with a "schema" of "lb4.NAME/VERSION"; the
 * schemas are in etc/schema/.
 *
 * An answer is one object (answer_object()), or a list of rows, one written at
 * a time:
 *
 *	answer_begin(), answer_row() ..., answer_end()
 *
 * All of these take the reference to the JSON that they are given; NULL stands
 * for "no memory" and is answered so, in the place of the whole answer.
 */
#ifndef LB4_COMMAND_ANSWER_H
#define LB4_COMMAND_ANSWER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct caller;
struct config_errors;

/* A JSON string of text that is not ours, escaped (common/escape.h): jansson
 * refuses what is no UTF-8.  NULL without memory. */
json_t *answer_value(const char *text);

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_BYTES, /* 3.2M */
	COLUMN_TIME,  /* from milliseconds: 1.5s */
	COLUMN_RATE,  /* per second */
};

/* How a member of a row is shown as text.  A list of columns ends with an empty
 * one. */
struct column {
	const char *key;
	const char *title;
	int width; /* least */
	enum column_kind kind;
};

/* A complete answer.  As text: "member  value" a line, without members whose
 * values are objects or lists. */
void answer_object(struct caller *caller, const char *schema, json_t *object);

/* A complete answer: one line of text, or {"schema": ..., "done": text}. */
void answer_done(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A complete answer: "error: CODE: text", or the same as JSON.  Codes are in
 * lb4ctl(8).  Neither of these two needs memory: see caller_begin(). */
void answer_error(struct caller *caller, const char *code, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* The same for several: a line each, or in JSON one message and the list of
 * them. */
void answer_errors(struct caller *caller, const char *code,
    const struct config_errors *errors);

/* A list named `list`, with `head` (may be an empty object) before it.  As text
 * the columns' titles are its first line. */
void answer_begin(struct caller *caller, const char *schema, json_t *head,
    const char *list, const struct column *columns);
void answer_row(struct caller *caller, json_t *row);

/* Ends the list, and with `list` begins another one of the same columns. */
void answer_next(struct caller *caller, const char *list);
void answer_end(struct caller *caller);

/* Within a list, a row that itself ends with a list named `list`: its rows are
 * written by answer_row() until answer_close().  As text it is `line`. */
void answer_open(struct caller *caller, json_t *row, const char *list,
    const char *line, const struct column *columns);
void answer_close(struct caller *caller);

/* A line of text, escaped; as JSON it is given by other means. */
void answer_line(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A complete answer: the lines of `text`, none of which is empty, escaped. */
void answer_text(struct caller *caller, const char *text);

/* Begins an answer in JSON that needs no memory, as it tells what was done: an
 * object whose other members and end are written by caller_printf(). */
void answer_head(struct caller *caller, const char *schema);

/* A JSON string of text that is escaped already, as a part of such an answer.
 */
void answer_string(struct caller *caller, const char *text);

/* One event, a line; for callers who want JSON. */
void answer_event(struct caller *caller, json_t *event);

/* "1.5s", "3m20s", "2d4h"; returns `buf`. */
#define ANSWER_TEXT_MAX 32
const char *answer_time(uint64_t ms, char *buf, size_t size);

/* "512", "3.2K", "1.0G"; returns `buf`. */
const char *answer_bytes(uint64_t bytes, char *buf, size_t size);

#endif
