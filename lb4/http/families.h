/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of all metrics.  Each line is a family: its name, type, unit,
 * meaning, and where a report has its value.  lb4-metrics(7) lists the same
 * names, types and labels; scripts/lint compares the names, types and units.
 */
#ifndef LB4_HTTP_FAMILIES_H
#define LB4_HTTP_FAMILIES_H

#include "lb4/http/exposition.h"

struct report;

/* Writes all families. */
void families_write(struct exposition *out, const struct report *report);

#endif
