/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Histograms of durations, ratios and rates, with buckets on a logarithmic
 * scale.  Each has one writer, a worker or the prober; readers add up the
 * histograms of all writers.  An observation is a few compares and two relaxed
 * stores.
 */
#ifndef LB4_MODEL_HISTOGRAM_H
#define LB4_MODEL_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 18 /* at most */

/*
 * The inclusive upper bounds of the buckets; one more bucket has the rest.
 * Durations are in microseconds, as the names say.  Ratios take their place
 * in millionths, rates in bytes per second.
 */
struct histogram_scale {
	uint64_t bound_us[HISTOGRAM_BOUNDS];
	const char *text[HISTOGRAM_BOUNDS]; /* in the unit that is shown */
	unsigned bounds;
	unsigned unit; /* what is shown as 1: 1000000, or 1 for rates */
};

/* 10 us to 5 s: times of the network and of event loops. */
extern const struct histogram_scale histogram_short;

/* 1 ms to 4 days: durations of sessions. */
extern const struct histogram_scale histogram_long;

/* Of TCP connections (lb4/engine/tcpinfo.h): round-trip times from 50 us to
 * 1 s, ratios from 0 to a quarter, rates from 10 KB/s to 5 GB/s. */
extern const struct histogram_scale histogram_rtt;
extern const struct histogram_scale histogram_ratio;
extern const struct histogram_scale histogram_rate;

/* Writer: one thread, with relaxed load and store.  Readers: all. */
struct histogram {
	_Atomic uint64_t bucket[HISTOGRAM_BOUNDS + 1];
	_Atomic uint64_t sum_us;
};

/* A copy of one histogram, or the sum of several, for a reader. */
struct histogram_sums {
	uint64_t bucket[HISTOGRAM_BOUNDS + 1]; /* not cumulative */
	uint64_t sum_us;
};

static inline void
histogram_bump(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + by,
	    memory_order_relaxed);
}

/* Counts a value; for the writer. */
static inline void
histogram_observe(struct histogram *histogram,
    const struct histogram_scale *scale, uint64_t value)
{
	unsigned i = 0;

	while (i < scale->bounds && value > scale->bound_us[i])
		i++;
	histogram_bump(&histogram->bucket[i], 1);
	histogram_bump(&histogram->sum_us, value);
}

/* Adds a histogram to `sums`; from any thread. */
void histogram_add(struct histogram_sums *sums,
    const struct histogram *histogram);

/* The number of values. */
uint64_t histogram_count(const struct histogram_sums *sums);

#endif
