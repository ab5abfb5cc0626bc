/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Time that does not count for the deadlines of conns.  Called by worker.c. */
#ifndef LB4_ENGINE_CONN_EXCUSE_H
#define LB4_ENGINE_CONN_EXCUSE_H

#include <stdint.h>

struct worker;

/* The worker has not run for `gap_ms`, which is not silence of the peers.
 * Postpones the deadlines of all its conns by that much. */
void conns_excuse(struct worker *worker, uint64_t gap_ms);

#endif
