/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How much work conns are: an estimate of the CPU time that they cost, while
 * worker-rebalance is set.  Called by conn_relay.c and leveling.c.
 *
 * The unit of work is the cost of moving 1 KiB.  A run of a conn's relays costs
 * about as much as WEIGH_RUN units, and to open a conn as WEIGH_OPEN (make
 * bench measures these).  The CPU time of a worker's thread would be no better:
 * it depends on who else uses the CPU, and nothing divides it among the conns.
 */
#ifndef LB4_ENGINE_WEIGH_H
#define LB4_ENGINE_WEIGH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

struct config;
struct conn;
struct worker;
struct worker_shared;

#define WEIGH_RUN 32
#define WEIGH_OPEN 400

/* Whether the workers weigh, as the configuration says.  For control. */
void weigh_set(struct worker_shared *shared, const struct config *config);

/* The worker's notes of its conns.  0 or -ENOMEM. */
must_check int weigh_init(struct worker *worker);
void weigh_done(struct worker *worker);

/* The relays of the conn run. */
void weigh_count(struct worker *worker, const struct conn *conn);

/* All work of the worker so far. */
uint64_t weigh_worker(const struct worker *worker);

/* Notes what the conn, which relays, has done so far. */
void weigh_begin(struct worker *worker, const struct conn *conn);

/* What it has done since; false: it was not this worker's then. */
bool weigh_end(const struct worker *worker, const struct conn *conn,
    uint32_t *work);

#endif
