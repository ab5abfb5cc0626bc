/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Witnesses for each other: see circle.h. */
#include "lb4/health/circle.h"

void
circle_note(struct circle *circle, uint32_t backend, bool failed,
    uint64_t now_ms)
{
	circle->recent[circle->next] = (struct circle_result){
		.backend = backend,
		.failed = failed,
		.ended_ms = now_ms,
	};
	circle->next = (circle->next + 1) % CIRCLE_RECENT;
}

/* The i-th latest result. */
static const struct circle_result *
latest(const struct circle *circle, unsigned i)
{
	return &circle->recent[(circle->next + CIRCLE_RECENT - 1 - i) %
	    CIRCLE_RECENT];
}

/* Whether a later result of the same backend is known than the i-th latest. */
static bool
is_outdated(const struct circle *circle, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (latest(circle, j)->backend == latest(circle, i)->backend)
			return true;
	return false;
}

enum circle_says
circle_judge(const struct circle *circle, size_t up, uint32_t backend,
    uint64_t began_ms)
{
	size_t wanted = up - 1, passed = 0, failed = 0;

	if (up < CIRCLE_MIN)
		return CIRCLE_FINE;
	if (wanted > CIRCLE_WITNESSES)
		wanted = CIRCLE_WITNESSES;
	for (unsigned i = 0; i < CIRCLE_RECENT && passed + failed < wanted;
	     i++) {
		const struct circle_result *result = latest(circle, i);

		if (result->backend == 0 || result->ended_ms < began_ms)
			break;
		if (result->backend == backend || is_outdated(circle, i))
			continue;
		if (result->failed)
			failed++;
		else
			passed++;
	}
	if (passed * 2 >= wanted)
		return CIRCLE_FINE;
	return failed * 2 > wanted ? CIRCLE_TROUBLE : CIRCLE_UNSURE;
}
