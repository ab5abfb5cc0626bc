/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Addresses: text to struct addr and back, for the configuration, the control
 * socket and the logs.
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_PREFIX "unix:"
#define UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

/* Long enough for an IPv6 address with its zone. */
#define HOST_MAX (INET6_ADDRSTRLEN + IF_NAMESIZE + 1)

/* Each parser returns NULL, or a sentence that says what is wrong. */

static const char *
parse_unix(struct addr *out, const char *path)
{
	size_t len = strlen(path);

	if (len == 0 || strcmp(path, "@") == 0)
		return "the unix socket's path is empty";
	if (path[0] != '/' && path[0] != '@')
		return "the unix socket's path is relative; begin it with /";
	static_assert(ADDR_UNIX_PATH_MAX == 107, "what is said below");
	if (len > ADDR_UNIX_PATH_MAX)
		return "the unix socket's path is too long (107 bytes at most)";
	out->un.sun_family = AF_UNIX;
	memcpy(out->un.sun_path, path, len + 1);
	out->len = (socklen_t)(UNIX_PATH_OFFSET + len + 1);
	if (path[0] == '@') {
		/* Abstract: a NUL in front and none behind (unix(7)). */
		out->un.sun_path[0] = '\0';
		out->len--;
	}
	return NULL;
}

static const char *
parse_port(uint16_t *port, const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value;

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return "port must be 0 to 65535";
	value = strtoul(text, NULL, 10);
	if (value > 65535)
		return "port must be 0 to 65535";
	*port = (uint16_t)value;
	return NULL;
}

static const char *
parse_zone(struct addr *out, const char *zone)
{
	unsigned index;

	if (!IN6_IS_ADDR_LINKLOCAL(&out->in6.sin6_addr))
		return "only a link-local address (fe80::) has a zone";
	index = if_nametoindex(zone);
	if (index == 0)
		return "the zone is not a network interface";
	out->in6.sin6_scope_id = index;
	return NULL;
}

static const char *
parse_ipv6(struct addr *out, char *host)
{
	char *zone = strchr(host, '%');

	if (zone != NULL)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, host, &out->in6.sin6_addr) != 1)
		return "not an IPv6 address";
	out->in6.sin6_family = AF_INET6;
	out->len = sizeof(out->in6);
	return zone != NULL ? parse_zone(out, zone) : NULL;
}

static const char *
parse_ipv4(struct addr *out, const char *host)
{
	if (inet_pton(AF_INET, host, &out->in.sin_addr) == 1) {
		out->in.sin_family = AF_INET;
		out->len = sizeof(out->in);
		return NULL;
	}
	if (host[strspn(host, "0123456789.")] == '\0')
		return "not an IPv4 address";
	return "host names are not supported; write an IP address";
}

static void
set_dual(struct addr *out)
{
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_addr = in6addr_any;
	out->len = sizeof(out->in6);
	out->dual = true;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in two: *host_len bytes at *host, and the
 * text after the colon, NULL when there is none. */
static const char *
split_port(const char *text, const char **host, size_t *host_len,
    const char **port)
{
	const char *end;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL)
			return "the bracket is not closed";
		*host = text + 1;
		*host_len = (size_t)(end - *host);
		end++;
		if (*end != '\0' && *end != ':')
			return "only a port may follow the bracket";
	} else {
		end = text + strcspn(text, ":");
		*host = text;
		*host_len = (size_t)(end - text);
		if (*end == ':' && strchr(end + 1, ':') != NULL)
			return "an IPv6 address needs brackets, as in [::1]:80";
	}
	*port = *end == ':' ? end + 1 : NULL;
	return NULL;
}

static const char *
parse_ip(struct addr *out, const char *text, enum addr_port need)
{
	char host_text[HOST_MAX];
	const char *host;
	const char *port_text;
	const char *why;
	size_t host_len;
	uint16_t port = 0;

	why = split_port(text, &host, &host_len, &port_text);
	if (why != NULL)
		return why;

	if (host_len >= sizeof(host_text))
		return "host names are not supported; write an IP address";
	memcpy(host_text, host, host_len);
	host_text[host_len] = '\0';
	if (text[0] == '[')
		why = parse_ipv6(out, host_text);
	else if (host_len > 0)
		why = parse_ipv4(out, host_text);
	else
		set_dual(out);
	if (why != NULL)
		return why;

	if (port_text == NULL && need == ADDR_PORT_REQUIRED)
		return "the port is missing";
	if (port_text != NULL)
		why = parse_port(&port, port_text);
	addr_set_port(out, port);
	return why;
}

int
addr_parse(struct addr *out, const char *text, enum addr_port port,
    const char **why)
{
	const char *wrong;

	memset(out, 0, sizeof(*out));
	if (text[0] == '\0')
		wrong = "the address is empty";
	else if (strstr(text, "://") != NULL)
		wrong = "a URL is no address; write only its host and port";
	else if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		wrong = parse_unix(out, text + strlen(UNIX_PREFIX));
	else
		wrong = parse_ip(out, text, port);
	if (wrong == NULL)
		return 0;
	memset(out, 0, sizeof(*out));
	if (why != NULL)
		*why = wrong;
	return -EINVAL;
}

/* Cuts ":80-89" after the 80, in `first`, and sets *end to the 89.  Returns
 * false for any other text. */
static bool
split_range(const char *text, char *first, size_t size, const char **end)
{
	const char *colon = strrchr(text, ':');
	const char *dash = colon != NULL ? strchr(colon, '-') : NULL;
	const size_t len = dash != NULL ? (size_t)(dash - text) : size;

	if (len >= size ||
	    strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0 ||
	    colon[1 + strspn(colon + 1, "0123456789-")] != '\0')
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	*end = dash + 1;
	return true;
}

int
addr_parse_range(struct addr *out, const char *text, const char **why)
{
	char first[HOST_MAX + sizeof("[]:65535")];
	const char *end, *wrong;
	uint16_t last = 0;
	int error;

	if (!split_range(text, first, sizeof(first), &end))
		return addr_parse(out, text, ADDR_PORT_REQUIRED, why);
	error = addr_parse(out, first, ADDR_PORT_REQUIRED, why);
	if (error < 0)
		return error;
	wrong = parse_port(&last, end);
	if (wrong == NULL && (addr_port(out) == 0 || last < addr_port(out)))
		wrong = "a range goes from a port above 0 up to a higher one, "
			"as in :80-89";
	out->ahead = (uint16_t)(last - addr_port(out));
	if (wrong == NULL)
		return 0;
	memset(out, 0, sizeof(*out));
	if (why != NULL)
		*why = wrong;
	return -EINVAL;
}

static void
format_unix(const struct addr *addr, char *buf, size_t size)
{
	const char *path = addr->un.sun_path;
	size_t len = addr->len - UNIX_PATH_OFFSET;

	if (len > 0 && path[0] == '\0')
		snprintf(buf, size, UNIX_PREFIX "@%.*s", (int)len - 1,
		    path + 1);
	else
		snprintf(buf, size, UNIX_PREFIX "%.*s", (int)len, path);
}

static void
format_ipv6(const struct sockaddr_in6 *in6, char *buf, size_t size)
{
	char host[INET6_ADDRSTRLEN];
	char zone[IF_NAMESIZE + 1] = "";

	inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
	if (in6->sin6_scope_id != 0) {
		zone[0] = '%';
		/* The interface no longer exists: use its number. */
		if (if_indextoname(in6->sin6_scope_id, zone + 1) == NULL)
			snprintf(zone, sizeof(zone), "%%%u",
			    in6->sin6_scope_id);
	}
	snprintf(buf, size, "[%s%s]:%u", host, zone, ntohs(in6->sin6_port));
}

const char *
addr_format(const struct addr *addr, char *buf, size_t size)
{
	char host[INET_ADDRSTRLEN];

	if (addr->len == 0)
		snprintf(buf, size, "%s", "");
	else if (addr_is_unix(addr))
		format_unix(addr, buf, size);
	else if (addr_is_inherited(addr))
		snprintf(buf, size, ADDR_INHERITED_PREFIX "%s",
		    addr->un.sun_path);
	else if (addr->dual)
		snprintf(buf, size, ":%u", addr_port(addr));
	else if (addr->sa.sa_family == AF_INET6)
		format_ipv6(&addr->in6, buf, size);
	else
		snprintf(buf, size, "%s:%u",
		    inet_ntop(AF_INET, &addr->in.sin_addr, host, sizeof(host)),
		    addr_port(addr));
	return buf;
}

const char *
addr_format_range(const struct addr *addr, char *buf, size_t size)
{
	size_t len;

	(void)addr_format(addr, buf, size);
	len = strlen(buf);
	if (addr->ahead > 0)
		snprintf(buf + len, size - len, "-%u",
		    (unsigned)addr_port(addr) + addr->ahead);
	return buf;
}

uint16_t
addr_port(const struct addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return ntohs(addr->in.sin_port);
	if (addr->sa.sa_family == AF_INET6)
		return ntohs(addr->in6.sin6_port);
	return 0;
}

void
addr_set_port(struct addr *addr, uint16_t port)
{
	if (addr->sa.sa_family == AF_INET)
		addr->in.sin_port = htons(port);
	else if (addr->sa.sa_family == AF_INET6)
		addr->in6.sin6_port = htons(port);
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->len != b->len || a->dual != b->dual)
		return false;
	if (a->len == 0)
		return true;
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
		    a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port &&
		    a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		    IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
	default:
		return memcmp(&a->un, &b->un, a->len) == 0;
	}
}

int
addr_set_inherited(struct addr *out, const char *name)
{
	const size_t len = strlen(name);

	memset(out, 0, sizeof(*out));
	if (len == 0 || len > ADDR_UNIX_PATH_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
			return -EINVAL;
	out->un.sun_family = AF_UNSPEC;
	memcpy(out->un.sun_path, name, len + 1);
	out->len = (socklen_t)(UNIX_PATH_OFFSET + len + 1);
	return 0;
}

bool
addr_is_inherited(const struct addr *addr)
{
	return addr->len > 0 && addr->sa.sa_family == AF_UNSPEC;
}

bool
addr_is_unix(const struct addr *addr)
{
	return addr->len > 0 && addr->sa.sa_family == AF_UNIX;
}

bool
addr_is_local(const struct addr *addr)
{
	static const uint8_t mapped[13] = { [10] = 0xff, 0xff, IN_LOOPBACKNET };

	switch (addr->sa.sa_family) {
	case AF_INET:
		return ntohl(addr->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return memcmp(&addr->in6.sin6_addr, mapped, sizeof(mapped)) ==
		    0 ||
		    IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
	default:
		return addr_is_unix(addr);
	}
}

bool
addr_is_wildcard(const struct addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return addr->in.sin_addr.s_addr == htonl(INADDR_ANY);
	if (addr->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
	return false;
}

/* Where the IPv4 address starts in an IPv4-mapped one (::ffff:a.b.c.d). */
#define MAPPED_OFFSET 12

static void
endpoint_set_ipv4(struct endpoint *out, const void *ip)
{
	out->family = AF_INET;
	out->ip[MAPPED_OFFSET - 2] = 0xff;
	out->ip[MAPPED_OFFSET - 1] = 0xff;
	memcpy(out->ip + MAPPED_OFFSET, ip, sizeof(struct in_addr));
}

bool
addr_covers(const struct addr *a, const struct addr *b)
{
	if (addr_port(a) == 0 || addr_port(a) != addr_port(b))
		return false;
	if (addr_equal(a, b))
		return true;
	if (!addr_is_wildcard(a))
		return false;
	if (a->dual)
		return true;
	if (b->dual || a->sa.sa_family != b->sa.sa_family)
		return false;
	/* [::] is opened for IPv6 alone */
	return b->sa.sa_family == AF_INET ||
	    !IN6_IS_ADDR_V4MAPPED(&b->in6.sin6_addr);
}

void
endpoint_from_ip(struct endpoint *out, int family, const void *ip,
    uint16_t port)
{
	struct in6_addr in6;

	memset(out, 0, sizeof(*out));
	out->port = port;
	if (family == AF_INET) {
		endpoint_set_ipv4(out, ip);
		return;
	}
	memcpy(&in6, ip, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		endpoint_set_ipv4(out, in6.s6_addr + MAPPED_OFFSET);
	} else {
		out->family = AF_INET6;
		memcpy(out->ip, &in6, sizeof(out->ip));
	}
}

void
endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr *sa,
    socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(out, 0, sizeof(*out));
	out->family = AF_UNIX;
	if (len >= sizeof(in) && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		endpoint_from_ip(out, AF_INET, &in.sin_addr,
		    ntohs(in.sin_port));
	} else if (len >= sizeof(in6) && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		endpoint_from_ip(out, AF_INET6, &in6.sin6_addr,
		    ntohs(in6.sin6_port));
	}
}

void
endpoint_to_addr(const struct endpoint *ep, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (ep->family == AF_INET) {
		out->len = sizeof(out->in);
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(ep->port);
		memcpy(&out->in.sin_addr, ep->ip + MAPPED_OFFSET,
		    sizeof(out->in.sin_addr));
	} else if (ep->family == AF_INET6) {
		out->len = sizeof(out->in6);
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(ep->port);
		memcpy(&out->in6.sin6_addr, ep->ip, sizeof(out->in6.sin6_addr));
	}
}

const char *
endpoint_format_ip(const struct endpoint *ep, char *buf, size_t size)
{
	if (ep->family == AF_INET)
		inet_ntop(AF_INET, ep->ip + MAPPED_OFFSET, buf,
		    (socklen_t)size);
	else if (ep->family == AF_INET6)
		inet_ntop(AF_INET6, ep->ip, buf, (socklen_t)size);
	else
		snprintf(buf, size, "unix");
	return buf;
}

const char *
endpoint_format(const struct endpoint *ep, char *buf, size_t size)
{
	char host[INET6_ADDRSTRLEN];

	(void)endpoint_format_ip(ep, host, sizeof(host));
	switch (ep->family) {
	case AF_INET:
		snprintf(buf, size, "%s:%u", host, ep->port);
		break;
	case AF_INET6:
		snprintf(buf, size, "[%s]:%u", host, ep->port);
		break;
	default:
		snprintf(buf, size, "%s", host);
		break;
	}
	return buf;
}
