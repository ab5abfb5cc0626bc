/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rebalancing: which conns are too many at which backend of a service.  The
 * order (order.h) that closes them is the closer's.
 */
#ifndef LB4_CONTROL_REBALANCE_H
#define LB4_CONTROL_REBALANCE_H

#include <stdbool.h>
#include <stdint.h>

struct order;
struct orders;
struct service;

#define REBALANCE_DEADLINE_MS 600000 /* unless told otherwise */
#define REBALANCE_THRESHOLD 1.1

/* What is asked. */
struct rebalance {
	unsigned rate;
	double threshold;
	uint64_t deadline_ms; /* on the clock of timer_now_ms() */
};

/* Makes the order; one of before for the service is over.  Says in *surplus how
 * many conns are too many; with 0 there is no order.  False without memory. */
bool rebalance_begin(struct orders *orders, const struct service *service,
    const struct rebalance *asked, uint64_t *surplus);

/* Aims the order at a backend that has too many conns; how many to close there
 * at most, 0: nothing now. */
uint64_t rebalance_aim(const struct orders *orders, struct order *order,
    uint64_t now_ms);

/*
 * How many conns a backend may have: with `weight` of `weights`, where `conns`
 * are to be shared.  Never less than what is its share, rounded up.
 */
uint64_t rebalance_allowance(uint64_t conns, uint64_t weight, uint64_t weights,
    double threshold);

#endif
