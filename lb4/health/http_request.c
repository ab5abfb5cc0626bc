/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The HTTP request of a check: see http_request.h.
 */
#include "lb4/health/http_request.h"

#include <stdio.h>
#include <string.h>

#define HTTP_PORT 80

const char *
http_request_host(const struct addr *addr, char *buf, size_t size)
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
	if (addr_port(&plain) == HTTP_PORT && port != NULL)
		*port = '\0';
	return buf;
}

size_t
http_request_write(const struct http_ask *ask, const char *host,
    const struct addr *addr, char *buf, size_t size)
{
	char own[HTTP_HOST_MAX];

	return (size_t)snprintf(buf, size,
	    "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: lb4\r\n"
	    "Connection: close\r\n\r\n",
	    ask->method, ask->path,
	    host[0] != '\0' ? host : http_request_host(addr, own, sizeof(own)));
}
