/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The closer: the control thread's part in closing conns gracefully, for drain
 * with a rate, rebalance, on-down, a draining node, and stopping.  Each of
 * these is an order:
 *
 *	drain		idle conns of the backend; busy ones after the deadline.
 *			Over when none is left, or when the backend is ready
 *	rebalance	idle conns of backends with a surplus.  Over when no
 *			backend has one, or at its deadline
 *	on-down		idle conns of a backend that is down, then, with "all",
 *			busy ones; with "stuck" those that prove it dead, and no
 *			others.  Over when none is left, or when it is up
 *	node		idle conns of all backends, if it has a rate; after the
 *			deadline all conns.  Over when none is left then
 *	stop		idle conns of all backends; control resets the others
 *
 * An order is with one worker at a time (lb4/engine/closing.h).  The worker may
 * close a 50th of the conns of a second, at least one.  The order goes on when
 * the time for these conns has passed.  So all workers together close no more
 * conns in any second than the rate says, give or take that 50th.
 *
 * The conns that have been quiet for longest go first.  A first round through
 * all workers finds how long the quietest conn has been quiet; the next rounds
 * close conns that have been quiet for at least half as long.  When a round
 * finds none, the next round starts from half of the longest time then.
 *
 * A part of the control thread.
 */
#ifndef LB4_CONTROL_CLOSER_H
#define LB4_CONTROL_CLOSER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

struct backend;
struct closer;
struct orders;
struct rebalance;
struct running;
struct service;

#define CLOSER_RATE 20	       /* per second, by default */
#define CLOSER_RATE_MAX 100000 /* per second */
#define CLOSER_CUT_RATE 1000   /* per second, after a node's deadline */

/* Returns NULL without memory.  `running` must outlive the closer. */
struct closer *closer_new(const struct running *running);

/* All workers must have ended.  Accepts NULL. */
void closer_free(struct closer *closer);

/* A descriptor for control's epoll: readable when a worker has finished a
 * piece. */
must_check int closer_fd(const struct closer *closer);

/* Stops to close conns, and waits until no worker has anything to do for the
 * closer, which is at most until the next turn of a worker's loop.  Orders stay
 * as they are until closer_resume(). */
void closer_pause(struct closer *closer);
void closer_resume(struct closer *closer);

/* All orders.  The closer must pause, or not run yet. */
struct orders *closer_orders(struct closer *closer);

/* Returns the milliseconds until something is due, or -1 if nothing is. */
must_check int closer_sleep(const struct closer *closer, uint64_t now_ms);

/* Postpones closing the busy conns of backends that are down by `gap_ms`, the
 * time that the control thread did not run.  Deadlines that an operator set do
 * not move. */
void closer_give_time(struct closer *closer, uint64_t gap_ms);

/* Runs the orders that are due. */
void closer_turn(struct closer *closer, uint64_t now_ms);

/* Closes the conns of a draining backend and replaces its previous drain order.
 * `deadline_ms` is on the clock of timer_now_ms(); with 0, busy conns are not
 * closed.  Returns false without memory. */
bool closer_drain(struct closer *closer, const struct backend *backend,
    unsigned rate, uint64_t deadline_ms);

/* Ends that order; the backend's administrative state is the caller's. */
void closer_undrain(struct closer *closer, const struct backend *backend);

/*
 * Closes conns of all backends because this node drains, and replaces the
 * previous node order.  With `rate` 0 it closes none before the deadline.
 * After the deadline the rate is at least CLOSER_CUT_RATE, because packets may
 * go to another node by then.  Does nothing while lb4 stops, which has its own
 * order.  Returns false without memory.
 */
bool closer_drain_node(struct closer *closer, unsigned rate,
    uint64_t deadline_ms);

/* Ends the node order. */
void closer_undrain_node(struct closer *closer);

/* Closes idle conns of all backends because lb4 stops, at a rate that finishes
 * before `within_ms` have passed.  Returns false without memory. */
bool closer_stop(struct closer *closer, unsigned within_ms);

/* Reduces each backend's conns per weight to at most the threshold times the
 * mean.  As rebalance_begin(). */
bool closer_rebalance(struct closer *closer, const struct service *service,
    const struct rebalance *asked, uint64_t *surplus);

/* Returns the rate per second that closes `conns` before `within_ms` have
 * passed. */
unsigned closer_stop_rate(uint64_t conns, unsigned within_ms);

#endif
