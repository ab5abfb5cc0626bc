/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Passive health: the backends of all services with observe = on, and which of
 * them are ejected because their conns fail.  A part of the prober's thread; it
 * looks at a backend's counts when a worker says that a conn has failed.
 *
 * Two guards keep lb4 from making it worse.  At most max-eject of a service's
 * backends are ejected at a time.  And if more than half of at least three
 * backends fail at once, lb4's own network is suspected: none of them is
 * ejected for one more round.
 */
#ifndef LB4_HEALTH_PASSIVE_H
#define LB4_HEALTH_PASSIVE_H

#include <stdint.h>

#include "common/attr.h"

struct passive;
struct table;

/* NULL without memory.  `news` is called when a backend (by id) has been
 * ejected or is back. */
struct passive *passive_new(void (*news)(void *owner, uint32_t backend),
    void *owner);

/* NULL is allowed.  Ends all ejections. */
void passive_free(struct passive *passive, uint64_t now_ms);

/* Observes the backends of `table`.  What is known of those that stay is kept,
 * also what the process before this one knew.  0, or -ENOMEM with no change. */
must_check int passive_follow(struct passive *passive,
    const struct table *table, uint64_t now_ms);

/* A conn of this backend has failed. */
void passive_on_failure(struct passive *passive, uint32_t backend,
    uint64_t now_ms);

/* Its checks have brought this backend up: that is newer than what its conns
 * said. */
void passive_on_up(struct passive *passive, uint32_t backend, uint64_t now_ms);

/* Ends the ejections whose time is over.  Returns when the next one is over;
 * UINT64_MAX: none is under way. */
uint64_t passive_turn(struct passive *passive, uint64_t now_ms);

#endif
