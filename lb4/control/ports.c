/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Warns before local ports run out: see ports.h.  Called by control.c. */
#include "lb4/control/ports.h"

#include <inttypes.h>
#include <stddef.h>

#include "common/log.h"
#include "lb4/control/running.h"
#include "lb4/host/headroom.h"
#include "lb4/host/host.h"
#include "lb4/table/table.h"

#define WARN_PERCENT 80
#define OVER_PERCENT 70

static void
look_at(const struct service *service, struct backend *backend,
    const struct host *host)
{
	const struct config_source *source = &service->settings.source;
	char text[ADDR_TEXT_MAX];
	struct headroom room;

	if (!headroom_read(backend, source, host, &room))
		return;
	if (!backend->ports_low &&
	    room.used * 100 >= room.ports * WARN_PERCENT) {
		backend->ports_low = true;
		log_warning("%s/%s: %" PRIu64 " of the %" PRIu64
			    " local ports to connect to %s are in use: give "
			    "the service more addresses with source, widen "
			    "net.ipv4.ip_local_port_range, or add backends",
		    backend->service, backend->name, room.used, room.ports,
		    addr_format(&backend->addr, text, sizeof(text)));
	} else if (backend->ports_low &&
	    room.used * 100 < room.ports * OVER_PERCENT) {
		backend->ports_low = false;
		log_notice("%s/%s: only %" PRIu64 " of the %" PRIu64
			   " local ports are in use again",
		    backend->service, backend->name, room.used, room.ports);
	}
}

void
ports_look(const struct running *running)
{
	const struct table *table = table_current(running->tables);
	struct host host = { .port_low = 0 };

	host_read_ports(&host, "");
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		for (size_t i = 0; service != NULL && i < service->backends;
		     i++)
			look_at(service, service->backend[i].backend, &host);
	}
}
