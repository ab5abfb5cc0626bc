/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writes metrics as text, in one of two formats that differ in their comment
 * lines:
 *
 *	Prometheus	github.com/prometheus/docs, exposition_formats.md, 0.0.4
 *	OpenMetrics	openmetrics.io, 1.0.0
 *
 * exposition_family() begins a family; its samples follow.  The text grows in
 * memory.  If memory runs out, further calls do nothing, and exposition_take()
 * returns NULL.
 */
#ifndef LB4_HTTP_EXPOSITION_H
#define LB4_HTTP_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/model/histogram.h"

enum metric_type {
	METRIC_COUNTER, /* its name ends with "_total" */
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
	METRIC_TYPE_COUNT,
};

struct exposition {
	char *text; /* owned */
	size_t len, room;
	bool failed;
	bool openmetrics;
};

/* Begins an empty text with room for about `room` bytes. */
void exposition_begin(struct exposition *out, bool openmetrics, size_t room);

/* Begins a family.  `unit` is the suffix of the name, not counting "_total";
 * NULL if it has none. */
void exposition_family(struct exposition *out, const char *name,
    enum metric_type type, const char *unit, const char *help);

/* The labels of a sample. */
struct exposition_labels {
	const char *text;	/* "", or made by exposition_label() */
	const char *key, *word; /* one more label, or NULL */
};

/* Writes a sample. */
void exposition_count(struct exposition *out, const char *name,
    const struct exposition_labels *labels, uint64_t value);
void exposition_real(struct exposition *out, const char *name,
    const char *labels, double value);

/* Writes the samples of a histogram: its buckets, its sum and its count. */
void exposition_histogram(struct exposition *out, const char *name,
    const char *labels, const struct histogram_scale *scale,
    const struct histogram_sums *sums);

/* Appends `key="value"` to the labels in `buf`, which commas separate.  The
 * value is escaped.  A label that does not fit is left out. */
void exposition_label(char *buf, size_t size, const char *key,
    const char *value);

/* Ends the text and returns it, *len bytes; the caller frees it.  NULL if
 * memory ran out. */
char *exposition_take(struct exposition *out, size_t *len);

#endif
