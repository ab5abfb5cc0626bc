/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Looks for a text in the content of an HTTP/1.1 response (RFC 9112, sections 6
 * and 7): with Content-Length, chunked, or up to the end of the connection.
 * Pure; takes pieces of any size.  For probe_http.c.
 */
#ifndef LB4_HEALTH_HTTP_BODY_H
#define LB4_HEALTH_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/health/find.h"

enum http_body_state {
	HTTP_BODY_MORE, /* not found yet */
	HTTP_BODY_FOUND,
	HTTP_BODY_ENDED,   /* the content has ended without it */
	HTTP_BODY_LIMIT,   /* so have the first HTTP_BODY_MAX bytes */
	HTTP_BODY_GARBLED, /* not HTTP, or too many fields */
};

#define HTTP_BODY_FIELDS_MAX 65536 /* bytes of the fields */
#define HTTP_BODY_MAX 65536	   /* bytes of the content that are read */
#define HTTP_BODY_LINE_MAX 128	   /* the rest of a line is ignored */

/* All zero at the start. */
struct http_body {
	enum http_body_state state;
	int part; /* of the response */
	bool chunked;
	bool sized;	  /* there is a Content-Length */
	uint64_t left;	  /* bytes of the content, or of the chunk */
	uint32_t fields;  /* bytes of the fields so far */
	uint32_t content; /* bytes of the content so far */
	size_t found;	  /* bytes of the text that match */
	size_t len;	  /* of the line */
	char line[HTTP_BODY_LINE_MAX];
};

/* Feeds what follows the status code.  Ignores bytes after the end.  Returns
 * the state. */
enum http_body_state http_body_feed(struct http_body *body,
    const struct find *find, const char *bytes, size_t len);

/* Whether the response is complete if the connection ends now. */
bool http_body_may_end(const struct http_body *body);

#endif
