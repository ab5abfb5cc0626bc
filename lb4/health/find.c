/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * border[i] is the length of the longest proper prefix of text[0 .. i] that is
 * also its suffix.
 */
#include "lb4/health/find.h"

#include <assert.h>

/* How much of the text matches after one more byte. */
static size_t
step(const char *text, const uint8_t *border, size_t at, char byte)
{
	while (at > 0 && text[at] != byte)
		at = border[at - 1];
	return text[at] == byte ? at + 1 : 0;
}

void
find_prepare(const char *text, size_t len, uint8_t *border)
{
	assert(len > 0 && len <= FIND_MAX);
	border[0] = 0;
	for (size_t i = 1; i < len; i++)
		border[i] = (uint8_t)step(text, border, border[i - 1], text[i]);
}

size_t
find_feed(const struct find *find, size_t *at, const char *bytes, size_t len)
{
	size_t took = 0;

	while (took < len && *at < find->len)
		*at = step(find->text, find->border, *at, bytes[took++]);
	return took;
}
