/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rotating Bloom filters.
 */
#include "lb4/balance/activity.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/hash.h"

#define FILTERS 3 /* the current one, the one before, and the next: empty */
#define PROBES 4
#define BITS_PER_CLIENT 10
#define CLIENTS_MAX (1U << 23) /* more than pin-clients may be */

/* Keeps the filter's bits apart from the slots that the same hash chooses. */
#define SALT UINT64_C(0x6163746976697479)

struct activity {
	unsigned refs;
	uint64_t bits; /* of one filter, a power of two */

	/* When the current filter's period began, and which one it is.
	 * Writers: the worker that holds `turning`. */
	_Atomic uint64_t begun_ms;
	_Atomic uint32_t current;
	_Atomic bool turning;

	/* Writers: workers.  Cleared by the holder of `turning` while it is
	 * neither the current nor the last filter. */
	_Atomic uint64_t words[]; /* FILTERS x bits / 64 */
};

static uint64_t
bits_for(uint32_t clients)
{
	uint64_t bits = 1024;

	while (bits < (uint64_t)clients * BITS_PER_CLIENT)
		bits *= 2;
	return bits;
}

static struct activity *
with_bits(uint64_t bits, uint64_t now_ms)
{
	struct activity *activity = calloc(1,
	    sizeof(*activity) + FILTERS * bits / 8);

	if (activity == NULL)
		return NULL;
	activity->refs = 1;
	activity->bits = bits;
	atomic_init(&activity->begun_ms, now_ms);
	return activity;
}

struct activity *
activity_new(uint32_t clients, uint64_t now_ms)
{
	return with_bits(bits_for(clients), now_ms);
}

struct activity *
activity_ref(struct activity *activity)
{
	activity->refs++;
	return activity;
}

void
activity_unref(struct activity *activity)
{
	if (activity != NULL && --activity->refs == 0)
		free(activity);
}

static _Atomic uint64_t *
filter_of(struct activity *activity, uint32_t number)
{
	return activity->words + number % FILTERS * (activity->bits / 64);
}

/* The number of periods since the current filter began; 0 when another thread,
 * whose clock is ahead, has begun a new one. */
static uint64_t
age_of(const struct activity *activity, uint64_t now_ms, uint64_t period_ms)
{
	uint64_t begun = atomic_load_explicit(&activity->begun_ms,
	    memory_order_acquire);

	return now_ms > begun ? (now_ms - begun) / period_ms : 0;
}

/* Begins a new period.  The filter before the last one is cleared, for the
 * period after. */
static void
turn(struct activity *activity, uint64_t now_ms, uint64_t period_ms)
{
	uint32_t current;
	_Atomic uint64_t *old;

	if (atomic_exchange_explicit(&activity->turning, true,
		memory_order_acquire))
		return;
	if (age_of(activity, now_ms, period_ms) > 0) {
		current = atomic_load_explicit(&activity->current,
			      memory_order_relaxed) +
		    1;
		atomic_store_explicit(&activity->current, current,
		    memory_order_release);
		atomic_store_explicit(&activity->begun_ms, now_ms,
		    memory_order_release);
		old = filter_of(activity, current + 1);
		for (uint64_t i = 0; i < activity->bits / 64; i++)
			atomic_store_explicit(&old[i], 0, memory_order_relaxed);
	}
	atomic_store_explicit(&activity->turning, false, memory_order_release);
}

/* The i-th bit of a client. */
static uint64_t
bit_of(const struct activity *activity, uint64_t mixed, unsigned i)
{
	uint64_t first = mixed & UINT32_MAX;
	uint64_t stride = mixed >> 32 | 1;

	return (first + i * stride) & (activity->bits - 1);
}

static bool
is_in(const struct activity *activity, uint32_t number, uint64_t mixed)
{
	const _Atomic uint64_t *words = activity->words +
	    number % FILTERS * (activity->bits / 64);

	for (unsigned i = 0; i < PROBES; i++) {
		uint64_t bit = bit_of(activity, mixed, i);

		if ((atomic_load_explicit(&words[bit / 64],
			 memory_order_relaxed) >>
			    bit % 64 &
			1) == 0)
			return false;
	}
	return true;
}

void
activity_add(struct activity *activity, uint64_t hash, uint64_t now_ms,
    uint64_t period_ms)
{
	uint64_t mixed = hash_mix(hash ^ SALT);
	_Atomic uint64_t *words;

	if (age_of(activity, now_ms, period_ms) > 0)
		turn(activity, now_ms, period_ms);
	words = filter_of(activity,
	    atomic_load_explicit(&activity->current, memory_order_acquire));
	for (unsigned i = 0; i < PROBES; i++) {
		uint64_t bit = bit_of(activity, mixed, i);
		uint64_t mask = UINT64_C(1) << bit % 64;

		/* Usually it is set, and the cache line stays shared. */
		if ((atomic_load_explicit(&words[bit / 64],
			 memory_order_relaxed) &
			mask) == 0)
			(void)atomic_fetch_or_explicit(&words[bit / 64], mask,
			    memory_order_relaxed);
	}
}

bool
activity_has(const struct activity *activity, uint64_t hash, uint64_t now_ms,
    uint64_t period_ms)
{
	uint64_t mixed = hash_mix(hash ^ SALT);
	uint64_t age = age_of(activity, now_ms, period_ms);
	uint32_t current = atomic_load_explicit(&activity->current,
	    memory_order_acquire);

	/* No client has been added since, or a new period would have begun. */
	if (age <= 1 && is_in(activity, current, mixed))
		return true;
	return age == 0 && is_in(activity, current + FILTERS - 1, mixed);
}

bool
activity_is_for(const struct activity *activity, uint32_t clients)
{
	return activity->bits == bits_for(clients);
}

size_t
activity_memory(const struct activity *activity)
{
	return sizeof(*activity) + FILTERS * activity->bits / 8;
}

/* ---- for another process ----------------------------------------------- */

void
activity_describe(const struct activity *activity, struct activity_shape *shape)
{
	shape->bits = activity->bits;
	shape->begun_ms = atomic_load_explicit(&activity->begun_ms,
	    memory_order_acquire);
}

/* Where the words of that filter begin. */
static uint64_t
first_word(const struct activity *activity, bool before)
{
	const uint32_t current = atomic_load_explicit(&activity->current,
	    memory_order_acquire);

	return (current + (before ? FILTERS - 1 : 0)) % FILTERS *
	    (activity->bits / 64);
}

size_t
activity_read(const struct activity *activity, bool before, uint64_t first,
    uint64_t *words, size_t count)
{
	const uint64_t all = activity->bits / 64;
	const uint64_t from = first_word(activity, before) + first;
	size_t n = 0;

	for (; n < count && first + n < all; n++)
		words[n] = atomic_load_explicit(&activity->words[from + n],
		    memory_order_relaxed);
	return n;
}

struct activity *
activity_restore(const struct activity_shape *shape)
{
	if (shape->bits < bits_for(0) || shape->bits > bits_for(CLIENTS_MAX) ||
	    (shape->bits & (shape->bits - 1)) != 0)
		return NULL;
	return with_bits(shape->bits, shape->begun_ms);
}

bool
activity_write(struct activity *activity, bool before, uint64_t first,
    const uint64_t *words, size_t count)
{
	const uint64_t all = activity->bits / 64;
	const uint64_t to = first_word(activity, before) + first;

	if (first > all || count > all - first)
		return false;
	for (size_t i = 0; i < count; i++)
		atomic_store_explicit(&activity->words[to + i], words[i],
		    memory_order_relaxed);
	return true;
}
