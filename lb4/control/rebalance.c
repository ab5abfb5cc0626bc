/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Computes surpluses and aims the order: see rebalance.h. */
#include "lb4/control/rebalance.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "lb4/control/find.h"
#include "lb4/control/order.h"
#include "lb4/control/running.h"
#include "lb4/table/table.h"

/* Rebalancing is over when no backend had a surplus for this long: clients may
 * reconnect to any backend. */
#define SETTLE_MS 2000

/* A policy may send clients back to the same backend.  Rebalancing gives up
 * after it has closed TIMES_MAX times the surplus, and FEW more. */
#define TIMES_MAX 4
#define FEW 16

uint64_t
rebalance_allowance(uint64_t conns, uint64_t weight, uint64_t weights,
    double threshold)
{
	uint64_t share = (conns * weight + weights - 1) / weights;
	double most = threshold * (double)conns * (double)weight /
	    (double)weights;

	return (uint64_t)most > share ? (uint64_t)most : share;
}

/* Whether the backend takes part in the distribution. */
static bool
takes_part(const struct service_backend *entry)
{
	return entry->set != SET_BACKUP && service_backend_takes(entry);
}

static uint64_t
sum_weights(const struct service *service)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service->backends; i++)
		if (takes_part(&service->backend[i]))
			sum += service_backend_weight(&service->backend[i]);
	return sum;
}

static uint64_t
sum_conns(const struct service *service)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service->backends; i++)
		if (takes_part(&service->backend[i]))
			sum += backend_active(service->backend[i].backend);
	return sum;
}

/* The backend's surplus when `conns` are to be distributed. */
static uint64_t
surplus_of(const struct service *service, const struct service_backend *entry,
    uint64_t conns, double threshold)
{
	uint64_t has = backend_active(entry->backend), may;
	uint64_t weights = sum_weights(service);

	/* health may have changed: no backend may be left */
	if (!takes_part(entry) || weights == 0)
		return 0;
	may = rebalance_allowance(conns, service_backend_weight(entry), weights,
	    threshold);
	return has > may ? has - may : 0;
}

bool
rebalance_begin(struct orders *orders, const struct service *service,
    const struct rebalance *asked, uint64_t *surplus)
{
	const char *name = service->state->name;
	struct order *order;

	*surplus = 0;
	LIST_FOREACH(order, &orders->list, entry)
		if (order->kind == ORDER_REBALANCE && !order->over &&
		    strcmp(order->service, name) == 0)
			order_end(orders, order, "ended");
	for (size_t i = 0; i < service->backends; i++)
		*surplus += surplus_of(service, &service->backend[i],
		    sum_conns(service), asked->threshold);
	if (*surplus == 0)
		return true;
	order = order_new(orders, ORDER_REBALANCE, name, asked->rate,
	    asked->deadline_ms);
	if (order == NULL)
		return false;
	order->threshold = asked->threshold;
	order->most = TIMES_MAX * *surplus + FEW;
	order_tell(orders, order, "%" PRIu64 " conn%s too many, %u/s", *surplus,
	    *surplus == 1 ? " is" : "s are", asked->rate);
	return true;
}

/* Returns the backend whose conns to close now, and its surplus; NULL: no
 * backend has one.  The order stays with its backend as long as that has a
 * surplus and idle conns; then the next backend follows. */
static const struct backend *
find_overloaded(const struct order *order, const struct service *service,
    uint64_t *surplus)
{
	size_t at = 0;

	while (at < service->backends &&
	    service->backend[at].backend->id != order->piece.backend)
		at++;
	if (at < service->backends && order->nothing)
		at++;
	for (size_t n = 0; n < service->backends; n++) {
		const struct service_backend *entry =
		    &service->backend[(at + n) % service->backends];

		*surplus = surplus_of(service, entry, order->conns,
		    order->threshold);
		if (*surplus > 0)
			return entry->backend;
	}
	return NULL;
}

/* No backend has a surplus now; the order is over if that lasts. */
static void
settle(const struct orders *orders, struct order *order, uint64_t now_ms)
{
	if (order->settled_ms == 0)
		order->settled_ms = now_ms;
	if (now_ms - order->settled_ms >= SETTLE_MS)
		order_end(orders, order, "done");
	else
		order->next_ms = now_ms + ORDER_PAUSE_MS;
}

uint64_t
rebalance_aim(const struct orders *orders, struct order *order, uint64_t now_ms)
{
	const struct service *service = find_service(orders->running->tables,
	    order->service);
	const struct backend *backend;
	uint64_t surplus = 0;

	if (service == NULL) {
		order_end(orders, order, "the service was removed");
	} else if (order->deadline_ms <= now_ms) {
		order_end(orders, order, "the deadline has passed");
	} else if (order->closed >= order->most) {
		order_end(orders, order,
		    "given up, clients come back to the same backends");
	}
	if (service == NULL || order->over)
		return 0;
	if (sum_conns(service) > order->conns)
		order->conns = sum_conns(service);
	backend = find_overloaded(order, service, &surplus);
	if (backend == NULL) {
		settle(orders, order, now_ms);
		return 0;
	}
	order->settled_ms = 0;
	order->nothing = false;
	if (backend->id != order->piece.backend) {
		order->piece.backend = backend->id;
		order_begin_round(order, CLOSING_NONE);
	}
	return surplus;
}
