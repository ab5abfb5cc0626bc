/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Addresses, as the configuration writes them and as sockets need them.
 *
 *	192.0.2.1:80   [2001:db8::1]:80   [fe80::1%eth0]:80   :80
 *	unix:/run/app.sock   unix:@abstract
 *
 * struct addr is large enough for all of them; listeners and backends use it.
 * struct endpoint is the small form that a conn keeps of its client.
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct addr {
	socklen_t len; /* of the valid part of the union; 0: unset */
	bool dual;     /* ":80": the IPv6 wildcard, for IPv4 too */
	/* Of a port in a range to listen on: how many follow in the range, each
	 * with an address of its own.  No part of the address: addr_equal() and
	 * addr_format() leave it out. */
	uint16_t ahead;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

/* The longest path of a unix socket, or name of an abstract one with its '@',
 * that is accepted anywhere (unix(7)). */
#define ADDR_UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* Longest text that addr_format() makes, with its end: "unix:" and a path. */
#define ADDR_TEXT_MAX (sizeof("unix:") + ADDR_UNIX_PATH_MAX + 1)

/* The address of a client, in 20 bytes.  IPv4 is stored mapped to IPv6
 * (::ffff:a.b.c.d), so that a client has the same hash on either listener. */
struct endpoint {
	uint8_t ip[16];
	uint16_t port;	/* host byte order */
	uint8_t family; /* AF_INET, AF_INET6 or AF_UNIX (no address) */
	uint8_t zero;
};

/* Longest text that endpoint_format() makes, with its end. */
#define ENDPOINT_TEXT_MAX \
	sizeof("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535")

enum addr_port {
	ADDR_PORT_REQUIRED, /* "1.2.3.4" alone is refused */
	ADDR_PORT_OPTIONAL, /* port 0 when left out */
};

/*
 * Reads `text` into `out`.  An empty host (":80") means every address, both
 * families: the IPv6 wildcard, to be opened without IPV6_V6ONLY, whereas "[::]"
 * is IPv6 alone.  Host names, URLs and relative paths are refused.  Returns 0,
 * or -EINVAL with `why` (if not NULL) pointing at a constant sentence such as
 * "port must be 0 to 65535"; `out` is then unset.
 */
int addr_parse(struct addr *out, const char *text, enum addr_port port,
    const char **why);

/*
 * The same for an address to listen on, whose port may be a range: ":80-89".
 * `out` is then the first address of the range, with `ahead` set.  A port is
 * required.
 */
int addr_parse_range(struct addr *out, const char *text, const char **why);

/* Writes the text that addr_parse() reads back, "" for an unset address, cut if
 * it does not fit `size`.  Returns `buf`. */
const char *addr_format(const struct addr *addr, char *buf, size_t size);

/* The same with the ports ahead: ":80-89". */
const char *addr_format_range(const struct addr *addr, char *buf, size_t size);

/* The port in host byte order; 0 for unix sockets. */
uint16_t addr_port(const struct addr *addr);

/* Sets the port; does nothing to a unix address. */
void addr_set_port(struct addr *addr, uint16_t port);

/* Same family, address, port, zone and reach (":80" is not "[::]:80"). */
bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_is_unix(const struct addr *addr);

/*
 * An address that is only a name: a listening socket that the service manager
 * passes to lb4.  It is written "fd:NAME".  addr_parse() refuses it, because
 * nothing can connect to it.  A name is 1 to 107 printable ASCII characters,
 * without spaces and colons.  Returns 0, or -EINVAL with `out` unset.
 */
#define ADDR_INHERITED_PREFIX "fd:"
int addr_set_inherited(struct addr *out, const char *name);
bool addr_is_inherited(const struct addr *addr);

/* Whether only this machine can reach it: 127.0.0.0/8, ::1, a unix socket. */
bool addr_is_local(const struct addr *addr);

/* True for 0.0.0.0 and ::. */
bool addr_is_wildcard(const struct addr *addr);

/* Whether a connection to `b` would reach `a` if `b` did not exist: both have
 * the same address, or `a` is a wildcard on the same port.  Never true for unix
 * sockets and for port 0. */
bool addr_covers(const struct addr *a, const struct addr *b);

/* The small form of a socket address as accept4(2) or getpeername(2) returns
 * it.  An IPv4-mapped address becomes AF_INET; an address that is not IP
 * becomes AF_UNIX. */
void endpoint_from_sockaddr(struct endpoint *out, const struct sockaddr *sa,
    socklen_t len);

/* The small form of an address as it stands in a packet: 4 bytes for AF_INET,
 * 16 for AF_INET6; an IPv4-mapped address becomes AF_INET.  `port` is in host
 * byte order. */
void endpoint_from_ip(struct endpoint *out, int family, const void *ip,
    uint16_t port);

/* The 4 bytes of an IPv4 address; the endpoint is AF_INET. */
static inline const uint8_t *
endpoint_ipv4(const struct endpoint *ep)
{
	return ep->ip + sizeof(ep->ip) - sizeof(struct in_addr);
}

/* The socket address of an endpoint that has one: not of AF_UNIX. */
void endpoint_to_addr(const struct endpoint *ep, struct addr *out);

/* The address without a port, and without brackets: 192.0.2.1, 2001:db8::1;
 * "unix" for none.  `size` is INET6_ADDRSTRLEN or more.  Returns `buf`. */
const char *endpoint_format_ip(const struct endpoint *ep, char *buf,
    size_t size);

/* "192.0.2.1:80", "[2001:db8::1]:80" or "unix"; an IPv4-mapped address is
 * written as IPv4.  Returns `buf`. */
const char *endpoint_format(const struct endpoint *ep, char *buf, size_t size);

#endif
