/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How many local ports a backend's conns have, and use.  A connection has a
 * local address and port of its own among all to the same address and port
 * (RFC 9293, section 3.3.1).
 */
#ifndef LB4_HOST_HEADROOM_H
#define LB4_HOST_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

struct backend;
struct config_source;
struct host;

struct headroom {
	uint64_t ports; /* of all addresses to connect from */
	uint64_t used;	/* by conns of lb4; TIME_WAIT is not counted */
};

/* Whether the conns of `backend`, which belongs to a service with that source,
 * have a limit of ports at all: not those to a unix socket, nor those from
 * clients' own addresses.  `host` has the ports that host_read_ports() reads.
 * From any thread. */
bool headroom_read(const struct backend *backend,
    const struct config_source *source, const struct host *host,
    struct headroom *headroom);

#endif
