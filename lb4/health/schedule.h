/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When to check: pure, on anybody's clock and anybody's random numbers.
 */
#ifndef LB4_HEALTH_SCHEDULE_H
#define LB4_HEALTH_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* How long a new backend waits for its first check: not at all, but that many
 * new ones are spread over `inter_ms`, at most over half a second. */
unsigned schedule_first_ms(unsigned inter_ms, uint64_t random);

/* How long from the beginning of one check to that of the next: `inter_ms`,
 * give or take a tenth, so that checks do not fall into step. */
unsigned schedule_next_ms(unsigned inter_ms, uint64_t random);

/* Whether a suspicion at `now_ms` is worth a check when the last one ended at
 * `ended_ms` (0: there was none). */
bool schedule_suspect(uint64_t now_ms, uint64_t ended_ms);

#endif
