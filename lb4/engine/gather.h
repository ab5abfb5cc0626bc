/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Bulk is gathered.  Every packet that arrives while a worker sleeps wakes it,
 * and a fast worker is nearly always asleep when the next packet of a stream
 * comes: it would be woken for little, again and again, at the cost of both
 * ends.  A stream that has filled the pipe for GATHER_AFTER bytes is therefore
 * looked at by the clock: its socket reports nothing below GATHER_BYTES
 * (SO_RCVLOWAT, tcp(7); a FIN, an error and a receive buffer that runs full are
 * reported all the same), and the worker looks for itself every GATHER_US.
 * GATHER_SCARCE looks in a row that find little end it, and so does anything
 * small that comes the other way: where one side asks and the other answers,
 * however much, nothing is gathered.  Other conns are served as ever; the last
 * bytes of a long transfer may come GATHER_US later.
 *
 * Measured with 8 streams over loopback: a third less CPU for lb4, a quarter
 * less for the machine (test/bench/RESULTS.md).
 */
#ifndef LB4_ENGINE_GATHER_H
#define LB4_ENGINE_GATHER_H

#include <stdint.h>

#include "lb4/engine/types.h"

#define GATHER_AFTER (1U << 20)
#define GATHER_BYTES (256 * 1024)
#define GATHER_US 200
#define GATHER_LITTLE 8192
#define GATHER_SCARCE 16

/* The relay from side `from` of a conn that goes on has moved `moved` bytes in
 * a run: begins or ends gathering on that side as the traffic asks for it. */
void gather_update(struct worker *worker, struct conn *conn,
    enum conn_side from, uint64_t moved);

/* The conn leaves its worker, for good or for another one. */
void gather_forget(struct worker *worker, struct conn *conn);

/* It has come from another worker: what it gathered is looked at now. */
void gather_resume(struct conn *conn);

/* How many microseconds the worker may sleep, at most `sleep_ms` (-1: for
 * ever); -1 when no conn gathers and `sleep_ms` stands. */
int gather_sleep_us(const struct worker *worker, int sleep_ms);

/* If it is time: the conn that is to run now, or NULL.  One in a turn, so that
 * what is small need not wait for all of them. */
struct conn *gather_next(struct worker *worker);

#endif
