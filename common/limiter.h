/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Limits how often something happens that others can cause: a log line for each
 * refused caller, an answer that costs much.  A limited number pass within a
 * window of time.  The limiter counts the others, so that their number can be
 * reported.
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

/* Whether another event may pass.  If not, it is counted. */
bool limiter_pass(struct limiter *limiter, uint64_t now_ms);

/* How many events did not pass in the windows that are over and have not been
 * reported yet. */
uint64_t limiter_left_out(struct limiter *limiter, uint64_t now_ms);

#endif
