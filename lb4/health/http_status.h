/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reads an HTTP status line and nothing behind the code: "HTTP/1.1 200 ".
 * Pure, fed in pieces of any size, for probe_http.c.
 */
#ifndef LB4_HEALTH_HTTP_STATUS_H
#define LB4_HEALTH_HTTP_STATUS_H

#include <stddef.h>
#include <stdint.h>

enum http_status_state {
	HTTP_STATUS_MORE,    /* so far so good */
	HTTP_STATUS_DONE,    /* code is complete */
	HTTP_STATUS_GARBLED, /* this is not HTTP */
};

/* All zero at the start. */
struct http_status {
	enum http_status_state state;
	unsigned at;   /* bytes read */
	uint16_t code; /* 100 to 999 when done */
};

/* Feeds `len` bytes; what follows the code, or the fault, is not looked at.
 * Returns the state. */
enum http_status_state http_status_feed(struct http_status *status,
    const void *data, size_t len);

#endif
