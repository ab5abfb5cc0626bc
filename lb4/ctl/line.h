/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The line that lb4 is sent, from the words of the command line.
 */
#ifndef LB4_CTL_LINE_H
#define LB4_CTL_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* What lb4 takes, with the newline and a NUL. */
#define LINE_MAX_LEN (4096 + 2)

/*
 * Joins `count` words with spaces and ends with a newline; bytes that would
 * end a word or the line, and backslashes, become \xHH; "--NAME VALUE" and
 * "--NAME=VALUE", behind the command, become NAME=VALUE.  *json, when it is
 * true, adds "--json" and, when that is among the words, becomes true.
 * Returns 0, or -1 when it does not fit.
 */
int line_join(char *line, size_t size, char *const *words, int count,
    bool *json);

/* How many words the option has that words[0] begins: "--NAME" and its value
 * are 2; 0: it begins none. */
int line_option(char *const *words, int count);

#endif
