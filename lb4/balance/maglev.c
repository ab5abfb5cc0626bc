/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Building Maglev's table, for the policies that hash.
 *
 * Backend i walks the slots as offset_i, offset_i + skip_i, offset_i + 2
 * skip_i, ... modulo M, which visits each slot once because M is prime.  In its
 * turn it takes the first free slot on its walk.  The heaviest backend has a
 * turn in every round, a backend of half that weight in every second round, and
 * so on; a backend that has its full share of slots has no more turns.
 */
#include "lb4/balance/maglev.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/settings.h"

#define SLOTS_PER_WEIGHT 100

static const uint32_t sizes[] = { 4099, 65537, 262147, 655373, 2000003 };

/* One backend while the table is built. */
struct claimant {
	uint32_t next; /* the next slot of its walk */
	uint32_t skip;
	uint32_t left; /* slots it has yet to take */
	unsigned weight;
	unsigned credit; /* a turn costs the heaviest one's weight */
};

struct remainder {
	uint64_t value;
	size_t index;
};

static unsigned
gcd(unsigned a, unsigned b)
{
	unsigned rest;

	while (b != 0) {
		rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

uint32_t
maglev_size(const unsigned *weights, size_t count)
{
	uint64_t sum = 0;
	unsigned divisor = 0;

	for (size_t i = 0; i < count; i++) {
		sum += weights[i];
		divisor = gcd(divisor, weights[i]);
	}
	if (sum == 0)
		return 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i] >= SLOTS_PER_WEIGHT * (sum / divisor))
			return sizes[i];
	return 0;
}

static int
remainder_compare(const void *a, const void *b)
{
	const struct remainder *x = a;
	const struct remainder *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* Gives each backend its share rounded down, and one of the remaining slots to
 * each of the largest remainders (Hamilton's method). */
static int
share_slots(struct claimant *claimants, size_t count, uint32_t size)
{
	struct remainder *remainders;
	uint64_t sum = 0;
	uint32_t left = size;

	remainders = calloc(count, sizeof(*remainders));
	if (remainders == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sum += claimants[i].weight;
	for (size_t i = 0; i < count; i++) {
		uint64_t exact = (uint64_t)size * claimants[i].weight;

		claimants[i].left = (uint32_t)(exact / sum);
		left -= claimants[i].left;
		remainders[i].value = exact % sum;
		remainders[i].index = i;
	}
	qsort(remainders, count, sizeof(*remainders), remainder_compare);
	for (size_t i = 0; i < left; i++)
		claimants[remainders[i].index].left++;
	free(remainders);
	return 0;
}

/* The keyed hash of a name; `purpose` separates its uses. */
static uint64_t
hash_name(const struct hash_key *seed, char purpose, const char *name)
{
	char text[1 + CONFIG_NAME_MAX];
	size_t len = strnlen(name, CONFIG_NAME_MAX - 1);

	text[0] = purpose;
	memcpy(text + 1, name, len);
	return hash_sip(seed, text, 1 + len);
}

static struct claimant *
claimants_new(const char *const *names, const unsigned *weights, size_t count,
    uint32_t size, const struct hash_key *seed)
{
	struct claimant *claimants;

	claimants = calloc(count, sizeof(*claimants));
	if (claimants == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct claimant *one = &claimants[i];

		one->weight = weights[i];
		one->next = (uint32_t)(hash_name(seed, 'o', names[i]) % size);
		one->skip = (uint32_t)(hash_name(seed, 's', names[i]) %
				(size - 1)) +
		    1;
	}
	if (share_slots(claimants, count, size) < 0) {
		free(claimants);
		return NULL;
	}
	return claimants;
}

/* The next free slot on the claimant's walk. */
static uint32_t
claim(struct claimant *one, uint64_t *taken, uint32_t size)
{
	uint32_t slot;

	do {
		slot = one->next;
		one->next += one->skip;
		if (one->next >= size)
			one->next -= size;
	} while ((taken[slot / 64] >> slot % 64 & 1) != 0);
	taken[slot / 64] |= UINT64_C(1) << slot % 64;
	return slot;
}

static void
fill(struct maglev *maglev, struct claimant *claimants, size_t count,
    uint64_t *taken)
{
	uint32_t filled = 0;
	unsigned heaviest = 0;

	for (size_t i = 0; i < count; i++)
		if (claimants[i].weight > heaviest)
			heaviest = claimants[i].weight;
	while (filled < maglev->size) {
		for (size_t i = 0; i < count; i++) {
			struct claimant *one = &claimants[i];

			one->credit += one->weight;
			if (one->credit < heaviest || one->left == 0)
				continue;
			one->credit -= heaviest;
			maglev->slot[claim(one, taken, maglev->size)] =
			    (uint16_t)i;
			one->left--;
			filled++;
		}
	}
}

struct maglev *
maglev_new(const char *const *names, const unsigned *weights, size_t count,
    const struct hash_key *seed)
{
	struct maglev *maglev = NULL;
	struct claimant *claimants = NULL;
	uint64_t *taken = NULL;
	uint32_t size = maglev_size(weights, count);

	if (size == 0 || count > UINT16_MAX)
		return NULL;
	claimants = claimants_new(names, weights, count, size, seed);
	taken = calloc(size / 64 + 1, sizeof(*taken));
	if (claimants == NULL || taken == NULL)
		goto out;
	maglev = malloc(sizeof(*maglev) + size * sizeof(maglev->slot[0]));
	if (maglev == NULL)
		goto out;
	maglev->size = size;
	fill(maglev, claimants, count, taken);
out:
	free(taken);
	free(claimants);
	return maglev;
}

uint64_t
maglev_checksum(const struct maglev *maglev, const char *const *names,
    size_t count)
{
	const struct hash_key none = { 0, 0 };
	uint64_t sum = maglev->size;

	for (size_t i = 0; i < count; i++)
		sum = hash_mix(sum ^ hash_name(&none, 'n', names[i]));
	for (uint32_t i = 0; i < maglev->size; i++)
		sum = hash_mix(sum ^ maglev->slot[i]);
	return sum;
}
