/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which clients were active lately, without a list of them: Bloom filters
 * (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", CACM
 * 1970) over the hashes of clients, one for the current period and one for the
 * period before.
 *
 * A client that was added within the last period is always found.  After two
 * periods without being added it is forgotten, except for false positives: at
 * most 1.2 % in each filter that holds as many clients as it was made for (4
 * bits per client, of at least 10), 10 % with twice as many.
 *
 * Workers add with a relaxed atomic OR of the bits that are not set yet.  A
 * third, empty filter stands ready for the next period, so the thread that
 * begins a period clears no bit that others still read.  No thread waits.
 */
#ifndef LB4_BALANCE_ACTIVITY_H
#define LB4_BALANCE_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct activity;

/* Makes filters for `clients` in a period, with one reference; NULL without
 * memory.  One thread counts all references. */
struct activity *activity_new(uint32_t clients, uint64_t now_ms);
struct activity *activity_ref(struct activity *activity);
void activity_unref(struct activity *activity);

/* Any thread. */
void activity_add(struct activity *activity, uint64_t hash, uint64_t now_ms,
    uint64_t period_ms);

/* Whether the hash was added in the period that includes `now_ms`, or in the
 * one before.  Any thread; a hash that is being added at the same time may be
 * missed. */
bool activity_has(const struct activity *activity, uint64_t hash,
    uint64_t now_ms, uint64_t period_ms);

/* Whether it was made for that many clients. */
bool activity_is_for(const struct activity *activity, uint32_t clients);

/* For another process: its bits and the beginning of the current period. */
struct activity_shape {
	uint64_t bits, begun_ms;
};
void activity_describe(const struct activity *activity,
    struct activity_shape *shape);

/* Copies up to `count` words of the current filter, or (`before`) of the one
 * before, from word `first` on.  Returns how many; 0: there are no more. */
size_t activity_read(const struct activity *activity, bool before,
    uint64_t first, uint64_t *words, size_t count);

/* Makes filters from such a description, with one reference.  NULL without
 * memory, or if there cannot be such filters. */
struct activity *activity_restore(const struct activity_shape *shape);

/* Sets words.  False, with nothing changed: there are not as many. */
bool activity_write(struct activity *activity, bool before, uint64_t first,
    const uint64_t *words, size_t count);

/* Its size in bytes. */
size_t activity_memory(const struct activity *activity);

#endif
