/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Looks for a text in bytes that come in pieces, each byte once: the algorithm
 * of Knuth, Morris and Pratt (SIAM Journal on Computing 6, 1977).  Pure, for
 * the ways of checking that expect something.
 */
#ifndef LB4_HEALTH_FIND_H
#define LB4_HEALTH_FIND_H

#include <stddef.h>
#include <stdint.h>

#define FIND_MAX 255 /* bytes of a text */

/* Prepares for `text` of `len` bytes, 1 to FIND_MAX: as many of `border`. */
void find_prepare(const char *text, size_t len, uint8_t *border);

/* A text that was prepared; it is the caller's. */
struct find {
	const char *text;
	const uint8_t *border;
	size_t len;
};

/* Takes bytes up to the end of the text, or all.  *at is how much of the text
 * was there before, and is now: 0 at the start, find->len when it is found.
 * Returns how many bytes it took. */
size_t find_feed(const struct find *find, size_t *at, const char *bytes,
    size_t len);

#endif
