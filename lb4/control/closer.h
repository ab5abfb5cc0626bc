/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The closer: control's part in closing conns in good order, for drain with a
 * rate, rebalance, on-down, a node that drains and stopping.  Each of these is
 * an order:
 *
 *	drain		idle conns of the backend; past the deadline the busy
 *			ones, too.  Over when none is left or it is ready again
 *	rebalance	idle conns of the backends that have too many.  Over
 *			when none has, or at its deadline
 *	on-down		idle conns of a backend that is down; then, with "all",
 *			the busy ones.  Over when none is left or it is up
 *	node		idle conns of all backends, if it has a rate; past the
 *			deadline all.  Over when none is left then
 *	stop		idle conns of all backends; control ends what is left
 *
 * An order is with one worker at a time (lb4/engine/closing.h), which may close
 * at most a 50th of a second's conns then, at least one; the next may follow
 * when the time of those that were closed has passed since they were.  So in no
 * second more are closed than the rate says, give or take that 50th where it
 * does not divide the rate; all workers together.
 *
 * The quietest first: a round through all workers first looks how quiet the
 * quietest conn is, the next one closes what is at least half as quiet; when a
 * round finds no such conn any more, it is half of what is the quietest then.
 *
 * A part of the control thread.
 */
#ifndef LB4_CONTROL_CLOSER_H
#define LB4_CONTROL_CLOSER_H

#include <stdbool.h>
#include <stdint.h>

struct backend;
struct closer;
struct rebalance;
struct running;
struct service;

#define CLOSER_RATE 20	       /* a second, without a word */
#define CLOSER_RATE_MAX 100000 /* a second */
#define CLOSER_CUT_RATE 1000   /* a second, past a node's deadline */

/* NULL without memory.  `running` outlives it. */
struct closer *closer_new(const struct running *running);

/* No worker may be left.  NULL is fine. */
void closer_free(struct closer *closer);

/* Readable when a worker has done its piece; for control's epoll. */
int closer_fd(const struct closer *closer);

/* How many milliseconds until something is due; -1: nothing is. */
int closer_sleep(const struct closer *closer, uint64_t now_ms);

/* Conns of backends that are down have so much more time before they count as
 * busy: control did not look.  Deadlines that somebody has set stay. */
void closer_give_time(struct closer *closer, uint64_t gap_ms);

/* Does what is due. */
void closer_turn(struct closer *closer, uint64_t now_ms);

/* Closes the conns of a backend that drains; an order of before is over.
 * `deadline_ms` is on the clock of timer_now_ms(); 0: busy ones stay.  False
 * without memory. */
bool closer_drain(struct closer *closer, const struct backend *backend,
    unsigned rate, uint64_t deadline_ms);

/* Ends that: the backend drains without it, or no more. */
void closer_undrain(struct closer *closer, const struct backend *backend);

/*
 * Closes conns of all backends, since this node drains; an order of before is
 * over.  `rate` 0: none before the deadline.  Past it the rate is at least
 * CLOSER_CUT_RATE: by then their packets may go to another node.  Does nothing
 * when lb4 stops: that has a pace and an end of its own.  False without memory.
 */
bool closer_drain_node(struct closer *closer, unsigned rate,
    uint64_t deadline_ms);

/* Ends that. */
void closer_undrain_node(struct closer *closer);

/* Closes idle conns of all backends, since lb4 stops `within_ms`: so fast that
 * those there are now are through with it before.  False without memory. */
bool closer_stop(struct closer *closer, unsigned within_ms);

/* Brings the backends' conns per weight to at most the threshold times their
 * mean, as rebalance_begin(). */
bool closer_rebalance(struct closer *closer, const struct service *service,
    const struct rebalance *asked, uint64_t *surplus);

/* How many conns to close in a second, so that `conns` are closed before
 * `within_ms` have passed. */
unsigned closer_stop_rate(uint64_t conns, unsigned within_ms);

#endif
