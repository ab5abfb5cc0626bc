/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Searches for a text in bytes that arrive in pieces, and looks at each byte
 * once: the algorithm of Knuth, Morris and Pratt (SIAM Journal on Computing 6,
 * 1977).  Pure; for the kinds of check that expect a text.
 */
#ifndef LB4_HEALTH_FIND_H
#define LB4_HEALTH_FIND_H

#include <stddef.h>
#include <stdint.h>

#define FIND_MAX 255 /* bytes of a text */

/* Prepares the search for `text`: fills `border`, which has `len` bytes as
 * well.  `len` is 1 to FIND_MAX. */
void find_prepare(const char *text, size_t len, uint8_t *border);

/* A text after find_prepare().  The caller owns all of it. */
struct find {
	const char *text;
	const uint8_t *border;
	size_t len;
};

/* Consumes bytes up to the end of the text, or all if it does not end there.
 * *at is how much of the text matches so far: 0 at the start, find->len when
 * the text is found.  Returns the number of bytes consumed. */
size_t find_feed(const struct find *find, size_t *at, const char *bytes,
    size_t len);

#endif
