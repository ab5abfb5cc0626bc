/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A line of the access log from the record of a conn.  The log thread calls it:
 * workers only hand records over.
 *
 * Both forms have the same keys in the same order, documented in lb4(8):
 *
 *	time=2026-11-23T08:14:17.123Z conn=17 worker=0 service=web
 *	client=192.0.2.1:4000 backend=app1 reason=-- error=- queue=0 connect=1
 *	total=23 to_backend=16 to_client=16 discarded=0 retries=0
 *
 * If the log has lines of several events, these keys follow:
 *
 *	event=end more_to_backend=16 more_to_client=16
 *
 * In the first form no value contains a space and "-" stands for none; in JSON
 * numbers are numbers, none is null, and "why" says the reason in words.
 */
#ifndef LB4_LOG_ACCESS_FORMAT_H
#define LB4_LOG_ACCESS_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "lb4/config/settings.h"
#include "lb4/engine/access.h"

/* Longer than any line of either form, with its end. */
#define ACCESS_LINE_MAX 1024

/* The length of a time and its end: "2026-11-23T08:14:17.123Z". */
#define ACCESS_TIME_MAX sizeof("2026-11-23T08:14:17.123Z")

/* Writes the line, without a newline, into `line` of `size` bytes, at least
 * ACCESS_LINE_MAX.  Returns its length; 0 only without memory (JSON). */
size_t access_format(enum access_format format,
    const struct access_record *record, char *line, size_t size);

/* Writes milliseconds since 1970 as UTC, with its end, into `text`; a year
 * beyond 9999 becomes 9999. */
void access_format_time(int64_t realtime_ms, char text[ACCESS_TIME_MAX]);

#endif
