/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Short texts of lb4ctl top: numbers that fit a column, durations, and
 * sparklines.  Pure.
 */
#ifndef LB4_CTL_TOP_TEXT_H
#define LB4_CTL_TOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define TOP_TEXT_MAX 16 /* the longest text, with the NUL */

/* At most 5 columns: "0", "0.4", "9999", "12.3k", "1.2M"; "-" for NAN.  Returns
 * `buf`. */
const char *top_text_number(double value, char buf[TOP_TEXT_MAX]);

/* The same in units of 1024, at most 6 columns: "999", "1.5K", "1023M". */
const char *top_text_bytes(double value, char buf[TOP_TEXT_MAX]);

/* "5s", "12m03s", "3h05m", "4d02h" */
const char *top_text_time(uint64_t ms, char buf[TOP_TEXT_MAX]);

/*
 * Draws `count` > 0 values in `width` <= `count` cells; the right one is the
 * latest.  The highest cell is the maximum of the row.  An unknown value (NAN)
 * is a space, 0 the lowest line.  `blocks` says whether the characters may be
 * U+2581 to U+2588; else they are ASCII.
 */
void top_text_spark(wchar_t *out, size_t width, const float *values,
    size_t count, bool blocks);

/* Reads a time with a unit, such as "500ms", "2s" or "1m".  Returns it in
 * milliseconds, or 0 when it is malformed or more than an hour. */
unsigned top_text_parse_time(const char *text);

#endif
