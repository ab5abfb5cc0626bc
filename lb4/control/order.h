/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One order of the closer (closer.h): what it closes, how fast, and how far it
 * is.  The control thread's; its `piece` is a worker's while `out` is set.
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

#define ORDER_PAUSE_MS 200 /* after a round that found no conn */

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

/* All orders that are under way. */
struct orders {
	const struct running *running;
	struct mailbox *replies; /* struct closing *, from the workers */
	LIST_HEAD(, order) list;
};

/* An order for a service, or for all of them (""), without a backend so far.
 * NULL without memory. */
struct order *order_new(struct orders *orders, enum order_kind kind,
    const char *service, unsigned rate, uint64_t deadline_ms);

/* Lets it be for one backend. */
void order_set_backend(struct order *order, const struct backend *backend);

/* The order of that kind for that backend (CLOSING_ANY: for all) that is not
 * over, or NULL. */
struct order *order_find(const struct orders *orders, enum order_kind kind,
    uint32_t backend);

/* Looks anew how quiet the conns are, from the first worker on. */
void order_begin_round(struct order *order, uint64_t quiet_ms);

/* Tells the log and the subscribers to events. */
void order_tell(const struct orders *orders, const struct order *order,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The order is over: tells why, and how many conns it closed.  The closer frees
 * it when its piece is back. */
void order_end(const struct orders *orders, struct order *order,
    const char *why);

#endif
