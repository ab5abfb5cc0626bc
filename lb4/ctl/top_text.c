/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Numbers, durations and sparklines: see top_text.h. */
#include "lb4/ctl/top_text.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define LEVEL_MOST 7 /* the highest cell of a sparkline; 0: the lowest */

/* How a number is shortened. */
struct units {
	double step;
	double whole; /* smaller values have no unit */
	const char *letters;
};

static const char *
shorten(double value, const struct units *units, char buf[TOP_TEXT_MAX])
{
	const char *letter = units->letters;

	if (isnan(value) || value < 0) {
		(void)strlcpy(buf, "-", TOP_TEXT_MAX);
		return buf;
	}
	if (value < units->whole) {
		/* 9.95 would be written 10.0 */
		const int digits = value >= 9.95 || value == rint(value) ? 0
									 : 1;

		(void)snprintf(buf, TOP_TEXT_MAX, "%.*f", digits, value);
		return buf;
	}
	value /= units->step;
	while (value >= units->step - 0.5 && letter[1] != '\0') {
		value /= units->step;
		letter++;
	}
	if (value > 999999)
		value = 999999;
	(void)snprintf(buf, TOP_TEXT_MAX, "%.*f%c", value < 99.95 ? 1 : 0,
	    value, *letter);
	return buf;
}

const char *
top_text_number(double value, char buf[TOP_TEXT_MAX])
{
	static const struct units units = { 1000, 9999.5, "kMGTPE" };

	return shorten(value, &units, buf);
}

const char *
top_text_bytes(double value, char buf[TOP_TEXT_MAX])
{
	static const struct units units = { 1024, 1023.5, "KMGTPE" };

	return shorten(value, &units, buf);
}

const char *
top_text_time(uint64_t ms, char buf[TOP_TEXT_MAX])
{
	if (ms < MINUTE)
		(void)snprintf(buf, TOP_TEXT_MAX, "%" PRIu64 "s", ms / SECOND);
	else if (ms < HOUR)
		(void)snprintf(buf, TOP_TEXT_MAX, "%" PRIu64 "m%02" PRIu64 "s",
		    ms / MINUTE, ms / SECOND % 60);
	else if (ms < DAY)
		(void)snprintf(buf, TOP_TEXT_MAX, "%" PRIu64 "h%02" PRIu64 "m",
		    ms / HOUR, ms / MINUTE % 60);
	else
		(void)snprintf(buf, TOP_TEXT_MAX, "%" PRIu64 "d%02" PRIu64 "h",
		    ms / DAY % 1000000, ms / HOUR % 24);
	return buf;
}

/* The mean of the known values, or NAN. */
static double
mean(const float *values, size_t count)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (isnan(values[i]))
			continue;
		sum += (double)values[i];
		known++;
	}
	return known > 0 ? sum / (double)known : (double)NAN;
}

/* The mean of the values behind a cell. */
static double
cell_value(const float *values, size_t count, size_t cell, size_t width)
{
	const size_t first = cell * count / width;
	const size_t end = (cell + 1) * count / width;

	return mean(values + first, end - first);
}

void
top_text_spark(wchar_t *out, size_t width, const float *values, size_t count,
    bool blocks)
{
	static const wchar_t fine[LEVEL_MOST + 2] = L"▁▂▃▄▅▆▇█";
	static const wchar_t ascii[LEVEL_MOST + 2] = L"_.:-=+*#";
	const wchar_t *levels = blocks ? fine : ascii;
	double most = 0, value;

	for (size_t i = 0; i < width; i++) {
		value = cell_value(values, count, i, width);
		if (value > most)
			most = value;
	}
	for (size_t i = 0; i < width; i++) {
		value = cell_value(values, count, i, width);
		if (isnan(value))
			out[i] = L' ';
		else if (value <= 0 || most <= 0)
			out[i] = levels[0];
		else
			out[i] =
			    levels[(size_t)ceil(value / most * LEVEL_MOST)];
	}
}

unsigned
top_text_parse_time(const char *text)
{
	static const struct {
		const char *name;
		unsigned ms;
	} units[] = { { "ms", 1 }, { "s", SECOND }, { "m", MINUTE } };
	const size_t digits = strspn(text, "0123456789");
	unsigned long value;

	if (digits == 0 || digits > 7)
		return 0;
	value = strtoul(text, NULL, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + digits, units[i].name) == 0)
			return value <= HOUR / units[i].ms
			    ? (unsigned)value * units[i].ms
			    : 0;
	return 0;
}
