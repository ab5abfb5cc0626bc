/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the kernel holds of a conn: bytes that lb4 has handed to a socket and
 * the peer has not taken yet, bytes that it has received and lb4 has not read
 * yet.  Called by conn.c when a deadline is near, never for each event.
 *
 * A side has taken what was relayed to it less what waits in its socket's send
 * queue (SIOCOUTQ: for TCP the bytes that are not acknowledged; for a unix
 * socket the memory of what the peer has not read).  When that number has
 * changed between two looks the side takes bytes, however slowly, and no
 * deadline ends the conn for its silence.  A side that is owed bytes and has
 * taken none since an earlier look is stalled.
 *
 * Looks.  A conn through which bytes go is looked at every PROGRESS_LOOK_MS; as
 * long as it owes something to a side, every PROGRESS_AGAIN_MS.  One that owes
 * nothing is not looked at again until bytes move.
 *
 * Memory.  What the sockets and pipes of stalled conns hold is summed up over
 * all workers.  When the sum is above the bound, conns are shed until it is
 * not, first those that hold the most for the longest time (bytes x seconds).
 * Each worker sheds its own, and only those at least as bad as the mean of all
 * workers' stalled conns: the worst ones may be another's.
 */
#ifndef LB4_ENGINE_PROGRESS_H
#define LB4_ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct worker;

#define PROGRESS_LOOK_MS 3000
#define PROGRESS_AGAIN_MS 1000

/* A side that has taken nothing for so long holds memory as a stalled one. */
#define PROGRESS_STALLED_MS 2000

/* The bound that `config` has, or for "auto" half of what the kernel lets TCP
 * have before it looks at its use (the first number of tcp_mem: that is 5 % of
 * the memory); in KiB. */
struct config;
uint64_t progress_bound_kb(const struct config *config);

/* What waits in a socket's receive queue, or its send queue.  0 for -1. */
uint64_t progress_unread(int fd);
uint64_t progress_unsent(int fd);

/* Looks.  True when a side has taken something since the last look. */
bool progress_look(struct worker *worker, struct conn *conn);

/* When to look again if the last look found that a side is owed bytes, or for
 * the first time after bytes have moved: so many milliseconds later, but a part
 * of `limit_ms` at most. */
uint64_t progress_pause_ms(const struct conn *conn, uint64_t limit_ms);

/* The side (enum conn_side) that has taken nothing for timeout-stall, or -1. */
int progress_stalled(const struct worker *worker, const struct conn *conn);

/* The time in which this worker did not run is no silence of the peers. */
void progress_excuse(const struct worker *worker, struct conn *conn);

/* Bytes that count as relayed to that side and that the peer has not got when
 * the conn ends now with a reset.  A unix socket's peer can still read what
 * its queue holds. */
uint64_t progress_undelivered(const struct conn *conn, int side);

/* The conn is at its end: it holds nothing any more. */
void progress_forget(struct worker *worker, struct conn *conn);

/* How far a worker has shed conns. */
struct shedding {
	uint64_t least; /* KiB x ms: what holds less than this is spared */
	uint32_t slot;	/* the next to look at */
};

/* Counts what the conn holds, if it is stalled.  True when all stalled conns
 * hold more than the bound and this worker is to shed some of its own: each one
 * that progress_shed_next() returns, maybe this one too. */
bool progress_account(struct worker *worker, struct conn *conn,
    struct shedding *shedding);

/* The next conn to end, or NULL: it is enough. */
struct conn *progress_shed_next(const struct worker *worker,
    struct shedding *shedding);

#endif
