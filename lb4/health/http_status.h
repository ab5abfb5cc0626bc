/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reads an HTTP status line and nothing behind the code: "HTTP/1.1 200 ".
 * Interim responses may come before (RFC 9110, section 15.2), any number of
 * them: they are skipped, with their fields.  101 is not one of these here: it
 * would end HTTP, and nobody has asked for that.
 * Pure, fed in pieces of any size, for probe_http.c.
 */
#ifndef LB4_HEALTH_HTTP_STATUS_H
#define LB4_HEALTH_HTTP_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_status_state {
	HTTP_STATUS_MORE,    /* so far so good */
	HTTP_STATUS_DONE,    /* code is complete */
	HTTP_STATUS_GARBLED, /* this is not HTTP, or does not come to an end */
};

/* Of interim responses: more bytes than that are too many. */
#define HTTP_STATUS_INTERIM_MAX 65536

/* All zero at the start. */
struct http_status {
	enum http_status_state state;
	unsigned at;	  /* bytes read of the status line */
	uint16_t code;	  /* 100 to 999 when done */
	bool interim;	  /* the rest of an interim response is skipped */
	bool empty;	  /* ... whose present line is, up to here */
	uint32_t skipped; /* bytes, of all of them */
};

/* Feeds `len` bytes; what follows the code, or the fault, is not looked at.
 * Returns the state. */
enum http_status_state http_status_feed(struct http_status *status,
    const void *data, size_t len);

#endif
