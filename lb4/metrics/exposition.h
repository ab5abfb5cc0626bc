/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writes metrics as text, in one of two formats that differ in their comments:
 *
 *	Prometheus	github.com/prometheus/docs, exposition_formats.md, 0.0.4
 *	OpenMetrics	openmetrics.io, 1.0.0
 *
 * A family is begun by exposition_family(), then its samples follow.  The text
 * grows in memory; when there is none left, what follows does nothing, and
 * exposition_take() says so.
 */
#ifndef LB4_METRICS_EXPOSITION_H
#define LB4_METRICS_EXPOSITION_H

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

/* `unit` is what the name ends with, but for "_total"; NULL: it has none. */
void exposition_family(struct exposition *out, const char *name,
    enum metric_type type, const char *unit, const char *help);

/* The labels of a sample. */
struct exposition_labels {
	const char *text;	/* "", or as exposition_label() makes it */
	const char *key, *word; /* one more; NULL: there is none */
};

/* A sample. */
void exposition_count(struct exposition *out, const char *name,
    const struct exposition_labels *labels, uint64_t value);
void exposition_real(struct exposition *out, const char *name,
    const char *labels, double value);

/* The samples of a histogram: its buckets, its sum and its count. */
void exposition_histogram(struct exposition *out, const char *name,
    const char *labels, const struct histogram_scale *scale,
    const struct histogram_sums *sums);

/* Appends `key="value"` to the labels in `buf`, with a comma between two; the
 * value is escaped, and a label that does not fit is left out. */
void exposition_label(char *buf, size_t size, const char *key,
    const char *value);

/* Ends the text.  It is the caller's to free, *len bytes; NULL when there was
 * no memory. */
char *exposition_take(struct exposition *out, size_t *len);

#endif
