/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What real traffic says of one backend, from the counts of the workers.  Pure:
 * the caller provides counts and clock.
 *
 * A backend fails when attempts to connect fail, and when it resets conns
 * before it has sent a byte.  The two are counted apart, each in a row: a
 * connection that comes about ends the first row, a byte from the backend (or a
 * good end without one) the second.  A backend that accepts and resets is
 * therefore no good backend, and one that never speaks first is no bad one.
 *
 * An ejection lasts `time_ms`, twice as long at each repetition, at most
 * OBSERVE_LONGEST times as long.  After as long a time without an ejection all
 * is forgotten.
 */
#ifndef LB4_HEALTH_OBSERVE_H
#define LB4_HEALTH_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/model/backend.h"

#define OBSERVE_LONGEST 16

struct observe {
	struct backend_sums seen; /* at the last look */
	unsigned failed_connects; /* in a row */
	unsigned early_resets;
	enum health_result last; /* how the last of them failed */
	uint64_t failed_ms;	 /* when the last failure was seen; 0: never */

	unsigned ejections; /* one after the other, so far */
	bool ejected;
	uint64_t until_ms; /* its end, also when it is over */
};

/* Begins with these counts: what they have counted so far is history. */
void observe_begin(struct observe *observe, const struct backend_sums *sums);

/* Looks at the counts.  Returns how many failures in a row there are: the
 * longer of the two rows. */
unsigned observe_look(struct observe *observe, const struct backend_sums *sums,
    uint64_t now_ms);

/* Ejects the backend; returns for how long, in ms. */
uint64_t observe_eject(struct observe *observe, unsigned time_ms,
    uint64_t now_ms);

/* Ends the ejection, and begins to count anew. */
void observe_return(struct observe *observe, uint64_t now_ms);

/* The passive word that says all this; see backend.h. */
uint32_t observe_word(const struct observe *observe);

#endif
