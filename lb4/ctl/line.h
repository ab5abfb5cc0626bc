/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Builds the line that is sent to lb4 from the words of the command line.
 */
#ifndef LB4_CTL_LINE_H
#define LB4_CTL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"

/* The longest line that lb4 accepts, with the newline and a NUL. */
#define LINE_MAX_LEN (4096 + 2)

/*
 * Joins `count` words with spaces and adds a newline.  Bytes that would end a
 * word or the line, and backslashes, become \xHH.  "--NAME VALUE" and
 * "--NAME=VALUE" after the command become NAME=VALUE.  If *json is true,
 * "--json" is added; if "--json" is among the words, *json becomes true.
 * Returns 0, or -1 when the line does not fit.
 */
must_check int line_join(char *line, size_t size, char *const *words, int count,
    bool *json);

/* The number of words of the option that starts with words[0]: "--NAME" and its
 * value are 2; 0: it is not an option. */
must_check int line_option(char *const *words, int count);

#endif
