/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writes the HTTP request of a check, for probe_http.c.  Pure.
 */
#ifndef LB4_HEALTH_HTTP_REQUEST_H
#define LB4_HEALTH_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/config/settings.h"

#define HTTP_METHOD_MAX 16

/* What a check requests. */
struct http_ask {
	char method[HTTP_METHOD_MAX];
	char path[CONFIG_ARGS_MAX];
	bool tls;
	char headers[CONFIG_HEADERS_MAX]; /* "Name: value\r\n"... */
};

#define HTTP_HOST_MAX \
	(CONFIG_HOST_MAX > ADDR_TEXT_MAX ? CONFIG_HOST_MAX : ADDR_TEXT_MAX)

/*
 * The value of the Host field for a request to `addr` (RFC 9110, section 7.2):
 * the authority of the URI "http://addr/".  It omits the default port (section
 * 4.2.3) and an IPv6 zone, which has a meaning only on this host (RFC 6874,
 * section 4).  A unix socket has no authority; servers there expect
 * "localhost".  Returns `buf`; HTTP_HOST_MAX is enough.
 */
const char *http_request_host(const struct addr *addr, uint16_t default_port,
    char *buf, size_t size);

/* Longest request, with its terminating NUL. */
#define HTTP_REQUEST_MAX \
	(sizeof(struct http_ask) + HTTP_HOST_MAX + \
	    sizeof(" HTTP/1.1\r\nHost: \r\n" \
		   "User-Agent: lb4\r\n" \
		   "Content-Length: 0\r\n" \
		   "Connection: close\r\n\r\n"))

/* Writes the request for `ask`.  Its Host field is `host`, or is derived from
 * `addr` if `host` is "".  Fields of ask->headers follow; a User-Agent there
 * replaces lb4's own.  A method that is expected to have a body gets an empty
 * one (RFC 9110, section 8.6).  HTTP_REQUEST_MAX is enough.  Returns the
 * length. */
size_t http_request_write(const struct http_ask *ask, const char *host,
    const struct addr *addr, char *buf, size_t size);

#endif
