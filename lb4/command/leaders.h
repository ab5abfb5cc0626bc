/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The conns that have moved the most bytes, for `conns top=N`: rows of a sweep
 * come in any order, and the best ones stay, in order.
 */
#ifndef LB4_COMMAND_LEADERS_H
#define LB4_COMMAND_LEADERS_H

#include <stdint.h>

#include "lb4/engine/sweep.h"

#define LEADERS_MAX 64

struct leaders {
	unsigned wanted; /* 1 to LEADERS_MAX; set by the caller */
	unsigned count;	 /* 0 at first */
	struct sweep_row row[LEADERS_MAX]; /* most bytes first */
};

/* Adds a row if it is one of the best.  Of rows with as many bytes, the older
 * conn stays. */
void leaders_add(struct leaders *leaders, const struct sweep_row *row);

/* How many bytes a conn needs to become one of them. */
uint64_t leaders_entry(const struct leaders *leaders);

#endif
