/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Orders to close conns, and their pace: see closer.h. */
#include "lb4/control/closer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"
#include "common/mailbox.h"
#include "common/plural.h"
#include "common/timer.h"
#include "lb4/command/socket.h"
#include "lb4/control/control.h"
#include "lb4/engine/closing.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/engine/engine.h"
#include "lb4/table/table.h"

#define PIECES_MAX 256	/* under way, so that their mailbox is never full */
#define PIECES_PER_S 50 /* of an order, when the rate is higher */
#define RETRY_MS 5	/* a worker was too busy for a piece */
#define PAUSE_MS 200	/* after a round that found no conn */
#define LOOK_MS 200	/* at the health of backends with on-down */

/* With on-down = all, busy conns follow when no idle one was found for so long:
 * what was busy when its backend went down has had time to become idle. */
#define BUSY_AFTER_MS (2 * CONN_QUIET_MS)

/* Rebalancing is over when so long no backend had too many conns: what was
 * closed may come back to any of them. */
#define SETTLE_MS 2000

/* A policy may bring conns back to where they were: rebalancing gives up when
 * it has closed so many times the surplus, and a few. */
#define TIMES_MAX 4
#define FEW 16

enum order_kind {
	ORDER_DRAIN,
	ORDER_REBALANCE,
	ORDER_ON_DOWN,
	ORDER_NODE,
	ORDER_STOP,
};

static const char *const kind_names[] = {
	[ORDER_DRAIN] = "drain",
	[ORDER_REBALANCE] = "rebalance",
	[ORDER_ON_DOWN] = "on-down",
	[ORDER_NODE] = "node",
	[ORDER_STOP] = "stop",
};

struct order {
	LIST_ENTRY(order) entry;
	enum order_kind kind;
	char service[CONFIG_NAME_MAX]; /* "": all of them */
	char backend[CONFIG_NAME_MAX]; /* "": rebalance, or all of them */
	unsigned rate;
	uint64_t deadline_ms; /* 0: none */
	bool over;	      /* to be freed when the piece is back */

	struct closing piece;
	bool out;	       /* a worker has the piece */
	uint64_t next_ms;      /* when it may go out again */
	uint64_t closed, busy; /* so far; busy ones among them */
	uint64_t round_closed; /* in this round */
	uint64_t round_quietest_ms;
	bool nothing;	   /* the last rounds have found no idle conn */
	uint64_t found_ms; /* it began, or closed a conn, last */

	/* rebalance */
	double threshold;
	uint64_t conns;	     /* to be shared: the most there were */
	uint64_t most;	     /* to be closed before it gives up */
	uint64_t settled_ms; /* since when none has too many; 0: not so */
};

struct closer {
	struct control *control;
	struct mailbox replies; /* struct closing *, from the workers */
	unsigned out;		/* pieces that workers have */
	uint64_t generation;	/* of the table that was looked at */
	bool watches;		/* a service of it has on-down */
	uint64_t look_ms;	/* the next look at health */
	LIST_HEAD(, order) orders;
};

struct closer *
closer_new(struct control *control)
{
	struct closer *closer = calloc(1, sizeof(*closer));

	if (closer == NULL)
		return NULL;
	closer->control = control;
	LIST_INIT(&closer->orders);
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
	while ((order = LIST_FIRST(&closer->orders)) != NULL) {
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
	return closer->control->parts.tables;
}

/* ---- orders -------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4)))
tell(const struct closer *closer, const struct order *order, const char *format,
    ...)
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
	control_socket_event(closer->control->parts.socket,
	    kind_names[order->kind],
	    order->service[0] != '\0' ? order->service : NULL,
	    order->backend[0] != '\0' ? order->backend : NULL, "%s", text);
}

/* Looks anew how quiet the conns are, from the first worker on. */
static void
begin_round(struct order *order, uint64_t quiet_ms)
{
	order->piece.walk.worker = 0;
	order->piece.walk.cursor = 0;
	order->piece.quiet_ms = quiet_ms;
	order->round_closed = 0;
	order->round_quietest_ms = 0;
}

static struct order *
order_new(struct closer *closer, enum order_kind kind, const char *service,
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
	order->piece.walk.reply = &closer->replies;
	begin_round(order, CLOSING_NONE);
	LIST_INSERT_HEAD(&closer->orders, order, entry);
	return order;
}

static void
set_backend(struct order *order, const struct backend *backend)
{
	order->piece.backend = backend->id;
	memcpy(order->backend, backend->name, sizeof(order->backend));
}

static void
end_order(const struct closer *closer, struct order *order, const char *why)
{
	order->over = true;
	tell(closer, order,
	    "%s, %" PRIu64 " conn%s closed, %" PRIu64 " of them cut", why,
	    order->closed, plural(order->closed), order->busy);
}

/* The order of that kind for that backend, or NULL. */
static struct order *
find_order(const struct closer *closer, enum order_kind kind, uint32_t backend)
{
	struct order *order;

	LIST_FOREACH(order, &closer->orders, entry)
		if (order->kind == kind && order->piece.backend == backend &&
		    !order->over)
			return order;
	return NULL;
}

void
closer_undrain(struct closer *closer, const struct backend *backend)
{
	struct order *order = find_order(closer, ORDER_DRAIN, backend->id);

	if (order != NULL)
		end_order(closer, order, "ended");
}

bool
closer_drain(struct closer *closer, const struct backend *backend,
    unsigned rate, uint64_t deadline_ms)
{
	struct order *before = find_order(closer, ORDER_DRAIN, backend->id);
	struct order *order = order_new(closer, ORDER_DRAIN, backend->service,
	    rate, deadline_ms);

	if (order == NULL)
		return false;
	if (before != NULL)
		end_order(closer, before, "ended");
	set_backend(order, backend);
	tell(closer, order, "closing idle conns, %u/s", rate);
	return true;
}

static struct backend *
find_backend(const struct closer *closer, uint32_t id)
{
	const struct tables *tables = tables_of(closer);

	for (size_t i = 0; i < tables->backends_count; i++)
		if (tables->backends[i]->id == id)
			return tables->backends[i];
	return NULL;
}

static uint32_t
active(const struct backend *backend)
{
	return atomic_load_explicit(&backend->active, memory_order_relaxed);
}

static bool
is_down(const struct backend *backend)
{
	return health_is_down(atomic_load_explicit(&backend->health,
	    memory_order_acquire));
}

/* ---- rebalancing --------------------------------------------------------- */

uint64_t
closer_allowance(uint64_t conns, uint64_t weight, uint64_t weights,
    double threshold)
{
	uint64_t share = (conns * weight + weights - 1) / weights;
	double most = threshold * (double)conns * (double)weight /
	    (double)weights;

	return (uint64_t)most > share ? (uint64_t)most : share;
}

/* Whether it takes part: only conns of these are shared. */
static bool
takes_part(const struct service_backend *entry)
{
	return entry->weight > 0 && entry->set != SET_BACKUP &&
	    backend_is_available(entry->backend);
}

static uint64_t
sum_weights(const struct service *service)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service->backends; i++)
		if (takes_part(&service->backend[i]))
			sum += service->backend[i].weight;
	return sum;
}

static uint64_t
sum_conns(const struct service *service)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service->backends; i++)
		if (takes_part(&service->backend[i]))
			sum += active(service->backend[i].backend);
	return sum;
}

/* By how many conns it has too many when `conns` are to be shared. */
static uint64_t
surplus_of(const struct service *service, const struct service_backend *entry,
    uint64_t conns, double threshold)
{
	uint64_t has = active(entry->backend), may;
	uint64_t weights = sum_weights(service);

	/* health may change meanwhile: none may be left */
	if (!takes_part(entry) || weights == 0)
		return 0;
	may = closer_allowance(conns, entry->weight, weights, threshold);
	return has > may ? has - may : 0;
}

bool
closer_rebalance(struct closer *closer, const struct service *service,
    unsigned rate, double threshold, uint64_t deadline_ms, uint64_t *surplus)
{
	const char *name = service->state->name;
	struct order *order;

	*surplus = 0;
	LIST_FOREACH(order, &closer->orders, entry)
		if (order->kind == ORDER_REBALANCE && !order->over &&
		    strcmp(order->service, name) == 0)
			end_order(closer, order, "ended");
	for (size_t i = 0; i < service->backends; i++)
		*surplus += surplus_of(service, &service->backend[i],
		    sum_conns(service), threshold);
	if (*surplus == 0)
		return true;
	order = order_new(closer, ORDER_REBALANCE, name, rate, deadline_ms);
	if (order == NULL)
		return false;
	order->threshold = threshold;
	order->most = TIMES_MAX * *surplus + FEW;
	tell(closer, order, "%" PRIu64 " conn%s too many, %u/s", *surplus,
	    *surplus == 1 ? " is" : "s are", rate);
	return true;
}

/* The backend whose conns are to be closed now, and how many it has too many;
 * NULL: none has.  The one that the order is at stays so as long as it has too
 * many, unless no conn of it is idle; the next is taken in turn. */
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

/* No backend has too many now: over, when that lasts. */
static void
settle(const struct closer *closer, struct order *order, uint64_t now_ms)
{
	if (order->settled_ms == 0)
		order->settled_ms = now_ms;
	if (now_ms - order->settled_ms >= SETTLE_MS)
		end_order(closer, order, "done");
	else
		order->next_ms = now_ms + PAUSE_MS;
}

/* Aims the order at a backend that has too many; how many to close there at
 * most, 0: nothing now. */
static uint64_t
aim(const struct closer *closer, struct order *order, uint64_t now_ms)
{
	const struct tables *tables = tables_of(closer);
	const struct service_state *state = tables_state(tables,
	    order->service);
	const struct service *service = state == NULL
	    ? NULL
	    : table_service_of(table_current(tables), state);
	const struct backend *backend;
	uint64_t surplus = 0;

	if (service == NULL) {
		end_order(closer, order, "the service has gone");
	} else if (order->deadline_ms <= now_ms) {
		end_order(closer, order, "its time is over");
	} else if (order->closed >= order->most) {
		end_order(closer, order, "given up, conns come back");
	}
	if (order->over)
		return 0;
	if (sum_conns(service) > order->conns)
		order->conns = sum_conns(service);
	backend = find_overloaded(order, service, &surplus);
	if (backend == NULL) {
		settle(closer, order, now_ms);
		return 0;
	}
	order->settled_ms = 0;
	order->nothing = false;
	if (backend->id != order->piece.backend) {
		order->piece.backend = backend->id;
		begin_round(order, CLOSING_NONE);
	}
	return surplus;
}

/* ---- one backend --------------------------------------------------------- */

static const char *
drain_is_over(const struct backend *backend)
{
	if (atomic_load_explicit(&backend->admin, memory_order_relaxed) ==
	    ADMIN_READY)
		return "ended";
	return active(backend) == 0 ? "done" : NULL;
}

static const char *
on_down_is_over(const struct backend *backend)
{
	if (!is_down(backend))
		return "it is up again";
	return active(backend) == 0 ? "done" : NULL;
}

/* How many conns of the order's one backend may be closed; 0: it is over. */
static uint64_t
look_at_backend(const struct closer *closer, struct order *order,
    uint64_t now_ms)
{
	const struct backend *backend = find_backend(closer,
	    order->piece.backend);
	const char *over;

	if (backend == NULL)
		over = "done"; /* freed: it had none */
	else if (order->kind == ORDER_DRAIN)
		over = drain_is_over(backend);
	else
		over = on_down_is_over(backend);
	if (over != NULL) {
		end_order(closer, order, over);
		return 0;
	}
	if (!order->piece.busy && order->deadline_ms != 0 &&
	    now_ms >= order->deadline_ms) {
		tell(closer, order,
		    "the deadline has passed, %" PRIu32 " conns are left",
		    active(backend));
		order->piece.busy = true;
		begin_round(order, CONN_QUIET_MS);
	}
	return active(backend);
}

/* ---- all backends -------------------------------------------------------- */

void
closer_undrain_node(struct closer *closer)
{
	struct order *order = find_order(closer, ORDER_NODE, CLOSING_ANY);

	if (order != NULL)
		end_order(closer, order, "ended");
}

bool
closer_drain_node(struct closer *closer, unsigned rate, uint64_t deadline_ms)
{
	struct order *before = find_order(closer, ORDER_NODE, CLOSING_ANY);
	struct order *order = NULL;
	const bool stops = find_order(closer, ORDER_STOP, CLOSING_ANY) != NULL;

	if (!stops)
		order = order_new(closer, ORDER_NODE, "", rate, deadline_ms);
	if (!stops && order == NULL)
		return false;
	if (before != NULL)
		end_order(closer, before, "ended");
	if (stops)
		return true;
	if (rate > 0) {
		tell(closer, order, "closing idle conns, %u/s", rate);
	} else {
		order->rate = CLOSER_CUT_RATE;
		order->next_ms = deadline_ms;
	}
	return true;
}

unsigned
closer_stop_rate(uint64_t conns, unsigned within_ms)
{
	/* a conn must be quiet for a while, and rounds take some time */
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
	const uint64_t conns = engine_conns(closer->control->parts.engine);
	struct order *order;

	closer_undrain_node(closer);
	order = order_new(closer, ORDER_STOP, "",
	    closer_stop_rate(conns, within_ms), 0);
	return order != NULL;
}

/* How many conns may be closed; 0: it is over, or there are none now. */
static uint64_t
look_at_all(const struct closer *closer, struct order *order, uint64_t now_ms)
{
	const uint64_t conns = engine_conns(closer->control->parts.engine);

	if (order->kind == ORDER_NODE && !order->piece.busy &&
	    now_ms >= order->deadline_ms) {
		tell(closer, order,
		    "the deadline has passed, %" PRIu64 " conn%s left", conns,
		    conns == 1 ? " is" : "s are");
		order->piece.busy = true;
		if (order->rate < CLOSER_CUT_RATE)
			order->rate = CLOSER_CUT_RATE;
		begin_round(order, CONN_QUIET_MS);
	}
	if (conns > 0)
		return conns;
	order->next_ms = now_ms + PAUSE_MS;
	if (order->piece.busy)
		end_order(closer, order, "done");
	return 0;
}

/* ---- pace ---------------------------------------------------------------- */

/* How many conns the order may close now; 0: none now, or it is over. */
static uint64_t
look(const struct closer *closer, struct order *order, uint64_t now_ms)
{
	switch (order->kind) {
	case ORDER_REBALANCE:
		return aim(closer, order, now_ms);
	case ORDER_NODE:
	case ORDER_STOP:
		return look_at_all(closer, order, now_ms);
	case ORDER_DRAIN:
	case ORDER_ON_DOWN:
		break;
	}
	return look_at_backend(closer, order, now_ms);
}

/* Sends the order's piece on, if it is time. */
static void
step(struct closer *closer, struct order *order, uint64_t now_ms)
{
	struct engine *engine = closer->control->parts.engine;
	uint64_t most = order->rate / PIECES_PER_S, have;

	if (order->out || order->over || now_ms < order->next_ms)
		return;
	have = look(closer, order, now_ms);
	if (have == 0)
		return;
	if (most == 0)
		most = 1;
	if (order->piece.walk.worker >= engine_running(engine))
		begin_round(order, CLOSING_NONE);
	order->piece.most = (unsigned)(have < most ? have : most);
	if (closer->out == PIECES_MAX || !engine_close(engine, &order->piece)) {
		order->next_ms = now_ms + RETRY_MS;
		return;
	}
	order->out = true;
	closer->out++;
}

/* A round through all workers has ended: what does the next one look for? */
static void
end_round(struct order *order, uint64_t now_ms)
{
	uint64_t quietest_ms = order->round_quietest_ms;
	bool closed = order->round_closed > 0;

	if (closed) {
		begin_round(order, order->piece.quiet_ms);
		return;
	}
	if (quietest_ms >= CONN_QUIET_MS) {
		quietest_ms /= 2;
		begin_round(order,
		    quietest_ms > CONN_QUIET_MS ? quietest_ms : CONN_QUIET_MS);
		return;
	}
	order->nothing = true;
	order->next_ms = now_ms + PAUSE_MS;
	begin_round(order, order->piece.busy ? CONN_QUIET_MS : CLOSING_NONE);
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
		/* one more: they were closed within this millisecond */
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
	if (piece->walk.worker >= engine_running(closer->control->parts.engine))
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

/* ---- on-down ------------------------------------------------------------- */

static void
look_at_health(struct closer *closer, const struct service *service,
    uint64_t now_ms)
{
	for (size_t i = 0; i < service->backends; i++) {
		const struct backend *backend = service->backend[i].backend;
		struct order *order;

		if (!is_down(backend) || active(backend) == 0)
			continue;
		order = find_order(closer, ORDER_ON_DOWN, backend->id);
		if (order == NULL) {
			order = order_new(closer, ORDER_ON_DOWN,
			    backend->service, service->settings.on_down_rate,
			    0);
			if (order == NULL)
				return; /* no memory: at the next look */
			set_backend(order, backend);
			tell(closer, order, "closing %s conns, %u/s",
			    service->settings.on_down == ON_DOWN_ALL ? "all"
								     : "idle",
			    order->rate);
		}
		/* the idle ones first */
		if (service->settings.on_down == ON_DOWN_ALL &&
		    order->nothing && now_ms >= order->found_ms + BUSY_AFTER_MS)
			order->piece.busy = true;
	}
}

static void
look_at_services(struct closer *closer, uint64_t now_ms)
{
	const struct table *table = table_current(tables_of(closer));

	closer->watches = false;
	closer->generation = table->generation;
	closer->look_ms = now_ms + LOOK_MS;
	for (size_t i = 0; i < table->ids; i++) {
		const struct service *service = table->service[i];

		if (service == NULL ||
		    service->settings.on_down == ON_DOWN_KEEP)
			continue;
		closer->watches = true;
		look_at_health(closer, service, now_ms);
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

	LIST_FOREACH(order, &closer->orders, entry)
		order->found_ms += gap_ms;
}

void
closer_turn(struct closer *closer, uint64_t now_ms)
{
	struct order *order, *next;

	take_replies(closer);
	if (is_new_table(closer) ||
	    (closer->watches && now_ms >= closer->look_ms))
		look_at_services(closer, now_ms);
	for (order = LIST_FIRST(&closer->orders); order != NULL; order = next) {
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

	if (is_new_table(closer))
		return 0;
	LIST_FOREACH(order, &closer->orders, entry)
		if (!order->out && order->next_ms < next_ms)
			next_ms = order->next_ms;
	if (next_ms == UINT64_MAX)
		return -1;
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}
