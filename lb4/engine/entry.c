/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Who may come in: see entry.h.  Called by listener.c. */
#include "lb4/engine/entry.h"

#include <stddef.h>
#include <unistd.h>

#include "common/sock.h"
#include "lb4/config/access_rules.h"
#include "lb4/engine/access_lines.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/types.h"
#include "lb4/model/rule_count.h"

const struct access_prefix *
entry_judge(const struct service *service, const struct endpoint *client)
{
	const struct access_prefix *prefix = access_rules_judge(service->access,
	    client);

	if (prefix == NULL)
		return NULL;
	(void)atomic_fetch_add_explicit(&service->rule_count[prefix->rule]
					     ->clients,
	    1, memory_order_relaxed);
	return service->access->rule[prefix->rule].deny ? prefix : NULL;
}

bool
entry_admits(struct worker *worker, const struct service *service, int fd,
    const struct endpoint *client)
{
	struct service_stats *stats = &service->state->stats[worker->index];

	if (service->access == NULL || service_expects_header(service) ||
	    entry_judge(service, client) == NULL)
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
