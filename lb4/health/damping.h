/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Damping of a backend that flaps.  It goes down at once, but comes up only if
 * DAMPING_MOST transitions in any DAMPING_WINDOW_MS are not exceeded, even if
 * it goes down again at once.  A backend that relapses again and again is also
 * held down, twice as long each time.  Pure: the caller provides the clock.
 *
 * Why the first rule is enough: among five transitions in a row there is one
 * up that has two of them before it, or more.  It came when the third-last
 * transition was older than the window, so the five are not in one.
 */
#ifndef LB4_HEALTH_DAMPING_H
#define LB4_HEALTH_DAMPING_H

#include <stdbool.h>
#include <stdint.h>

#define DAMPING_MOST 4
#define DAMPING_WINDOW_MS UINT64_C(60000)
#define DAMPING_HOLD_MS UINT64_C(60000) /* for the second relapse */
#define DAMPING_LONGEST_MS UINT64_C(600000)

/* All zero at the start. */
struct damping {
	uint64_t at_ms[DAMPING_MOST - 1]; /* the last ones; the oldest first */
	unsigned known;			  /* how many there are of them */
	unsigned relapses;   /* went down soon after it had come up, in a row */
	uint64_t carried_ms; /* held until then by the process before */
};

/* The backend goes down, or comes up. */
void damping_note(struct damping *damping, bool down, uint64_t now_ms);

/* When a backend that is down may come up; 0: at any time. */
uint64_t damping_until(const struct damping *damping);

#endif
