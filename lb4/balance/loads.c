/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The tree of minima: see loads.h.
 */
#include "lb4/balance/loads.h"

#include <assert.h>
#include <stdlib.h>

#include "common/hash.h"

#define FAN_OUT 8
#define LEVELS_MAX 8 /* enough for FAN_OUT^7 backends */
#define WEIGHT_BITS 24
#define WEIGHT_MASK ((UINT64_C(1) << WEIGHT_BITS) - 1)

struct loads {
	size_t count;
	unsigned levels;
	const _Atomic uint64_t *changes;
	_Atomic uint64_t seen; /* of `changes`; writers: threads that refresh */
	_Atomic uint64_t from_ms;
	_Atomic uint64_t *level[LEVELS_MAX]; /* into `words` */
	_Atomic uint64_t *words;	     /* owned; whole cache lines */
};

static size_t
round_up(size_t count)
{
	return (count + FAN_OUT - 1) / FAN_OUT * FAN_OUT;
}

struct loads *
loads_new(size_t count, const _Atomic uint64_t *changes)
{
	struct loads *loads = calloc(1, sizeof(*loads));
	size_t size[LEVELS_MAX], total = 0;

	assert(count > 0);
	if (loads == NULL)
		return NULL;
	loads->count = count;
	loads->changes = changes;
	for (size_t words = count;; words = (words + FAN_OUT - 1) / FAN_OUT) {
		assert(loads->levels < LEVELS_MAX);
		size[loads->levels++] = round_up(words);
		total += round_up(words);
		if (words == 1)
			break;
	}
	loads->words = aligned_alloc(FAN_OUT * sizeof(uint64_t),
	    total * sizeof(uint64_t));
	if (loads->words == NULL) {
		free(loads);
		return NULL;
	}
	for (size_t i = 0; i < total; i++)
		atomic_init(&loads->words[i], LOADS_NONE);
	loads->level[0] = loads->words;
	for (unsigned i = 1; i < loads->levels; i++)
		loads->level[i] = loads->level[i - 1] + size[i - 1];
	atomic_init(&loads->seen, UINT64_MAX);
	return loads;
}

void
loads_free(struct loads *loads)
{
	if (loads == NULL)
		return;
	free(loads->words);
	free(loads);
}

/* The least load of eight words, with the weight of all words that have it. */
static uint64_t
sum_up(const _Atomic uint64_t *line)
{
	uint64_t sum = LOADS_NONE;

	for (int i = 0; i < FAN_OUT; i++) {
		uint64_t word = atomic_load_explicit(&line[i],
		    memory_order_acquire);

		if (word >> WEIGHT_BITS < sum >> WEIGHT_BITS)
			sum = word;
		else if (word >> WEIGHT_BITS == sum >> WEIGHT_BITS)
			sum += word & WEIGHT_MASK;
	}
	return sum;
}

/* Corrects a leaf; returns whether this call changed it.  The exchange comes
 * before the next reading, so a count that changes in between is either read
 * here, or changed by a thread that reads this leaf after us. */
static bool
settle_leaf(_Atomic uint64_t *word, unsigned index, loads_read *read,
    const void *of)
{
	uint64_t old = atomic_load(word);
	bool changed = false;

	for (;;) {
		uint64_t now = read(of, index);

		if (now == old)
			return changed;
		if (atomic_compare_exchange_strong(word, &old, now)) {
			old = now;
			changed = true;
		}
	}
}

static bool
settle(_Atomic uint64_t *word, const _Atomic uint64_t *line)
{
	uint64_t old = atomic_load(word);
	bool changed = false;

	for (;;) {
		uint64_t now = sum_up(line);

		if (now == old)
			return changed;
		if (atomic_compare_exchange_strong(word, &old, now)) {
			old = now;
			changed = true;
		}
	}
}

bool
loads_refresh(struct loads *loads, loads_read *read, const void *of)
{
	uint64_t changes = atomic_load(loads->changes);
	size_t words = loads->count;

	if (changes == atomic_load_explicit(&loads->seen, memory_order_acquire))
		return false;
	for (size_t i = 0; i < words; i++)
		settle_leaf(&loads->level[0][i], (unsigned)i, read, of);
	for (unsigned l = 1; l < loads->levels; l++) {
		words = (words + FAN_OUT - 1) / FAN_OUT;
		for (size_t i = 0; i < words; i++)
			settle(&loads->level[l][i],
			    &loads->level[l - 1][i * FAN_OUT]);
	}
	atomic_store_explicit(&loads->seen, changes, memory_order_release);
	return true;
}

void
loads_set_from_ms(struct loads *loads, uint64_t ms)
{
	atomic_store_explicit(&loads->from_ms, ms, memory_order_relaxed);
}

uint64_t
loads_from_ms(const struct loads *loads)
{
	return atomic_load_explicit(&loads->from_ms, memory_order_relaxed);
}

void
loads_update(struct loads *loads, unsigned index, loads_read *read,
    const void *of)
{
	size_t at = index;

	assert(index < loads->count);
	if (!settle_leaf(&loads->level[0][at], index, read, of))
		return;
	for (unsigned l = 1; l < loads->levels; l++) {
		at /= FAN_OUT;
		if (!settle(&loads->level[l][at],
			&loads->level[l - 1][at * FAN_OUT]))
			return;
	}
}

/* The word in the line with the wanted load, chosen by `hash`; -1: none. */
static int
choose(const _Atomic uint64_t *line, uint64_t hash, uint64_t *want)
{
	uint32_t place = hash_reduce(hash, (uint32_t)(*want & WEIGHT_MASK));

	for (int i = 0; i < FAN_OUT; i++) {
		uint64_t word = atomic_load_explicit(&line[i],
		    memory_order_acquire);

		if (word >> WEIGHT_BITS != *want >> WEIGHT_BITS)
			continue;
		if (place < (word & WEIGHT_MASK)) {
			*want = word;
			return i;
		}
		place -= (uint32_t)(word & WEIGHT_MASK);
	}
	return -1;
}

int
loads_least(const struct loads *loads, uint64_t hash, uint64_t *word)
{
	uint64_t want =
	    atomic_load_explicit(&loads->level[loads->levels - 1][0],
		memory_order_acquire);
	size_t at = 0;

	if (want == LOADS_NONE)
		return -1;
	for (unsigned l = loads->levels - 1; l > 0; l--) {
		int i = choose(&loads->level[l - 1][at * FAN_OUT], hash, &want);

		if (i < 0)
			return LOADS_CHANGING;
		at = at * FAN_OUT + (size_t)i;
		hash = hash_mix(hash);
	}
	*word = want;
	return (int)at;
}
