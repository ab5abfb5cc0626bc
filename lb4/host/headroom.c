/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Local ports of a backend's conns: see headroom.h. */
#include "lb4/host/headroom.h"

#include <stdatomic.h>

#include "common/addr.h"
#include "lb4/config/settings.h"
#include "lb4/host/host.h"
#include "lb4/model/backend.h"

/* The kernel intersects the two ranges (inet_sk_get_local_port_range in
 * net/ipv4/inet_connection_sock.c). */
static unsigned
ports_of_address(const struct config_source *source, const struct host *host)
{
	if (source->port_high == 0)
		return host_count_ports(host);
	return host_count_ports_in(host, (uint16_t)source->port_low,
	    (uint16_t)source->port_high);
}

bool
headroom_read(const struct backend *backend, const struct config_source *source,
    const struct host *host, struct headroom *headroom)
{
	unsigned addresses = source->count == 0 ? 1 : 0;

	if (addr_is_unix(&backend->addr) || source->client ||
	    host->port_low == 0)
		return false;
	for (unsigned i = 0; i < source->count; i++)
		if (source->address[i].family == backend->addr.sa.sa_family)
			addresses++;
	headroom->ports = (uint64_t)addresses * ports_of_address(source, host);
	headroom->used = 0;
	if (source->count == 0)
		headroom->used = backend_active(backend);
	for (int i = 0; i < BACKEND_SOURCES_MAX && source->count > 0; i++)
		headroom->used += atomic_load_explicit(&backend->from[i],
		    memory_order_relaxed);
	return true;
}
