/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Who has been here lately, without a list of who: Bloom filters (Bloom,
 * "Space/Time Trade-offs in Hash Coding with Allowable Errors", CACM 1970) over
 * the hashes of clients, one for the period that runs and one for that before.
 *
 * Whoever was added within the last period is found; who was not is mostly
 * forgotten after two, but for false positives: 1.2 % at most in each filter
 * when it holds as many clients as it was made for (4 bits of at least 10 for
 * each), 10 % with twice as many.
 *
 * Workers add, with a relaxed atomic OR of bits that are not set yet.  A third
 * filter, empty, is there for the next period, so that who begins it takes no
 * bit from under the others.  Nobody waits.
 */
#ifndef LB4_BALANCE_ACTIVITY_H
#define LB4_BALANCE_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct activity;

/* For `clients` in a period, with one reference; NULL without memory.  All
 * references are one thread's to count. */
struct activity *activity_new(uint32_t clients, uint64_t now_ms);
struct activity *activity_ref(struct activity *activity);
void activity_unref(struct activity *activity);

/* Any thread. */
void activity_add(struct activity *activity, uint64_t hash, uint64_t now_ms,
    uint64_t period_ms);

/* Whether it was added in the period that ran at `now_ms`, or the one before.
 * Any thread; what is being added meanwhile may be missed. */
bool activity_has(const struct activity *activity, uint64_t hash,
    uint64_t now_ms, uint64_t period_ms);

/* Whether it was made for so many clients. */
bool activity_is_for(const struct activity *activity, uint32_t clients);

/* Bytes that it takes. */
size_t activity_memory(const struct activity *activity);

#endif
