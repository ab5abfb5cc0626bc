/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A set of prefixes, in which the longest one that contains an address is
 * found.
 *
 * Debian has no fitting library in C: librte-lpm needs the whole of DPDK, and
 * libcidr only does arithmetic.  The prefixes are therefore turned into what
 * they mean: the points of the address space at which the longest prefix
 * changes, at most two for each prefix.  A look-up finds the last point that is
 * not above the address.  The points are in a B-tree without pointers whose
 * nodes are cache lines of eight 64-bit keys (the "S-tree" of Khuong and Morin,
 * Array Layouts for Comparison-Based Searching, 2017, section 5).  100,000
 * prefixes make six levels, the upper four of which stay in the first cache.
 * The lower half of an IPv6 address is compared only where prefixes longer than
 * 64 bits are.
 *
 * A set is immutable once built, so any number of threads may read it.
 */
#ifndef COMMON_PREFIXES_H
#define COMMON_PREFIXES_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/prefix.h"

struct prefixes;

/* What prefixes_find() returns for an address that no prefix contains. */
#define PREFIXES_NONE UINT32_MAX

/*
 * Builds a set of the prefixes of an array, which are known by their index in
 * it from then on.  `at` is its first prefix, and each following one is
 * `stride` bytes further.  Of equal prefixes the first one counts.  The array
 * is not needed afterwards.  Returns 0 with a set for the caller to free, or
 * -ENOMEM.
 */
must_check int prefixes_build(struct prefixes **out, const struct prefix *at,
    size_t count, size_t stride);

/* NULL is allowed. */
void prefixes_free(struct prefixes *set);

/* The index of the longest prefix that contains the address, or PREFIXES_NONE:
 * also for a client that has no IP address, and for a set that is NULL. */
uint32_t prefixes_find(const struct prefixes *set, const struct endpoint *ip);

/* The bytes of memory that it takes. */
size_t prefixes_size(const struct prefixes *set);

#endif
