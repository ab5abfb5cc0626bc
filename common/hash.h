/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Keyed hashing: without the key, nobody can choose addresses that all land on
 * one backend.
 *
 * The function is SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012), with a 128-bit key and a 64-bit result.  Its input
 * is bytes; the result does not depend on the byte order of the machine.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0; /* bytes 0 to 7 of the key, little-endian */
	uint64_t k1; /* bytes 8 to 15 */
};

/* SipHash-1-3 of `len` bytes at `data` under `key`. */
uint64_t hash_sip(const struct hash_key *key, const void *data, size_t len);

/* A cheap 64-bit finaliser (splitmix64): derives a second, independent-looking
 * value from a hash.  Not keyed by itself. */
uint64_t hash_mix(uint64_t x);

/* Maps `hash` to 0 .. n-1 without a division (multiply and shift; Lemire,
 * "Fast random integer generation in an interval").  n > 0. */
static inline uint32_t
hash_reduce(uint64_t hash, uint32_t n)
{
	return (uint32_t)(((hash >> 32) * n) >> 32);
}

#endif
