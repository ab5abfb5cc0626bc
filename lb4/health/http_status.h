/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reads an HTTP status line up to the code: "HTTP/1.1 200 ".  Any number of
 * interim responses may precede it (RFC 9110, section 15.2); they are skipped
 * together with their fields.  101 does not count as one of them: it would
 * switch to another protocol, which lb4 has not asked for.
 * Pure; takes pieces of any size.  For probe_http.c.
 */
#ifndef LB4_HEALTH_HTTP_STATUS_H
#define LB4_HEALTH_HTTP_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_status_state {
	HTTP_STATUS_MORE,    /* the code is not complete yet */
	HTTP_STATUS_DONE,    /* the code is complete */
	HTTP_STATUS_GARBLED, /* not HTTP, or too long */
};

/* Maximum size of all interim responses together, in bytes. */
#define HTTP_STATUS_INTERIM_MAX 65536

/* All zero at the start. */
struct http_status {
	enum http_status_state state;
	unsigned at;	  /* bytes of the status line read so far */
	uint16_t code;	  /* 100 to 999 when done */
	bool interim;	  /* skipping the rest of an interim response */
	bool empty;	  /* ... whose current line is empty so far */
	uint32_t skipped; /* bytes of all interim responses */
};

/* Feeds `len` bytes; ignores those after the code, or after an error.  Returns
 * the state. */
enum http_status_state http_status_feed(struct http_status *status,
    const void *data, size_t len);

#endif
