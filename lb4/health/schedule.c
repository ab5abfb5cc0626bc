/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * When to check: see schedule.h.
 */
#include "lb4/health/schedule.h"

#include "common/hash.h"

#define SPREAD_MAX_MS 500
#define SUSPECT_PAUSE_MS 100

unsigned
schedule_first_ms(unsigned inter_ms, uint64_t random)
{
	unsigned spread = inter_ms < SPREAD_MAX_MS ? inter_ms : SPREAD_MAX_MS;

	return spread > 0 ? hash_reduce(random, spread) : 0;
}

unsigned
schedule_inter(const struct config_check *check, const struct verdict *verdict)
{
	const bool changes = verdict->down ? verdict->passed > 0
					   : verdict->failed > 0;

	if (changes && check->fastinter_ms != 0)
		return check->fastinter_ms;
	if (verdict->down && check->downinter_ms != 0)
		return check->downinter_ms;
	return check->inter_ms;
}

unsigned
schedule_next_ms(unsigned inter_ms, uint64_t random)
{
	unsigned tenth = inter_ms / 10;

	return inter_ms - tenth + hash_reduce(random, 2 * tenth + 1);
}

bool
schedule_suspect(uint64_t now_ms, const struct schedule_last *last,
    unsigned inter_ms)
{
	uint64_t pause_ms = SUSPECT_PAUSE_MS;

	if (last->failed && inter_ms > pause_ms)
		pause_ms = inter_ms;
	return last->ended_ms == 0 || now_ms - last->ended_ms >= pause_ms;
}
