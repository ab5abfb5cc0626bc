/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Maglev's table (Eisenbud et al., "Maglev: A Fast and Reliable Software
 * Network Load Balancer", NSDI 2016, section 3.4), with weights: a prime number
 * M of slots, each holding a backend.  A client's hash chooses a slot.
 *
 * Every backend gets its exact share of the slots: M x weight / sum of weights,
 * rounded up or down.  Each backend claims slots in its own order, a
 * permutation that depends only on its name and the seed, in turns proportional
 * to its weight.  Two nodes with the same names, weights and seed build the
 * same table.
 */
#ifndef LB4_BALANCE_MAGLEV_H
#define LB4_BALANCE_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"

struct maglev {
	uint32_t size;	 /* M, a prime */
	uint16_t slot[]; /* index of a backend */
};

/* The size for these weights: the smallest of the known primes that is at
 * least 100 times their sum divided by their greatest common divisor; 0 when
 * none is large enough or all weights are 0. */
uint32_t maglev_size(const unsigned *weights, size_t count);

/* The table of `count` (1 to 65,535) backends, names sorted; NULL without
 * memory or when maglev_size() is 0.  Freed with free(3). */
struct maglev *maglev_new(const char *const *names, const unsigned *weights,
    size_t count, const struct hash_key *seed);

/* 64-bit checksum of the slots and names: equal tables have equal ones. */
uint64_t maglev_checksum(const struct maglev *maglev, const char *const *names,
    size_t count);

#endif
