/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Reading and writing single values: words, numbers, times, sizes.  The kinds
 * of keys (kinds.c) use it.
 *
 * A function with a struct why returns 0, or -EINVAL with the reason in it:
 * what is wrong, a colon, and what to do.
 */
#ifndef LB4_CONFIG_VALUES_H
#define LB4_CONFIG_VALUES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/attr.h"
#include "common/why.h"

/*
 * Takes the next word from *text: the characters between spaces, with \xHH
 * replaced by the byte.  At the end of the text the word is "".  Refuses other
 * backslashes, \x of control characters, and words of `size` bytes or more.
 */
must_check int value_word(const char **text, char *word, size_t size,
    struct why *why);

/* The text as one word; refuses a second one. */
must_check int value_only_word(const char *text, char *word, size_t size,
    struct why *why);

/* Writes a word in a form that value_word() reads back. */
void value_print_word(const char *word, FILE *out);

/*
 * Numbers, times ("1m30s"), sizes ("256k"), percentages ("125%"), rates ("20/s"
 * or "20") and samples ("1/100", which is read as 100).  They return NULL, or
 * the error in words that fit after the text.  A value too large for 64 bits
 * becomes UINT64_MAX.  Times are milliseconds.
 */
const char *value_number(const char *text, uint64_t *out);
const char *value_time(const char *text, uint64_t *out);
const char *value_size(const char *text, uint64_t *out);
const char *value_percent(const char *text, uint64_t *out);
const char *value_rate(const char *text, uint64_t *out);
const char *value_sample(const char *text, uint64_t *out);

/* Formats in the largest unit that leaves no remainder; returns a string that
 * may be `buf`.  VALUE_TEXT_MAX is enough room. */
#define VALUE_TEXT_MAX 24
const char *value_format_time(uint64_t ms, char *buf, size_t size);
const char *value_format_size(uint64_t bytes, char *buf, size_t size);

#endif
