/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writes the answer to a command, as text or, if the caller wants it, as JSON.
 * An empty line ends either.  Both come from the same values: a command builds
 * JSON objects, and text is a way to print them.
 *
 * A JSON answer is one object with a "schema" of "lb4.NAME/VERSION"; the schemas
 * are in etc/schema/.
 *
 * An answer is one object (answer_object()), or a list of rows written one at a
 * time:
 *
 *	answer_begin(), answer_row() ..., answer_end()
 *
 * All of these take the reference to the JSON that they are given.  NULL stands
 * for "no memory", which then replaces the whole answer.
 */
#ifndef LB4_COMMAND_ANSWER_H
#define LB4_COMMAND_ANSWER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct caller;
struct config_errors;

/* A JSON string of foreign text, escaped (common/escape.h), because jansson
 * refuses text that is not UTF-8.  NULL without memory. */
json_t *answer_value(const char *text);

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_BYTES, /* 3.2M */
	COLUMN_TIME,  /* from milliseconds: 1.5s */
	COLUMN_RATE,  /* per second */
};

/* How to show a member of a row as text.  An empty column ends a list. */
struct column {
	const char *key;
	const char *title;
	int width; /* least */
	enum column_kind kind;
};

/* A complete answer.  As text, a line "member value" each, without members that
 * are objects or lists. */
void answer_object(struct caller *caller, const char *schema, json_t *object);

/* A complete answer: one line of text, or {"schema": ..., "done": text}. */
void answer_done(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A complete answer: "error: CODE: text", or the same as JSON.  Codes are in
 * lb4ctl(8).  Neither of these two needs memory: see caller_begin(). */
void answer_error(struct caller *caller, const char *code, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* The same for several errors: as text a line each, as JSON one message and the
 * list. */
void answer_errors(struct caller *caller, const char *code,
    const struct config_errors *errors);

/* Begins a list named `list`, after the members of `head`, which may be empty.
 * As text, the titles of the columns are the first line. */
void answer_begin(struct caller *caller, const char *schema, json_t *head,
    const char *list, const struct column *columns);
void answer_row(struct caller *caller, json_t *row);

/* Ends the list and begins another one, named `list`, with the same columns. */
void answer_next(struct caller *caller, const char *list);
void answer_end(struct caller *caller);

/* Opens a row that ends with a list named `list`. answer_row() writes the rows
 * of that list until answer_close().  As text, the row is `line`. */
void answer_open(struct caller *caller, json_t *row, const char *list,
    const char *line, const struct column *columns);
void answer_close(struct caller *caller);

/* A line of text, escaped.  Not for JSON. */
void answer_line(struct caller *caller, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A complete answer: the lines of `text`, escaped.  No line may be empty. */
void answer_text(struct caller *caller, const char *text);

/* Begins a JSON answer that needs no memory, for a command that has already
 * done its work. caller_printf() writes the other members and the end. */
void answer_head(struct caller *caller, const char *schema);

/* Writes escaped text as a JSON string, as part of such an answer. */
void answer_string(struct caller *caller, const char *text);

/* One event as a line of JSON. */
void answer_event(struct caller *caller, json_t *event);

/* "1.5s", "3m20s", "2d4h"; returns `buf`. */
#define ANSWER_TEXT_MAX 32
const char *answer_time(uint64_t ms, char *buf, size_t size);

/* "512", "3.2K", "1.0G"; returns `buf`. */
const char *answer_bytes(uint64_t bytes, char *buf, size_t size);

#endif
