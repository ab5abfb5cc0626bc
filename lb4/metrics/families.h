/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The one table of metrics: a line for each family, with its name, type, unit,
 * meaning, and where its value is in a report.  lb4-metrics(7) has the same
 * names, types and labels; scripts/lint compares them.
 */
#ifndef LB4_METRICS_FAMILIES_H
#define LB4_METRICS_FAMILIES_H

#include "lb4/metrics/exposition.h"

struct report;

/* Writes all families. */
void families_write(struct exposition *out, const struct report *report);

#endif
