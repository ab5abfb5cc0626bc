/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The least loaded of many backends, found without looking at each of them: a
 * tree of minima that all workers share without a lock.
 *
 *	level 2	 [ least of all                                    ]
 *	level 1	 [ least of 0-7 | least of 8-15 | ...              ]
 *	level 0	 [ load of 0 | load of 1 | ...                     ]
 *
 * Each word above the leaves summarises the eight words below it, which are one
 * cache line: the least load among them, and the total weight of the backends
 * with that load.  A search walks down from the root; among equals, each
 * backend's chance is proportional to its weight.
 *
 *	bits 24-63	load: active conns x 65536 / weight
 *	bits 0-23	weight of all backends that have this load, in units
 *			of 1 / LOADS_WEIGHT_ONE
 *
 * The division loses nothing for whole weights: two different loads differ by
 * more than 1 / 65536, since no weight is above 256.  An agent may set a
 * fraction of a weight: loads that are as close then count as equal.
 *
 * Consistency.  A thread that has changed a backend's count calls
 * loads_update().  It replaces a word until the word agrees with the words
 * below, and continues upwards from each word that it has changed.  When
 * another thread corrects a word first, that thread continues from there.  So
 * the root is exact when no update is in progress, and otherwise lacks at most
 * one update per other worker.  (Jayanti, "f-arrays: implementation and
 * applications", PODC 2002, has the idea of an aggregate that its writers
 * maintain.)
 *
 * Health and administrative state change elsewhere, and rarely: `changes`
 * counts those changes, and the first search after one reads all leaves again.
 */
#ifndef LB4_BALANCE_LOADS_H
#define LB4_BALANCE_LOADS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/config/limits.h"

/* The load of a backend that must not get more conns. */
#define LOADS_NONE (UINT64_MAX << 24)

/* One, in the unit of weights. */
#define LOADS_WEIGHT_ONE 64
static_assert(CONFIG_BACKENDS_MAX * CONFIG_WEIGHT_MAX * LOADS_WEIGHT_ONE < 1
	    << 24,
    "room for the weight of all backends");

/* The word of a backend with fewer than 2^24 conns, of a weight from 1 unit to
 * 256.  The highest loads, of a fraction of a weight, count as equal. */
static inline uint64_t
loads_word(uint32_t active, uint32_t weight)
{
	const uint64_t most = (LOADS_NONE >> 24) - 1;
	const uint64_t load = ((uint64_t)active << 16) * LOADS_WEIGHT_ONE /
	    weight;

	return (load < most ? load : most) << 24 | weight;
}

struct loads;

/* Reads the current load: the word of backend `index` of `of`. */
typedef uint64_t loads_read(const void *of, unsigned index);

/* Makes a tree of `count` backends, none of them read yet.  `changes` outlives
 * the tree.  NULL without memory. */
struct loads *loads_new(size_t count, const _Atomic uint64_t *changes);
void loads_free(struct loads *loads);

/* Reads all backends again if something has changed since the last time;
 * returns whether it did. */
bool loads_refresh(struct loads *loads, loads_read *read, const void *of);

/* The time (CLOCK_MONOTONIC, ms; 0 at first) from which the words have the full
 * weights, for callers of loads_refresh(): a backend may be in slowstart. */
void loads_set_from_ms(struct loads *loads, uint64_t ms);
uint64_t loads_from_ms(const struct loads *loads);

/* Reads one backend again. */
void loads_update(struct loads *loads, unsigned index, loads_read *read,
    const void *of);

/*
 * One of the least loaded, chosen by `hash`; its word goes to *word.  Returns
 * its index; -1 when no backend can take a conn; -2 when the tree changed
 * during the search, and the caller must search again.
 */
#define LOADS_CHANGING (-2)
must_check int loads_least(const struct loads *loads, uint64_t hash,
    uint64_t *word);

#endif
