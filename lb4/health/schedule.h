/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When to check.  Pure: the caller provides the clock and the random numbers.
 */
#ifndef LB4_HEALTH_SCHEDULE_H
#define LB4_HEALTH_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/config/settings.h"
#include "lb4/health/verdict.h"

/* The delay of the first check of a new backend.  It is random, so that the
 * checks of many new backends are spread over `inter_ms`, or over half a second
 * if that is less. */
unsigned schedule_first_ms(unsigned inter_ms, uint64_t random);

/* The current interval: `fastinter` while the latest results contradict the
 * state of the backend, else `downinter` while it is down, else `inter`. */
unsigned schedule_inter(const struct config_check *check,
    const struct verdict *verdict);

/* The time from the beginning of one check to that of the next: `inter_ms` plus
 * or minus up to a tenth, so that checks do not synchronize. */
unsigned schedule_next_ms(unsigned inter_ms, uint64_t random);

/* What schedule_suspect() needs to know about the last check. */
struct schedule_last {
	uint64_t ended_ms; /* 0: there was none */
	bool failed;	   /* HEALTH_LOCAL does not count */
};

/*
 * Whether to check a suspect at once.  Not if the last check has just ended,
 * and not less than `inter_ms` after a check that failed.  So a burst of
 * refused conns counts as one failed check, and `fall` failed checks are as far
 * apart as regular ones.
 */
bool schedule_suspect(uint64_t now_ms, const struct schedule_last *last,
    unsigned inter_ms);

#endif
