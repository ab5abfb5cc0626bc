/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Addresses of this host: see here.h. */
#include "common/here.h"

#include <string.h>
#include <unistd.h>

#include "common/proc.h"

/* bind(2) can tell our addresses from others only if this is off (ip(7)). */
static bool
binds_anything(sa_family_t family)
{
	return proc_sysctl("",
		   family == AF_INET ? "net/ipv4/ip_nonlocal_bind"
				     : "net/ipv6/ip_nonlocal_bind",
		   0) > 0;
}

static bool
can_bind(int fd, struct addr addr)
{
	addr_set_port(&addr, 0);
	return bind(fd, &addr.sa, addr.len) == 0;
}

/* A connection of a host with itself has the same address at both ends, except
 * for a secondary address. */
static bool
is_source_too(int fd, struct addr addr)
{
	struct addr mine = { .len = sizeof(mine.in6) };

	addr_set_port(&addr, 1);
	if (connect(fd, &addr.sa, addr.len) < 0 ||
	    getsockname(fd, &mine.sa, &mine.len) < 0)
		return false;
	addr_set_port(&mine, 1);
	return addr_equal(&mine, &addr);
}

bool
here_has(const struct addr *addr)
{
	const sa_family_t family = addr->sa.sa_family;
	bool here;
	int fd;

	if (addr->len == 0 || (family != AF_INET && family != AF_INET6))
		return false;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	here = binds_anything(family) ? is_source_too(fd, *addr)
				      : can_bind(fd, *addr);
	(void)close(fd);
	return here;
}
