/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Who may come in: see entry.h.  Called by listener.c. */
#include "lb4/engine/entry.h"

#include <stddef.h>
#include <unistd.h>

#include "common/sock.h"
#include "lb4/engine/access_lines.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/types.h"
#include "lb4/model/service.h"

bool
entry_admits(struct worker *worker, const struct service *service, int fd,
    const struct endpoint *client)
{
	struct service_stats *stats = &service->state->stats[worker->index];

	if (service->access == NULL || service_expects_header(service) ||
	    service_admits(service, client))
		return true;
	sock_reset_on_close(fd);
	(void)close(fd);
	conn_count(&stats->accepted, 1);
	conn_count(&stats->closed, 1);
	conn_count(&stats->failed, 1);
	conn_count(&stats->closes[REASON_ACCESS], 1);
	access_lines_refused(worker, service, client);
	return false;
}
