/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When to check: pure, on anybody's clock and anybody's random numbers.
 */
#ifndef LB4_HEALTH_SCHEDULE_H
#define LB4_HEALTH_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/config/settings.h"
#include "lb4/health/verdict.h"

/* How long a new backend waits for its first check: not at all, but that many
 * new ones are spread over `inter_ms`, at most over half a second. */
unsigned schedule_first_ms(unsigned inter_ms, uint64_t random);

/* How far apart checks are at present: `fastinter` while a backend changes,
 * which is when the last results are not what it counts as, `downinter` while
 * it is down. */
unsigned schedule_inter(const struct config_check *check,
    const struct verdict *verdict);

/* How long from the beginning of one check to that of the next: `inter_ms`,
 * give or take a tenth, so that checks do not fall into step. */
unsigned schedule_next_ms(unsigned inter_ms, uint64_t random);

/* The last check, as a suspicion sees it. */
struct schedule_last {
	uint64_t ended_ms; /* 0: there was none */
	bool failed;	   /* and that was counted */
};

/*
 * Whether a suspicion at `now_ms` is worth a check at once.  Not while the last
 * one has just been; and after one that failed, not before `inter_ms` have
 * passed: a burst of refused conns counts as one failed check, and `fall` of
 * them are as far apart as the regular ones.
 */
bool schedule_suspect(uint64_t now_ms, const struct schedule_last *last,
    unsigned inter_ms);

#endif
