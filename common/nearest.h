/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which of some names is meant by a word that is none of them: for "did you
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

/* `name` is the best one if it differs in at most two letters, and fewer than
 * half of its own, from the word, and no other differs in less; or, while there
 * is none, if one of both begins with the other. */
void nearest_try(struct nearest *nearest, const char *name);

/* How many changes of one letter turn `a` into `b` (Levenshtein); cases are
 * alike.  SIZE_MAX for more than 64 letters. */
size_t nearest_distance(const char *a, const char *b);

#endif
