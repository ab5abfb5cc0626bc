/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Damping of a backend that flaps: see damping.h. */
#include "lb4/health/damping.h"

#define KEPT (DAMPING_MOST - 1)

void
damping_note(struct damping *damping, bool down, uint64_t now_ms)
{
	if (down && damping->known > 0) {
		const uint64_t up_ms = damping->at_ms[KEPT - 1];

		if (now_ms - up_ms < DAMPING_WINDOW_MS)
			damping->relapses++;
		else
			damping->relapses = 0;
	}
	for (unsigned i = 1; i < KEPT; i++)
		damping->at_ms[i - 1] = damping->at_ms[i];
	damping->at_ms[KEPT - 1] = now_ms;
	if (damping->known < KEPT)
		damping->known++;
	damping->carried_ms = 0;
}

/* How long the latest relapse holds it down. */
static uint64_t
hold_ms(const struct damping *damping)
{
	uint64_t ms = DAMPING_HOLD_MS;

	if (damping->relapses < 2)
		return 0;
	for (unsigned i = 2; i < damping->relapses && ms < DAMPING_LONGEST_MS;
	     i++)
		ms *= 2;
	return ms < DAMPING_LONGEST_MS ? ms : DAMPING_LONGEST_MS;
}

uint64_t
damping_until(const struct damping *damping)
{
	uint64_t until_ms = damping->carried_ms, held_ms;

	if (damping->known == KEPT &&
	    until_ms < damping->at_ms[0] + DAMPING_WINDOW_MS)
		until_ms = damping->at_ms[0] + DAMPING_WINDOW_MS;
	held_ms = damping->relapses < 2
	    ? 0
	    : damping->at_ms[KEPT - 1] + hold_ms(damping);
	return until_ms > held_ms ? until_ms : held_ms;
}
