/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One order of the closer (closer.h): which conns it closes, how fast, and its
 * progress.  Owned by the control thread; while `out` is set, a worker owns
 * `piece`.
 */
#ifndef LB4_CONTROL_ORDER_H
#define LB4_CONTROL_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lb4/config/settings.h"
#include "lb4/engine/closing.h"

struct backend;
struct mailbox;
struct running;

#define ORDER_PAUSE_MS 200  /* after a round that found no conn */
#define ORDER_STUCK_MS 1000 /* ... that is dead: proof takes seconds */

/* The numbers go over an upgrade: new kinds are added behind ORDER_STOP, which
 * does not. */
enum order_kind {
	ORDER_DRAIN,
	ORDER_REBALANCE,
	ORDER_ON_DOWN,
	ORDER_NODE,
	ORDER_STOP,
};

struct order {
	LIST_ENTRY(order) entry;
	enum order_kind kind;
	char service[CONFIG_NAME_MAX]; /* "": all of them */
	char backend[CONFIG_NAME_MAX]; /* "": rebalance, or all of them */
	unsigned rate;
	uint64_t deadline_ms; /* 0: none */
	bool over;	      /* freed when the piece is back */

	struct closing piece;
	bool out;	       /* a worker has the piece */
	uint64_t next_ms;      /* when the piece may go out again */
	uint64_t closed, busy; /* conns closed so far; busy ones among them */
	uint64_t round_closed; /* in this round */
	uint64_t round_quietest_ms;
	bool nothing;	   /* the last rounds found no idle conn */
	uint64_t found_ms; /* when it began or last closed a conn */

	/* rebalance */
	double threshold;
	uint64_t conns;	     /* to distribute: the largest number so far */
	uint64_t most;	     /* conns to close before it gives up */
	uint64_t settled_ms; /* when the surplus ended; 0: it has not */
};

/* All current orders. */
struct orders {
	const struct running *running;
	struct mailbox *replies; /* struct closing *, from the workers */
	LIST_HEAD(, order) list;
};

/* Makes an order for a service, or for all services ("").  It has no backend
 * yet.  Returns NULL without memory. */
struct order *order_new(struct orders *orders, enum order_kind kind,
    const char *service, unsigned rate, uint64_t deadline_ms);

/* Limits the order to one backend. */
void order_set_backend(struct order *order, const struct backend *backend);

/* Returns the current order of that kind for that backend (CLOSING_ANY: for all
 * backends), or NULL. */
struct order *order_find(const struct orders *orders, enum order_kind kind,
    uint32_t backend);

/* Starts a round through all workers that closes conns that have been quiet for
 * `quiet_ms`. */
void order_begin_round(struct order *order, uint64_t quiet_ms);

/* Logs a message about the order and tells it as an event. */
void order_tell(const struct orders *orders, const struct order *order,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Ends the order, and tells why and how many conns it closed.  The closer frees
 * it when its piece is back. */
void order_end(const struct orders *orders, struct order *order,
    const char *why);

#endif
