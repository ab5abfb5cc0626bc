/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Runs the orders to close conns at their pace: see closer.h. */
#include "lb4/control/closer.h"

#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mailbox.h"
#include "common/plural.h"
#include "common/timer.h"
#include "lb4/control/find.h"
#include "lb4/control/order.h"
#include "lb4/control/rebalance.h"
#include "lb4/control/running.h"
#include "lb4/engine/closing.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/engine/engine.h"
#include "lb4/table/table.h"

#define PIECES_MAX 256	/* with workers at a time: the mailbox never fills */
#define PIECES_PER_S 50 /* of one order, at a higher rate than this */
#define RETRY_MS 5	/* when a worker's mailbox was full */
#define LOOK_MS 200	/* at the health of backends with on-down */
#define CALM_MS 1000	/* ... with on-down = stuck, while all are up */

/* With on-down = all, busy conns are closed after no idle one was found for
 * this long.  A conn that was busy when its backend went down has had time to
 * become idle. */
#define BUSY_AFTER_MS (2 * CONN_QUIET_MS)

struct closer {
	struct mailbox replies; /* struct closing *, from the workers */
	unsigned out;		/* pieces that workers have */
	bool paused;
	uint64_t generation; /* of the table last looked at */
	bool watches;	     /* a service of it has on-down */
	uint64_t look_ms;    /* the next look at health */
	struct orders orders;
};

struct closer *
closer_new(const struct running *running)
{
	struct closer *closer = calloc(1, sizeof(*closer));

	if (closer == NULL)
		return NULL;
	closer->orders.running = running;
	closer->orders.replies = &closer->replies;
	LIST_INIT(&closer->orders.list);
	if (mailbox_init(&closer->replies, PIECES_MAX,
		sizeof(struct closing *)) == 0)
		return closer;
	free(closer);
	return NULL;
}

void
closer_free(struct closer *closer)
{
	struct order *order;

	if (closer == NULL)
		return;
	while ((order = LIST_FIRST(&closer->orders.list)) != NULL) {
		LIST_REMOVE(order, entry);
		free(order);
	}
	mailbox_done(&closer->replies);
	free(closer);
}

int
closer_fd(const struct closer *closer)
{
	return closer->replies.fd;
}

static struct tables *
tables_of(const struct closer *closer)
{
	return closer->orders.running->tables;
}

/* ---- orders -------------------------------------------------------------- */

void
closer_undrain(struct closer *closer, const struct backend *backend)
{
	struct order *order = order_find(&closer->orders, ORDER_DRAIN,
	    backend->id);

	if (order != NULL)
		order_end(&closer->orders, order, "ended");
}

bool
closer_drain(struct closer *closer, const struct backend *backend,
    unsigned rate, uint64_t deadline_ms)
{
	struct order *before = order_find(&closer->orders, ORDER_DRAIN,
	    backend->id);
	struct order *order = order_new(&closer->orders, ORDER_DRAIN,
	    backend->service, rate, deadline_ms);

	if (order == NULL)
		return false;
	if (before != NULL)
		order_end(&closer->orders, before, "ended");
	order_set_backend(order, backend);
	order_tell(&closer->orders, order, "closing idle conns, %u/s", rate);
	return true;
}

/* With on-down = stuck a conn is closed for what it shows itself, so an
 * ejection is reason enough to look at it.  For the other ways it is not:
 * clients can bring it about. */
static bool
is_down(const struct backend *backend, bool stuck)
{
	const struct backend_parts parts = backend_parts(backend);

	return health_is_down(parts.health) || parts.agent == AGENT_DOWN ||
	    (stuck && health_is_down(parts.passive));
}

bool
closer_rebalance(struct closer *closer, const struct service *service,
    const struct rebalance *asked, uint64_t *surplus)
{
	return rebalance_begin(&closer->orders, service, asked, surplus);
}

/* ---- one backend --------------------------------------------------------- */

static const char *
drain_is_over(const struct backend *backend)
{
	if (atomic_load_explicit(&backend->admin, memory_order_relaxed) ==
	    ADMIN_READY)
		return "ended";
	return backend_active(backend) == 0 ? "done" : NULL;
}

static const char *
on_down_is_over(const struct backend *backend, bool stuck)
{
	if (!is_down(backend, stuck))
		return "it is up again";
	return backend_active(backend) == 0 ? "done" : NULL;
}

/* Returns how many conns of the order's backend may be closed; 0: the order is
 * over. */
static uint64_t
look_at_backend(const struct closer *closer, struct order *order,
    uint64_t now_ms)
{
	const struct backend *backend = find_backend_id(tables_of(closer),
	    order->piece.backend);
	const char *over;

	if (backend == NULL)
		over = "done"; /* freed, so it had no conns */
	else if (order->kind == ORDER_DRAIN)
		over = drain_is_over(backend);
	else
		over = on_down_is_over(backend, order->piece.stuck);
	if (over != NULL) {
		order_end(&closer->orders, order, over);
		return 0;
	}
	if (!order->piece.busy && order->deadline_ms != 0 &&
	    now_ms >= order->deadline_ms) {
		order_tell(&closer->orders, order,
		    "the deadline has passed, %" PRIu32 " conns are left",
		    backend_active(backend));
		order->piece.busy = true;
		order_begin_round(order, CONN_QUIET_MS);
	}
	return backend_active(backend);
}

/* ---- all backends -------------------------------------------------------- */

void
closer_undrain_node(struct closer *closer)
{
	struct order *order = order_find(&closer->orders, ORDER_NODE,
	    CLOSING_ANY);

	if (order != NULL)
		order_end(&closer->orders, order, "ended");
}

bool
closer_drain_node(struct closer *closer, unsigned rate, uint64_t deadline_ms)
{
	struct order *before = order_find(&closer->orders, ORDER_NODE,
	    CLOSING_ANY);
	struct order *order = NULL;
	const bool stops = order_find(&closer->orders, ORDER_STOP,
			       CLOSING_ANY) != NULL;

	if (!stops)
		order = order_new(&closer->orders, ORDER_NODE, "", rate,
		    deadline_ms);
	if (!stops && order == NULL)
		return false;
	if (before != NULL)
		order_end(&closer->orders, before, "ended");
	if (stops)
		return true;
	if (rate > 0) {
		order_tell(&closer->orders, order, "closing idle conns, %u/s",
		    rate);
	} else {
		order->rate = CLOSER_CUT_RATE;
		order->next_ms = deadline_ms;
	}
	return true;
}

unsigned
closer_stop_rate(uint64_t conns, unsigned within_ms)
{
	/* a conn must be quiet for a while first, and rounds take time */
	const uint64_t spare_ms = CONN_QUIET_MS + within_ms / 4;
	const uint64_t ms = within_ms > 2 * spare_ms ? within_ms - spare_ms
						     : within_ms / 2 + 1;
	const uint64_t rate = (conns * 1000 + ms - 1) / ms;

	if (rate < CLOSER_RATE)
		return CLOSER_RATE;
	return rate < CLOSER_RATE_MAX ? (unsigned)rate : CLOSER_RATE_MAX;
}

bool
closer_stop(struct closer *closer, unsigned within_ms)
{
	const uint64_t conns = engine_conns(closer->orders.running->engine);
	struct order *order;

	closer_undrain_node(closer);
	order = order_new(&closer->orders, ORDER_STOP, "",
	    closer_stop_rate(conns, within_ms), 0);
	return order != NULL;
}

/* Returns how many conns may be closed; 0: the order is over, or there are none
 * now. */
static uint64_t
look_at_all(const struct closer *closer, struct order *order, uint64_t now_ms)
{
	const uint64_t conns = engine_conns(closer->orders.running->engine);

	if (order->kind == ORDER_NODE && !order->piece.busy &&
	    now_ms >= order->deadline_ms) {
		order_tell(&closer->orders, order,
		    "the deadline has passed, %" PRIu64 " conn%s left", conns,
		    conns == 1 ? " is" : "s are");
		order->piece.busy = true;
		if (order->rate < CLOSER_CUT_RATE)
			order->rate = CLOSER_CUT_RATE;
		order_begin_round(order, CONN_QUIET_MS);
	}
	if (conns > 0)
		return conns;
	order->next_ms = now_ms + ORDER_PAUSE_MS;
	if (order->piece.busy)
		order_end(&closer->orders, order, "done");
	return 0;
}

/* ---- pace ---------------------------------------------------------------- */

/* Returns how many conns the order may close now; 0: none now, or the order is
 * over. */
static uint64_t
look(const struct closer *closer, struct order *order, uint64_t now_ms)
{
	switch (order->kind) {
	case ORDER_REBALANCE:
		return rebalance_aim(&closer->orders, order, now_ms);
	case ORDER_NODE:
	case ORDER_STOP:
		return look_at_all(closer, order, now_ms);
	case ORDER_DRAIN:
	case ORDER_ON_DOWN:
		break;
	}
	return look_at_backend(closer, order, now_ms);
}

/* Sends the order's piece to the next worker when it is due. */
static void
step(struct closer *closer, struct order *order, uint64_t now_ms)
{
	struct engine *engine = closer->orders.running->engine;
	uint64_t most = order->rate / PIECES_PER_S, have;

	if (order->out || order->over || now_ms < order->next_ms)
		return;
	have = look(closer, order, now_ms);
	if (have == 0)
		return;
	if (most == 0)
		most = 1;
	if (order->piece.walk.worker >= engine_running(engine))
		order_begin_round(order, CLOSING_NONE);
	order->piece.most = (unsigned)(have < most ? have : most);
	if (closer->out == PIECES_MAX || !engine_close(engine, &order->piece)) {
		order->next_ms = now_ms + RETRY_MS;
		return;
	}
	order->out = true;
	closer->out++;
}

/* Ends a round through all workers and chooses how quiet a conn must be in the
 * next one. */
static void
end_round(struct order *order, uint64_t now_ms)
{
	uint64_t quietest_ms = order->round_quietest_ms;
	bool closed = order->round_closed > 0;

	if (closed) {
		order_begin_round(order, order->piece.quiet_ms);
		return;
	}
	if (quietest_ms >= CONN_QUIET_MS) {
		quietest_ms /= 2;
		order_begin_round(order,
		    quietest_ms > CONN_QUIET_MS ? quietest_ms : CONN_QUIET_MS);
		return;
	}
	order->nothing = true;
	order->next_ms = now_ms +
	    (order->piece.stuck ? ORDER_STUCK_MS : ORDER_PAUSE_MS);
	order_begin_round(order,
	    order->piece.busy ? CONN_QUIET_MS : CLOSING_NONE);
}

static void
on_piece(struct closer *closer, struct order *order, uint64_t now_ms)
{
	struct closing *piece = &order->piece;

	closer->out--;
	order->out = false;
	order->closed += piece->closed;
	order->busy += piece->closed_busy;
	order->round_closed += piece->closed;
	if (piece->quietest_ms > order->round_quietest_ms)
		order->round_quietest_ms = piece->quietest_ms;
	if (piece->closed > 0) {
		/* round up: the conns were closed within this millisecond */
		order->next_ms = now_ms + 1 +
		    (piece->closed * UINT64_C(1000) + order->rate - 1) /
			order->rate;
		order->nothing = false;
		order->found_ms = now_ms;
	}
	if (!piece->walk.at_end)
		return;
	piece->walk.worker++;
	piece->walk.cursor = 0;
	if (piece->walk.worker >=
	    engine_running(closer->orders.running->engine))
		end_round(order, now_ms);
}

static void
take_replies(struct closer *closer)
{
	struct closing *piece;
	struct order *order;

	mailbox_open(&closer->replies);
	while (mailbox_take(&closer->replies, &piece)) {
		order = (struct order *)((unsigned char *)piece -
		    offsetof(struct order, piece));
		on_piece(closer, order, timer_now_ms());
	}
}

void
closer_pause(struct closer *closer)
{
	struct pollfd polled = { .fd = closer->replies.fd, .events = POLLIN };

	closer->paused = true;
	while (closer->out > 0) {
		(void)poll(&polled, 1, -1);
		take_replies(closer);
	}
}

void
closer_resume(struct closer *closer)
{
	closer->paused = false;
}

struct orders *
closer_orders(struct closer *closer)
{
	return &closer->orders;
}

/* ---- on-down ------------------------------------------------------------- */

/* Begins to close conns of a backend that is down.  NULL without memory: it is
 * tried again at the next look. */
static struct order *
begin_on_down(struct closer *closer, const struct service *service,
    const struct backend *backend)
{
	const enum on_down way = service->settings.on_down;
	struct order *order = order_new(&closer->orders, ORDER_ON_DOWN,
	    backend->service, service->settings.on_down_rate, 0);

	if (order == NULL)
		return NULL;
	order_set_backend(order, backend);
	if (way == ON_DOWN_STUCK) {
		order->piece.stuck = true;
		order->piece.busy_reason = REASON_DOWN_STUCK;
	} else {
		order_tell(&closer->orders, order, "closing %s conns, %u/s",
		    way == ON_DOWN_ALL ? "all" : "idle", order->rate);
	}
	return order;
}

/* Whether the order is as the service's settings are now.  That of a service
 * that is gone goes on. */
static bool
is_still_meant(const struct closer *closer, const struct order *order)
{
	const struct service *service = find_service(tables_of(closer),
	    order->service);
	enum on_down way;

	if (service == NULL)
		return true;
	way = service->settings.on_down;
	return way != ON_DOWN_KEEP &&
	    order->piece.stuck == (way == ON_DOWN_STUCK) &&
	    (!order->piece.busy || way == ON_DOWN_ALL) &&
	    order->rate == service->settings.on_down_rate;
}

/* After a change of the table. */
static void
end_obsolete(struct closer *closer)
{
	struct order *order, *next;

	for (order = LIST_FIRST(&closer->orders.list); order != NULL;
	     order = next) {
		next = LIST_NEXT(order, entry);
		if (order->kind == ORDER_ON_DOWN && !order->over &&
		    !is_still_meant(closer, order))
			order_end(&closer->orders, order,
			    "the configuration has changed");
	}
}

/* Returns whether a backend is down. */
static bool
look_at_health(struct closer *closer, const struct service *service,
    uint64_t now_ms)
{
	const enum on_down way = service->settings.on_down;
	bool down = false;

	for (size_t i = 0; i < service->backends; i++) {
		const struct backend *backend = service->backend[i].backend;
		struct order *order;

		if (!is_down(backend, way == ON_DOWN_STUCK))
			continue;
		down = true;
		if (backend_active(backend) == 0)
			continue;
		order = order_find(&closer->orders, ORDER_ON_DOWN, backend->id);
		if (order == NULL)
			order = begin_on_down(closer, service, backend);
		/* idle conns first */
		if (order != NULL && way == ON_DOWN_ALL && order->nothing &&
		    now_ms >= order->found_ms + BUSY_AFTER_MS)
			order->piece.busy = true;
	}
	return down;
}

static void
look_at_services(struct closer *closer, uint64_t now_ms)
{
	const struct table *table = table_current(tables_of(closer));

	if (closer->generation != table->generation)
		end_obsolete(closer);
	closer->watches = false;
	closer->generation = table->generation;
	closer->look_ms = now_ms + CALM_MS;
	for (size_t i = 0; i < table->ids; i++) {
		const struct service *service = table->service[i];

		if (service == NULL ||
		    service->settings.on_down == ON_DOWN_KEEP)
			continue;
		closer->watches = true;
		if (look_at_health(closer, service, now_ms) ||
		    service->settings.on_down != ON_DOWN_STUCK)
			closer->look_ms = now_ms + LOOK_MS;
	}
}

/* ---- turns --------------------------------------------------------------- */

static bool
is_new_table(const struct closer *closer)
{
	return table_current(tables_of(closer))->generation !=
	    closer->generation;
}

void
closer_give_time(struct closer *closer, uint64_t gap_ms)
{
	struct order *order;

	LIST_FOREACH(order, &closer->orders.list, entry)
		order->found_ms += gap_ms;
}

void
closer_turn(struct closer *closer, uint64_t now_ms)
{
	struct order *order, *next;

	take_replies(closer);
	if (closer->paused)
		return;
	if (is_new_table(closer) ||
	    (closer->watches && now_ms >= closer->look_ms))
		look_at_services(closer, now_ms);
	for (order = LIST_FIRST(&closer->orders.list); order != NULL;
	     order = next) {
		next = LIST_NEXT(order, entry);
		step(closer, order, now_ms);
		if (order->over && !order->out) {
			LIST_REMOVE(order, entry);
			free(order);
		}
	}
}

int
closer_sleep(const struct closer *closer, uint64_t now_ms)
{
	uint64_t next_ms = closer->watches ? closer->look_ms : UINT64_MAX;
	const struct order *order;

	if (closer->paused)
		return -1;
	if (is_new_table(closer))
		return 0;
	LIST_FOREACH(order, &closer->orders.list, entry)
		if (!order->out && order->next_ms < next_ms)
			next_ms = order->next_ms;
	if (next_ms == UINT64_MAX)
		return -1;
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}
