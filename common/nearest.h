/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Finds the name that somebody probably meant by an unknown word, for "did you
 * mean".
 *
 *	nearest_begin(&nearest, word);
 *	for each name: nearest_try(&nearest, name);
 *	nearest.best
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word;
	const char *best; /* NULL: none is like it */
	size_t distance;  /* of that */
};

void nearest_begin(struct nearest *nearest, const char *word);

/* Tries a name.  It is the best one if it differs from the word in at most two
 * letters, in fewer than half of its own letters, and in fewer letters than the
 * names before it.  If no name qualifies, one that begins with the word, or
 * with which the word begins, is the best. */
void nearest_try(struct nearest *nearest, const char *name);

/* The number of one-letter changes that turn `a` into `b` (Levenshtein),
 * without regard to case.  SIZE_MAX for more than 64 letters. */
size_t nearest_distance(const char *a, const char *b);

#endif
