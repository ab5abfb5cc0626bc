/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Scales and sums of histograms: see histogram.h. */
#include "lb4/model/histogram.h"

#define MS UINT64_C(1000)
#define S UINT64_C(1000000)
#define KB UINT64_C(1000)
#define MB UINT64_C(1000000)

/* A decade has three bounds: 1, 2.5 and 5. */
const struct histogram_scale histogram_short = {
	{ 10, 25, 50, 100, 250, 500, 1 * MS, 2500, 5 * MS, 10 * MS, 25 * MS,
	    50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S, 2500 * MS, 5 * S },
	{ "0.00001", "0.000025", "0.00005", "0.0001", "0.00025", "0.0005",
	    "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
	    "0.5", "1.0", "2.5", "5.0" },
	18,
	1000000,
};

/* A decade has two or three bounds; from 10 s on they are round times. */
const struct histogram_scale histogram_long = {
	{ 1 * MS, 5 * MS, 10 * MS, 50 * MS, 100 * MS, 500 * MS, 1 * S, 5 * S,
	    10 * S, 30 * S, 60 * S, 300 * S, 900 * S, 3600 * S, 14400 * S,
	    43200 * S, 86400 * S, 345600 * S },
	{ "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "5.0", "10.0",
	    "30.0", "60.0", "300.0", "900.0", "3600.0", "14400.0", "43200.0",
	    "86400.0", "345600.0" },
	18,
	1000000,
};

const struct histogram_scale histogram_rtt = {
	{ 50, 100, 250, 500, 1 * MS, 2500, 5 * MS, 10 * MS, 25 * MS, 50 * MS,
	    100 * MS, 250 * MS, 1 * S },
	{ "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005",
	    "0.01", "0.025", "0.05", "0.1", "0.25", "1.0" },
	13,
	1000000,
};

const struct histogram_scale histogram_ratio = {
	{ 0, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000 },
	{ "0.0", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
	    "0.25" },
	9,
	1000000,
};

const struct histogram_scale histogram_rate = {
	{ 10 * KB, 50 * KB, 100 * KB, 500 * KB, 1 * MB, 5 * MB, 10 * MB,
	    50 * MB, 100 * MB, 500 * MB, 1000 * MB, 5000 * MB },
	{ "10000.0", "50000.0", "100000.0", "500000.0", "1000000.0",
	    "5000000.0", "10000000.0", "50000000.0", "100000000.0",
	    "500000000.0", "1000000000.0", "5000000000.0" },
	12,
	1,
};

void
histogram_add(struct histogram_sums *sums, const struct histogram *histogram)
{
	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
		sums->bucket[i] += atomic_load_explicit(&histogram->bucket[i],
		    memory_order_relaxed);
	sums->sum_us += atomic_load_explicit(&histogram->sum_us,
	    memory_order_relaxed);
}

uint64_t
histogram_count(const struct histogram_sums *sums)
{
	uint64_t count = 0;

	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
		count += sums->bucket[i];
	return count;
}
