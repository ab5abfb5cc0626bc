/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Orders to close conns: see order.h. */
#include "lb4/control/order.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/plural.h"
#include "common/timer.h"
#include "lb4/control/running.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/model/backend.h"

static const char *const kind_names[] = {
	[ORDER_DRAIN] = "drain",
	[ORDER_REBALANCE] = "rebalance",
	[ORDER_ON_DOWN] = "on-down",
	[ORDER_NODE] = "node",
	[ORDER_STOP] = "stop",
};

struct order *
order_new(struct orders *orders, enum order_kind kind, const char *service,
    unsigned rate, uint64_t deadline_ms)
{
	static const enum reason idle[] = {
		[ORDER_DRAIN] = REASON_DRAINED,
		[ORDER_REBALANCE] = REASON_REBALANCED,
		[ORDER_ON_DOWN] = REASON_DOWN,
		[ORDER_NODE] = REASON_DRAINED,
		[ORDER_STOP] = REASON_STOPPED,
	};
	static const enum reason busy[] = {
		[ORDER_DRAIN] = REASON_DRAINED_CUT,
		[ORDER_REBALANCE] = REASON_REBALANCED, /* never */
		[ORDER_ON_DOWN] = REASON_DOWN_CUT,
		[ORDER_NODE] = REASON_DRAINED_CUT,
		[ORDER_STOP] = REASON_KILLED, /* never */
	};
	struct order *order = calloc(1, sizeof(*order));

	if (order == NULL)
		return NULL;
	order->kind = kind;
	memcpy(order->service, service, strlen(service) + 1);
	order->rate = rate;
	order->deadline_ms = deadline_ms;
	order->found_ms = timer_now_ms();
	order->piece.idle_reason = idle[kind];
	order->piece.busy_reason = busy[kind];
	order->piece.walk.reply = orders->replies;
	order_begin_round(order, CLOSING_NONE);
	LIST_INSERT_HEAD(&orders->list, order, entry);
	return order;
}

void
order_set_backend(struct order *order, const struct backend *backend)
{
	order->piece.backend = backend->id;
	memcpy(order->backend, backend->name, sizeof(order->backend));
}

struct order *
order_find(const struct orders *orders, enum order_kind kind, uint32_t backend)
{
	struct order *order;

	LIST_FOREACH(order, &orders->list, entry)
		if (order->kind == kind && order->piece.backend == backend &&
		    !order->over)
			return order;
	return NULL;
}

void
order_begin_round(struct order *order, uint64_t quiet_ms)
{
	order->piece.walk.worker = 0;
	order->piece.walk.cursor = 0;
	order->piece.quiet_ms = quiet_ms;
	order->round_closed = 0;
	order->round_quietest_ms = 0;
}

void
order_tell(const struct orders *orders, const struct order *order,
    const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_notice("%s%s%s%s%s: %s", order->service,
	    order->backend[0] != '\0' ? "/" : "", order->backend,
	    order->service[0] != '\0' ? ": " : "", kind_names[order->kind],
	    text);
	events_tell(&orders->running->events,
	    &(struct event){
		.kind = kind_names[order->kind],
		.service = order->service[0] != '\0' ? order->service : NULL,
		.backend = order->backend[0] != '\0' ? order->backend : NULL,
	    },
	    "%s", text);
}

void
order_end(const struct orders *orders, struct order *order, const char *why)
{
	order->over = true;
	/* such an order begins whenever a backend goes down */
	if (order->piece.stuck && order->closed == 0)
		return;
	order_tell(orders, order,
	    "%s, %" PRIu64 " conn%s closed, %" PRIu64 " of them cut", why,
	    order->closed, plural(order->closed), order->busy);
}
