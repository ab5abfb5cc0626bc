/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Decides from the results of its checks whether a backend is up.  Pure, so
 * that a test can simulate years of checks.
 *
 * The first result decides at once.  After that, `fall` failed checks in a row
 * take a backend down, and `rise` good ones in a row bring it up.
 */
#ifndef LB4_HEALTH_VERDICT_H
#define LB4_HEALTH_VERDICT_H

#include <stdbool.h>

/* All zero at the start: nothing is known, and the backend counts as up. */
struct verdict {
	bool decided; /* there was a result */
	bool down;
	unsigned passed; /* in a row, so far */
	unsigned failed;
};

enum verdict_change {
	VERDICT_SAME,
	VERDICT_UP,   /* also: the first result is good */
	VERDICT_DOWN, /* also: the first result is bad */
};

/* Counts one result.  `rise` and `fall` are 1 or more. */
enum verdict_change verdict_note(struct verdict *verdict, bool passed,
    unsigned rise, unsigned fall);

#endif
