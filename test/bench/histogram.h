/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * Latencies in a histogram: exact up to 128 ns, then 64 steps to each power of
 * two, so that a value is off by less than 2 %. load counts all of them.
 */

#ifndef TEST_BENCH_HISTOGRAM_H
#define TEST_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SIZE 4096

/* All zeros is an empty one. */
struct histogram {
	uint64_t count, step[HISTOGRAM_SIZE];
};

/* Counts one latency; a negative one counts as 0. */
void histogram_add(struct histogram *histogram, int64_t ns);

/* The latency in ns that the fraction of all did not exceed; 0 if empty. */
uint64_t histogram_at(const struct histogram *histogram, double fraction);

#endif
