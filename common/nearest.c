/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Likeness of names: see nearest.h. */
#include "common/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The longest name that is compared; a longer one matches nothing. */
#define COMPARE_MAX 64

#define DISTANCE_MAX 2

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* One row of the matrix at a time. */
size_t
nearest_distance(const char *a, const char *b)
{
	size_t row[COMPARE_MAX + 1];
	size_t b_len = strlen(b);

	if (strlen(a) > COMPARE_MAX || b_len > COMPARE_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];
			bool same = tolower((unsigned char)a[i - 1]) ==
			    tolower((unsigned char)b[j - 1]);

			row[j] = min3(above + 1, row[j - 1] + 1,
			    diagonal + !same);
			diagonal = above;
		}
	}
	return row[b_len];
}

void
nearest_begin(struct nearest *nearest, const char *word)
{
	nearest->word = word;
	nearest->best = NULL;
	nearest->distance = DISTANCE_MAX + 1;
}

void
nearest_try(struct nearest *nearest, const char *name)
{
	const char *word = nearest->word;
	const size_t len = strlen(word);
	const size_t distance = nearest_distance(word, name);

	/* Two differences in three letters are too many. */
	if (distance < nearest->distance && 2 * distance < strlen(name)) {
		nearest->best = name;
		nearest->distance = distance;
	}
	if (nearest->best == NULL && len >= 3 &&
	    (strncmp(word, name, len) == 0 ||
		strncmp(word, name, strlen(name)) == 0))
		nearest->best = name;
}
