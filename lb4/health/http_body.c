/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The content of an HTTP response: see http_body.h.
 *
 *	REASON -> FIELDS -> CONTENT
 *	             |
 *	             +----> SIZE -> CHUNK -> CHUNK_END
 *	                     ^                  |
 *	                     +------------------+
 */
#include "lb4/health/http_body.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define HEX_DIGITS "0123456789abcdefABCDEF"

enum part {
	PART_REASON, /* the rest of the status line */
	PART_FIELDS,
	PART_CONTENT,
	PART_SIZE, /* of a chunk */
	PART_CHUNK,
	PART_CHUNK_END, /* the line end behind a chunk */
};

/* The value of the field, or NULL if the line is another one. */
static const char *
value_of(const char *line, const char *name)
{
	const size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

/* A digit in the base, or -1. */
static int
digit(char byte, unsigned base)
{
	if (isdigit((unsigned char)byte))
		return byte - '0';
	if (base == 16 && isxdigit((unsigned char)byte))
		return tolower((unsigned char)byte) - 'a' + 10;
	return -1;
}

/* Reads a number up to the first byte that is no digit; false if there is none,
 * or it is absurd. */
static bool
read_number(const char *text, unsigned base, uint64_t *out)
{
	uint64_t number = 0;
	size_t digits = 0;

	while (digit(text[digits], base) >= 0) {
		if (number > UINT64_MAX >> 8)
			return false;
		number = number * base + (uint64_t)digit(text[digits++], base);
	}
	*out = number;
	return digits > 0;
}

/* "chunked" is the last coding (RFC 9112, section 6.1). */
static bool
is_chunked(const char *value)
{
	static const char word[] = "chunked";
	const size_t len = strlen(value);
	const size_t want = sizeof(word) - 1;

	return len >= want && strcasecmp(value + len - want, word) == 0;
}

static enum http_body_state
begin_content(struct http_body *body)
{
	body->part = body->chunked ? PART_SIZE : PART_CONTENT;
	return !body->chunked && body->sized && body->left == 0
	    ? HTTP_BODY_ENDED
	    : HTTP_BODY_MORE;
}

static enum http_body_state
on_field(struct http_body *body)
{
	const char *value;

	if (body->line[0] == '\0')
		return begin_content(body);
	value = value_of(body->line, "Transfer-Encoding");
	if (value != NULL)
		body->chunked = is_chunked(value);
	value = value_of(body->line, "Content-Length");
	if (value != NULL) {
		if (!read_number(value, 10, &body->left))
			return HTTP_BODY_GARBLED;
		body->sized = true;
	}
	return HTTP_BODY_MORE;
}

static enum http_body_state
on_size(struct http_body *body)
{
	const char *end = body->line + strspn(body->line, HEX_DIGITS);

	/* extensions may follow (RFC 9112, section 7.1.1) */
	if (!read_number(body->line, 16, &body->left) ||
	    strchr("; \t", *end) == NULL)
		return HTTP_BODY_GARBLED;
	body->part = PART_CHUNK;
	return body->left == 0 ? HTTP_BODY_ENDED : HTTP_BODY_MORE;
}

/* A line is complete: without its end, and cut to HTTP_BODY_LINE_MAX. */
static enum http_body_state
on_line(struct http_body *body)
{
	switch (body->part) {
	case PART_REASON:
		body->part = PART_FIELDS;
		return HTTP_BODY_MORE;
	case PART_FIELDS:
		return on_field(body);
	case PART_SIZE:
		return on_size(body);
	default: /* PART_CHUNK_END */
		if (body->line[0] != '\0')
			return HTTP_BODY_GARBLED;
		body->part = PART_SIZE;
		return HTTP_BODY_MORE;
	}
}

/* Takes a byte of a line. */
static enum http_body_state
take(struct http_body *body, char byte)
{
	enum http_body_state state;

	if (++body->fields > HTTP_BODY_FIELDS_MAX)
		return HTTP_BODY_GARBLED;
	if (byte != '\n') {
		if (body->len < sizeof(body->line) - 1 && byte != '\0')
			body->line[body->len++] = byte;
		return HTTP_BODY_MORE;
	}
	while (body->len > 0 &&
	    isspace((unsigned char)body->line[body->len - 1]))
		body->len--;
	body->line[body->len] = '\0';
	state = on_line(body);
	body->len = 0;
	return state;
}

/* Looks into content; returns how many bytes it took. */
static size_t
look(struct http_body *body, const struct find *find, const char *bytes,
    size_t len)
{
	const bool bounded = body->part == PART_CHUNK || body->sized;

	if (bounded && len > body->left)
		len = (size_t)body->left;
	if (len > HTTP_BODY_MAX - body->content)
		len = HTTP_BODY_MAX - body->content;
	(void)find_feed(find, &body->found, bytes, len);
	body->content += (uint32_t)len;
	if (bounded)
		body->left -= len;
	if (body->found == find->len)
		body->state = HTTP_BODY_FOUND;
	else if (bounded && body->left == 0 && body->part == PART_CONTENT)
		body->state = HTTP_BODY_ENDED;
	else if (body->content == HTTP_BODY_MAX)
		body->state = HTTP_BODY_LIMIT;
	else if (bounded && body->left == 0)
		body->part = PART_CHUNK_END;
	return len;
}

enum http_body_state
http_body_feed(struct http_body *body, const struct find *find,
    const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && body->state == HTTP_BODY_MORE) {
		if (body->part == PART_CONTENT || body->part == PART_CHUNK)
			at += look(body, find, bytes + at, len - at);
		else
			body->state = take(body, bytes[at++]);
	}
	return body->state;
}

bool
http_body_may_end(const struct http_body *body)
{
	return body->part == PART_CONTENT && !body->sized;
}
