/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writes the text of metrics: see exposition.h.  Called by metrics.c.  A
 * thousand backends give more than a hundred thousand lines, so samples are
 * formatted without stdio.
 */
#include "lb4/http/exposition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 4096
#define DIGITS_MAX 20

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};
static_assert(sizeof(type_names) / sizeof(type_names[0]) == METRIC_TYPE_COUNT,
    "a name for each type");

/* Makes room for `len` more bytes.  Returns false without memory. */
static bool
has_room(struct exposition *out, size_t len)
{
	size_t room;
	char *grown;

	if (out->failed || out->room - out->len >= len)
		return !out->failed;
	room = 2 * (out->room + len) + ROOM_LEAST;
	grown = realloc(out->text, room);
	if (grown == NULL) {
		out->failed = true;
		return false;
	}
	out->text = grown;
	out->room = room;
	return true;
}

static void
put(struct exposition *out, const char *text, size_t len)
{
	if (!has_room(out, len))
		return;
	memcpy(out->text + out->len, text, len);
	out->len += len;
}

/* Puts once more what was put at `from`. */
static void
put_again(struct exposition *out, size_t from, size_t len)
{
	if (!has_room(out, len))
		return;
	memcpy(out->text + out->len, out->text + from, len);
	out->len += len;
}

static void
put_text(struct exposition *out, const char *text)
{
	put(out, text, strlen(text));
}

static void
put_number(struct exposition *out, uint64_t value, unsigned least)
{
	char digits[DIGITS_MAX];
	unsigned at = DIGITS_MAX;

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0 || DIGITS_MAX - at < least);
	put(out, digits + at, DIGITS_MAX - at);
}

/* name{labels,key="word"} and a space */
static void
put_name(struct exposition *out, const char *name, const char *suffix,
    const struct exposition_labels *labels)
{
	const bool some = labels->text[0] != '\0';
	const bool more = labels->key != NULL;

	put_text(out, name);
	put_text(out, suffix);
	if (some || more)
		put(out, "{", 1);
	put_text(out, labels->text);
	if (more) {
		if (some)
			put(out, ",", 1);
		put_text(out, labels->key);
		put(out, "=\"", 2);
		put_text(out, labels->word);
		put(out, "\"", 1);
	}
	if (some || more)
		put(out, "}", 1);
	put(out, " ", 1);
}

void
exposition_begin(struct exposition *out, bool openmetrics, size_t room)
{
	*out = (struct exposition){ .openmetrics = openmetrics };
	out->text = malloc(room + ROOM_LEAST);
	out->failed = out->text == NULL;
	out->room = room + ROOM_LEAST;
}

static void
put_comment(struct exposition *out, const char *kind, const char *name,
    size_t name_len, const char *text)
{
	put_text(out, kind);
	put(out, name, name_len);
	put(out, " ", 1);
	put_text(out, text);
	put(out, "\n", 1);
}

void
exposition_family(struct exposition *out, const char *name,
    enum metric_type type, const char *unit, const char *help)
{
	size_t len = strlen(name);

	if (out->openmetrics && type == METRIC_COUNTER)
		len -= strlen("_total");
	put_comment(out, "# HELP ", name, len, help);
	put_comment(out, "# TYPE ", name, len, type_names[type]);
	if (out->openmetrics && unit != NULL)
		put_comment(out, "# UNIT ", name, len, unit);
}

void
exposition_count(struct exposition *out, const char *name,
    const struct exposition_labels *labels, uint64_t value)
{
	put_name(out, name, "", labels);
	put_number(out, value, 1);
	put(out, "\n", 1);
}

void
exposition_real(struct exposition *out, const char *name, const char *labels,
    double value)
{
	char text[32];

	put_name(out, name, "", &(struct exposition_labels){ .text = labels });
	(void)snprintf(text, sizeof(text), "%.15g\n", value);
	put_text(out, text);
}

/* All buckets.  Their lines differ only from the bound on, so what comes before
 * it is written once and then copied: most of a scrape's bytes are here. */
static void
put_buckets(struct exposition *out, const char *name, const char *labels,
    const struct histogram_scale *scale, const struct histogram_sums *sums)
{
	const size_t from = out->len;
	uint64_t count = 0;
	size_t len;

	put_text(out, name);
	put_text(out, "_bucket{");
	put_text(out, labels);
	put_text(out, labels[0] != '\0' ? ",le=\"" : "le=\"");
	len = out->len - from;
	for (unsigned i = 0; i <= scale->bounds; i++) {
		if (i > 0)
			put_again(out, from, len);
		count += sums->bucket[i];
		put_text(out, i < scale->bounds ? scale->text[i] : "+Inf");
		put(out, "\"} ", 3);
		put_number(out, count, 1);
		put(out, "\n", 1);
	}
}

void
exposition_histogram(struct exposition *out, const char *name,
    const char *labels, const struct histogram_scale *scale,
    const struct histogram_sums *sums)
{
	const struct exposition_labels plain = { .text = labels };

	put_buckets(out, name, labels, scale, sums);
	put_name(out, name, "_sum", &plain);
	put_number(out, sums->sum_us / scale->unit, 1);
	put(out, ".", 1);
	put_number(out, sums->sum_us % scale->unit, scale->unit == 1 ? 1 : 6);
	put(out, "\n", 1);
	put_name(out, name, "_count", &plain);
	put_number(out, histogram_count(sums), 1);
	put(out, "\n", 1);
}

void
exposition_label(char *buf, size_t size, const char *key, const char *value)
{
	const size_t begin = strlen(buf);
	size_t len = begin;
	int n = snprintf(buf + len, size - len, "%s%s=\"", len > 0 ? "," : "",
	    key);

	if (n < 0 || (size_t)n >= size - len) {
		buf[begin] = '\0';
		return;
	}
	len += (size_t)n;
	for (; len + 3 < size && *value != '\0'; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			buf[len++] = '\\';
		buf[len++] = *value == '\n' ? 'n' : *value;
	}
	if (*value != '\0' || len + 2 > size) {
		buf[begin] = '\0';
		return;
	}
	buf[len++] = '"';
	buf[len] = '\0';
}

char *
exposition_take(struct exposition *out, size_t *len)
{
	if (out->openmetrics)
		put_text(out, "# EOF\n");
	if (out->failed) {
		free(out->text);
		out->text = NULL;
	}
	*len = out->len;
	return out->text;
}
