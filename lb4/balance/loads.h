/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The least loaded of many backends, found without a look at each of them: a
 * tree of minima that all workers share and none locks.
 *
 *	level 2	 [ least of all                                    ]
 *	level 1	 [ least of 0-7 | least of 8-15 | ...              ]
 *	level 0	 [ load of 0 | load of 1 | ...                     ]
 *
 * Each word above the leaves sums up the eight words below it, which are one
 * cache line: the least load among them, and the total weight of the backends
 * that have it.  A search walks from the root down and, among equals, gives
 * each its weight's chance.
 *
 *	bits 24-63	load: active conns x 65536 / weight
 *	bits 0-23	weight of all backends that have this load
 *
 * The division loses nothing: two loads that differ do so by more than
 * 1 / 65536, since no weight is above 256.
 *
 * Consistency.  Whoever has changed a backend's count calls loads_update().  It
 * replaces a word until the word agrees with what is below, and goes on upwards
 * from each word that it has changed.  A word that somebody else has set right
 * is that thread's to carry on.  So the root is exact when no update is under
 * way, and otherwise misses at most the one update that each other worker is
 * in.  (Jayanti, "f-arrays: implementation and applications", PODC 2002, has
 * the idea of an aggregate that its writers keep up.)
 *
 * Health and administrative state change elsewhere, and rarely: `changes`
 * counts these, and the first search after a change reads all leaves anew.
 */
#ifndef LB4_BALANCE_LOADS_H
#define LB4_BALANCE_LOADS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The load of a backend that may have no more conns. */
#define LOADS_NONE (UINT64_MAX << 24)

/* The word of a backend of weight 1 to 256 with fewer than 2^24 conns. */
static inline uint64_t
loads_word(uint32_t active, uint32_t weight)
{
	return (((uint64_t)active << 16) / weight) << 24 | weight;
}

struct loads;

/* What the loads are read from, live: the word of backend `index` of `of`. */
typedef uint64_t loads_read(const void *of, unsigned index);

/* `count` backends, none of them read yet.  `changes` outlives the tree.  NULL
 * without memory. */
struct loads *loads_new(size_t count, const _Atomic uint64_t *changes);
void loads_free(struct loads *loads);

/* Reads all backends anew if there have been changes since they were last read;
 * says whether it has. */
bool loads_refresh(struct loads *loads, loads_read *read, const void *of);

/* From when on the words have the weights that count (CLOCK_MONOTONIC, ms; 0 at
 * first), which those who refresh know: a backend may start slowly. */
void loads_set_from_ms(struct loads *loads, uint64_t ms);
uint64_t loads_from_ms(const struct loads *loads);

/* Reads one backend anew. */
void loads_update(struct loads *loads, unsigned index, loads_read *read,
    const void *of);

/*
 * One of the least loaded, by `hash`; its word goes to *word.  Returns its
 * index; -1 when no backend may have conns; -2 when the tree was changing under
 * the search, which is then to be made again.
 */
#define LOADS_CHANGING (-2)
int loads_least(const struct loads *loads, uint64_t hash, uint64_t *word);

#endif
