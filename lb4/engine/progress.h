/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the kernel holds of a conn: bytes that lb4 has written to a socket and
 * the peer has not taken yet, and bytes that the kernel has received and lb4
 * has not read yet.  Called by conn.c when a deadline is near, never for each
 * event.
 *
 * A side has taken what was relayed to it, less what waits in its socket's send
 * queue (SIOCOUTQ: for TCP the bytes that are not acknowledged, for a unix
 * socket the memory of what the peer has not read).  When that number changes
 * between two looks, the side takes bytes, however slowly, and no deadline ends
 * the conn for its silence.  A side that is owed bytes and has taken none since
 * an earlier look is stalled.
 *
 * Looks.  While bytes move, a conn is looked at every PROGRESS_LOOK_MS; while a
 * side is owed bytes, every PROGRESS_AGAIN_MS.  A conn that owes nothing is not
 * looked at again until bytes move.
 *
 * Memory.  What the sockets and pipes of stalled conns hold is summed up over
 * all workers.  While the sum is above the bound, lb4 sheds conns, first those
 * that have held the most for the longest time (bytes x seconds).  Each worker
 * sheds its own, and only conns at least as bad as the mean of all stalled
 * conns, since the worst ones may be in another worker.
 */
#ifndef LB4_ENGINE_PROGRESS_H
#define LB4_ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

struct conn;
struct worker;

#define PROGRESS_LOOK_MS 3000
#define PROGRESS_AGAIN_MS 1000

/* After this long without taking anything, a side counts as stalled. */
#define PROGRESS_STALLED_MS 2000

/* The bound from `config`, in KiB.  For "auto", half of what the kernel lets
 * TCP use before it checks (the first number of tcp_mem, about 5 % of the
 * memory). */
struct config;
uint64_t progress_bound_kb(const struct config *config);

/* Bytes in a socket's receive queue or send queue.  0 for descriptor -1. */
uint64_t progress_unread(int fd);
uint64_t progress_unsent(int fd);

/* Looks at the conn.  True if a side has taken something since the last look.
 */
bool progress_look(struct worker *worker, struct conn *conn);

/* Milliseconds until the next look, if the last one found that a side is owed
 * bytes, or if bytes have moved since; at most a part of `limit_ms`. */
uint64_t progress_pause_ms(const struct conn *conn, uint64_t limit_ms);

/* The side (enum conn_side) that has taken nothing for timeout-stall, or -1. */
must_check int progress_stalled(const struct worker *worker,
    const struct conn *conn);

/* The time in which this worker did not run does not count as silence of the
 * peers. */
void progress_excuse(const struct worker *worker, struct conn *conn);

/* Bytes that count as relayed to that side but do not reach the peer if the
 * conn ends now with a reset.  The peer of a unix socket can still read what
 * its queue holds. */
uint64_t progress_undelivered(const struct conn *conn, int side);

/* The conn ends: it no longer holds memory. */
void progress_forget(struct worker *worker, struct conn *conn);

/* The state of shedding in one worker. */
struct shedding {
	uint64_t least; /* KiB x ms: conns below this are spared */
	uint32_t slot;	/* the next to look at */
};

/* Counts what the conn holds, if it is stalled.  Returns true when all stalled
 * conns hold more than the bound and this worker has to shed conns: those that
 * progress_shed_next() returns, which may include this one. */
bool progress_account(struct worker *worker, struct conn *conn,
    struct shedding *shedding);

/* The next conn to end, or NULL when enough have ended. */
struct conn *progress_shed_next(const struct worker *worker,
    struct shedding *shedding);

#endif
