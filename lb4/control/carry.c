/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What control carries over an upgrade: see carry.h. */
#include "lb4/control/carry.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/plural.h"
#include "lb4/config/settings.h"
#include "lb4/control/closer.h"
#include "lb4/control/order.h"
#include "lb4/control/running.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/handover/receive.h"
#include "lb4/handover/send.h"
#include "lb4/model/backend.h"

/* ---- the old process ----------------------------------------------------- */

static void
describe(const struct order *order, struct handover_order *record)
{
	*record = (struct handover_order){
		.kind = order->kind,
		.backend = order->piece.backend,
		.rate = order->rate,
		.deadline_ms = order->deadline_ms,
		.next_ms = order->next_ms,
		.closed = order->closed,
		.cut = order->busy,
		.busy = order->piece.busy,
		.found_ms = order->found_ms,
		.threshold = (uint64_t)(order->threshold * 1000 + 0.5),
		.conns = order->conns,
		.most = order->most,
		.settled_ms = order->settled_ms,
	};
	(void)strlcpy(record->service, order->service, sizeof(record->service));
}

static void
give_orders(const struct orders *orders, struct send_setup *setup)
{
	const struct order *order;
	size_t count = 0;

	LIST_FOREACH(order, &orders->list, entry)
		count++;
	setup->order = calloc(count + 1, sizeof(*setup->order));
	if (setup->order == NULL)
		return;
	LIST_FOREACH(order, &orders->list, entry)
		/* the new process finds those with on-down = stuck itself: an
		 * older one would close idle conns instead */
		if (!order->over && !order->piece.stuck)
			describe(order, &setup->order[setup->orders++]);
}

static void
describe_srv(const struct config_service *service,
    const struct config_backend *backend, struct handover_srv *record)
{
	record->weight = backend->srv_weight;
	record->backup = backend->backup;
	(void)strlcpy(record->service, service->name, sizeof(record->service));
	(void)strlcpy(record->name, backend->name, sizeof(record->name));
	(void)addr_format(&backend->addr, record->addr, sizeof(record->addr));
}

/* Those of SRV records: nothing else in the file or in the table tells their
 * weights and ranks. */
static void
give_srvs(const struct config *config, struct send_setup *setup)
{
	size_t most = 0;

	for (size_t i = 0; i < config->services; i++)
		if (config->service[i].hosts > 0)
			most += config->service[i].backends;
	setup->srv = calloc(most + 1, sizeof(*setup->srv));
	if (setup->srv == NULL)
		return;
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		for (size_t j = 0; j < service->backends; j++)
			if (service->backend[j].of_srv &&
			    service->backend[j].addr.len > 0)
				describe_srv(service, &service->backend[j],
				    &setup->srv[setup->srvs++]);
	}
}

/* What its lines with names ask for: a file that asks for others does not take
 * their answers. */
static void
give_names(const struct config *config, struct send_setup *setup)
{
	size_t lines = 0;

	for (size_t i = 0; i < config->services; i++)
		lines += config->service[i].hosts;
	setup->name = calloc(lines + 1, sizeof(*setup->name));
	if (setup->name == NULL)
		return;
	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		for (size_t j = 0; j < service->hosts; j++) {
			struct handover_name *record =
			    &setup->name[setup->names++];

			(void)strlcpy(record->service, service->name,
			    sizeof(record->service));
			(void)strlcpy(record->line, service->host[j].line.name,
			    sizeof(record->line));
			(void)strlcpy(record->host, service->host[j].host,
			    sizeof(record->host));
		}
	}
	setup->hello.tells_names = 1;
}

void
carry_give(const struct running *running, struct send_setup *setup)
{
	setup->hello.began_ms = running->began_ms;
	setup->hello.node_drained = atomic_load(&running->node_drained);
	setup->hello.node_deadline_ms = atomic_load(&running->node_deadline_ms);
	give_orders(closer_orders(running->closer), setup);
	give_srvs(running->config, setup);
	give_names(running->config, setup);
}

/* ---- the new process ----------------------------------------------------- */

static void
take_order(struct orders *orders, const struct receive *receive,
    const struct handover_order *record)
{
	const struct backend *backend = receive_backend_of(receive,
	    record->backend);
	const bool one = record->kind == ORDER_DRAIN ||
	    record->kind == ORDER_ON_DOWN;
	struct order *order;

	if (record->kind >= ORDER_STOP || record->rate == 0 ||
	    record->rate > CLOSER_RATE_MAX || (one && backend == NULL))
		return; /* of a newer version, or of a backend without conns */
	order = order_new(orders, (enum order_kind)record->kind,
	    record->service, (unsigned)record->rate, record->deadline_ms);
	if (order == NULL) {
		log_error("no memory: conns are closed no further");
		return;
	}
	if (one)
		order_set_backend(order, backend);
	order->next_ms = record->next_ms;
	order->closed = record->closed;
	order->busy = record->cut;
	order->piece.busy = record->busy != 0;
	order->found_ms = record->found_ms;
	order->threshold = (double)record->threshold / 1000;
	order->conns = record->conns;
	order->most = record->most;
	order->settled_ms = record->settled_ms;
	if (order->piece.busy)
		order_begin_round(order, CONN_QUIET_MS);
	order_tell(orders, order,
	    "goes on in this process, %u/s, %" PRIu64 " conn%s closed so far",
	    order->rate, order->closed, plural(order->closed));
}

void
carry_take(struct running *running, const struct receive *receive)
{
	const struct handover_hello *hello;
	const struct handover_order *record;

	if (receive == NULL)
		return;
	hello = receive_hello(receive);
	running->began_ms = hello->began_ms;
	atomic_store(&running->node_deadline_ms, hello->node_deadline_ms);
	atomic_store(&running->node_drained, hello->node_drained != 0);
	/* each becomes the first in the list */
	for (size_t i = receive_orders(receive); i-- > 0;) {
		record = receive_order(receive, i);
		take_order(closer_orders(running->closer), receive, record);
	}
	events_tell(&running->events, &(struct event){ .kind = EVENTS_UPGRADE },
	    "done: process %ld", (long)getpid());
}
