/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Colours for a terminal: the words that name a state, and the titles of
 * tables.
 */
#ifndef LB4_CTL_PAINT_H
#define LB4_CTL_PAINT_H

#include <stddef.h>
#include <stdio.h>

/* Writes the line and a newline. */
void paint_line(const char *line, size_t len, FILE *out);

#endif
