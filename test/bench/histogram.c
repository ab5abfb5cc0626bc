/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * The histogram of latencies that load fills and reports.
 */

#include "test/bench/histogram.h"

void
histogram_add(struct histogram *histogram, int64_t ns)
{
	uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
	unsigned shift = 0;

	if (value >= 128)
		shift = 57 - (unsigned)__builtin_clzll(value);
	histogram->step[shift * 64 + (unsigned)(value >> shift)]++;
	histogram->count++;
}

uint64_t
histogram_at(const struct histogram *histogram, double fraction)
{
	uint64_t want = (uint64_t)(fraction * (double)histogram->count);
	uint64_t seen = 0;
	unsigned i, shift;

	for (i = 0; i < HISTOGRAM_SIZE - 1; i++) {
		seen += histogram->step[i];
		if (seen > want)
			break;
	}
	if (seen == 0)
		return 0;
	shift = i < 128 ? 0 : i / 64 - 1;
	return ((uint64_t)(i - shift * 64 + 1) << shift) - 1;
}
