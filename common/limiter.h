/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Keeps what others can cause from happening without end: a line in the log for
 * each caller that is refused, a costly answer.  At most so many pass in a
 * window of time; the others are counted, so that it can be told how many they
 * were.
 *
 * Owned by one thread.  Times are milliseconds on CLOCK_MONOTONIC.
 */
#ifndef COMMON_LIMITER_H
#define COMMON_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter {
	unsigned most;	    /* that pass ... */
	unsigned window_ms; /* ... in so long */
	uint64_t began_ms;  /* the window, with the first one; 0: none has */
	unsigned passed;    /* in the window */
	uint64_t left_out;  /* in the window */
	uint64_t untold;    /* left out in windows before it */
};

void limiter_init(struct limiter *limiter, unsigned most, unsigned window_ms);

/* Whether another one may pass; else it is counted. */
bool limiter_pass(struct limiter *limiter, uint64_t now_ms);

/* How many did not pass in the windows that are over, and were not told of yet.
 */
uint64_t limiter_left_out(struct limiter *limiter, uint64_t now_ms);

#endif
