/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Words that may hold any byte, for what a check sends and expects.  In the
 * file a byte is written \xHH; \r, \n, \t and \\ stand for the usual ones.
 */
#ifndef LB4_CONFIG_OCTETS_H
#define LB4_CONFIG_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/attr.h"
#include "common/why.h"

/* A line is no longer than that, and no word of it. */
#define OCTETS_MAX 200

struct octets {
	size_t len;
	char byte[OCTETS_MAX];
};

/* Takes the next word off *text: what stands between spaces.  At the end of
 * the text the word is empty.  0, or -EINVAL with the reason. */
must_check int octets_word(const char **text, struct octets *word,
    struct why *why);

/* Writes `len` bytes so that octets_word() reads them back as one word.  What
 * is plain text stays; all else becomes \xHH. */
void octets_print(const char *bytes, size_t len, FILE *out);

/* Whether the word is `text`. */
bool octets_is(const struct octets *word, const char *text);

#endif
