/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Windows of time: see limiter.h. */
#include "common/limiter.h"

#include <assert.h>

void
limiter_init(struct limiter *limiter, unsigned most, unsigned window_ms)
{
	assert(most > 0 && window_ms > 0);
	*limiter = (struct limiter){ .most = most, .window_ms = window_ms };
}

static bool
is_over(const struct limiter *limiter, uint64_t now_ms)
{
	return limiter->began_ms == 0 ||
	    now_ms - limiter->began_ms >= limiter->window_ms;
}

/* Starts a new window if the last one is over. */
static void
turn_window(struct limiter *limiter, uint64_t now_ms)
{
	if (!is_over(limiter, now_ms))
		return;
	limiter->untold += limiter->left_out;
	limiter->left_out = 0;
	limiter->passed = 0;
	limiter->began_ms = now_ms;
}

bool
limiter_pass(struct limiter *limiter, uint64_t now_ms)
{
	turn_window(limiter, now_ms);
	if (limiter->passed < limiter->most) {
		limiter->passed++;
		return true;
	}
	limiter->left_out++;
	return false;
}

uint64_t
limiter_left_out(struct limiter *limiter, uint64_t now_ms)
{
	uint64_t count;

	if (limiter->left_out > 0)
		turn_window(limiter, now_ms);
	count = limiter->untold;
	limiter->untold = 0;
	return count;
}
