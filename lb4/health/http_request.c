/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The HTTP request of a check: see http_request.h.
 */
#include "lb4/health/http_request.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HTTP_PORT 80
#define HTTPS_PORT 443

const char *
http_request_host(const struct addr *addr, uint16_t default_port, char *buf,
    size_t size)
{
	struct addr plain = *addr;
	char *port;

	if (addr_is_unix(addr)) {
		(void)snprintf(buf, size, "localhost");
		return buf;
	}
	if (plain.sa.sa_family == AF_INET6)
		plain.in6.sin6_scope_id = 0;
	(void)addr_format(&plain, buf, size);
	port = strrchr(buf, ':');
	if (addr_port(&plain) == default_port && port != NULL)
		*port = '\0';
	return buf;
}

/* Whether one of the "Name: value\r\n" lines has that name. */
static bool
has_field(const char *headers, const char *name)
{
	const size_t len = strlen(name);

	while (*headers != '\0') {
		if (strncasecmp(headers, name, len) == 0 && headers[len] == ':')
			return true;
		headers = strstr(headers, "\r\n") + strlen("\r\n");
	}
	return false;
}

static bool
sends_a_body(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	    strcmp(method, "PATCH") == 0;
}

size_t
http_request_write(const struct http_ask *ask, const char *host,
    const struct addr *addr, char *buf, size_t size)
{
	char own[HTTP_HOST_MAX];

	if (host[0] == '\0')
		host = http_request_host(addr,
		    ask->tls ? HTTPS_PORT : HTTP_PORT, own, sizeof(own));
	return (size_t)snprintf(buf, size,
	    "%s %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n%s%s\r\n",
	    ask->method, ask->path, host,
	    has_field(ask->headers, "User-Agent") ? "" : "User-Agent: lb4\r\n",
	    sends_a_body(ask->method) ? "Content-Length: 0\r\n" : "",
	    ask->headers);
}
