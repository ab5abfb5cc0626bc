/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Gathering makes bulk transfers cheaper.  Every packet that arrives while a
 * worker sleeps wakes it.  A fast worker is nearly always asleep when the next
 * packet of a stream comes, so it would wake again and again for little, at the
 * cost of both ends.  After GATHER_AFTER bytes that filled the pipe, a stream
 * is therefore read by the clock: its socket reports nothing below GATHER_BYTES
 * (SO_RCVLOWAT, tcp(7); a FIN, an error and a full receive buffer are still
 * reported), and the worker looks at it every GATHER_US.  GATHER_SCARCE looks
 * in a row that find little end it.  So does a small message in the other
 * direction: where one side asks and the other answers, however much, nothing
 * is gathered.  Other conns are not affected.  The last bytes of a long
 * transfer may come GATHER_US later.
 *
 * Measured with 8 streams over loopback: a third less CPU for lb4, a quarter
 * less for the machine (test/bench/RESULTS.md).
 */
#ifndef LB4_ENGINE_GATHER_H
#define LB4_ENGINE_GATHER_H

#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/types.h"

#define GATHER_AFTER (1U << 20)
#define GATHER_BYTES (256 * 1024)
#define GATHER_US 200
#define GATHER_LITTLE 8192
#define GATHER_SCARCE 16

/* The relay from side `from` has moved `moved` bytes in a run, and the conn
 * goes on: begins or ends gathering on that side as the traffic requires. */
void gather_update(struct worker *worker, struct conn *conn,
    enum conn_side from, uint64_t moved);

/* The conn leaves its worker, because it ends or moves. */
void gather_forget(struct worker *worker, struct conn *conn);

/* The conn has come from another worker: what it gathered is read now. */
void gather_resume(struct conn *conn);

/* How many microseconds the worker may sleep, at most `sleep_ms` (-1: no
 * limit).  Returns -1 if no conn gathers: `sleep_ms` applies. */
must_check int gather_sleep_us(const struct worker *worker, int sleep_ms);

/* The conn that is due to run, or NULL.  Only one in a turn, so that small
 * traffic need not wait for all of them. */
struct conn *gather_next(struct worker *worker);

#endif
