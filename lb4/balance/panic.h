/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Panic: so few backends of a service are available that they would break down
 * under the load of all.  Checks may be wrong about the others, so new conns go
 * to every backend that nobody has taken out.
 */
#ifndef LB4_BALANCE_PANIC_H
#define LB4_BALANCE_PANIC_H

#include <stdbool.h>
#include <stddef.h>

struct service;

/* A service with fewer backends never panics. */
#define PANIC_MIN 3

/* The backends that count: no backups, with a weight, not joining, and not
 * taken out. */
struct panic_share {
	size_t backends;
	size_t available;
};

void panic_count(const struct service *service, struct panic_share *share);

/*
 * Whether less than the share `panic` of them is available.  Not if none is and
 * a backup serves, or conns wait for a backend (wait-for-backend).  A function
 * of the states alone; the answer is remembered until a state changes, so that
 * a pick need not count.
 */
bool panic_is_on(const struct service *service);

#endif
