/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A schedule of backends by weight: each has its turns, evenly spaced.
 * roundrobin walks it, random draws from it.
 */
#ifndef LB4_BALANCE_TURNS_H
#define LB4_BALANCE_TURNS_H

#include <stddef.h>
#include <stdint.h>

struct turns {
	uint32_t len;	 /* the sum of the weights / their common divisor */
	uint16_t turn[]; /* index of a backend */
};

/* The schedule of `count` (1 to 65,535) backends; NULL without memory or when
 * all weights are 0.  Freed with free(3). */
struct turns *turns_new(const unsigned *weights, size_t count);

#endif
