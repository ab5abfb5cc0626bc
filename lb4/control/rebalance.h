/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rebalancing: computes which backends of a service have too many conns, and
 * aims the order (order.h) that closes them.  The closer runs the order.
 */
#ifndef LB4_CONTROL_REBALANCE_H
#define LB4_CONTROL_REBALANCE_H

#include <stdbool.h>
#include <stdint.h>

struct order;
struct orders;
struct service;

#define REBALANCE_DEADLINE_MS 600000 /* by default */
#define REBALANCE_THRESHOLD 1.1

/* A request. */
struct rebalance {
	unsigned rate;
	double threshold;
	uint64_t deadline_ms; /* on the clock of timer_now_ms() */
};

/* Makes the order and ends the service's previous one.  Sets *surplus to the
 * number of conns that are too many; with 0 it makes no order.  Returns false
 * without memory. */
bool rebalance_begin(struct orders *orders, const struct service *service,
    const struct rebalance *asked, uint64_t *surplus);

/* Aims the order at a backend with a surplus.  Returns how many conns to close
 * there; 0: none now. */
uint64_t rebalance_aim(const struct orders *orders, struct order *order,
    uint64_t now_ms);

/*
 * Returns how many of `conns` a backend with `weight` of `weights` may have: at
 * least its share, rounded up.
 */
uint64_t rebalance_allowance(uint64_t conns, uint64_t weight, uint64_t weights,
    double threshold);

#endif
