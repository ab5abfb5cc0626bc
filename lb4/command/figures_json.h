/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Figures as JSON, for commands that show them.  Each function returns NULL
 * without memory. */
#ifndef LB4_COMMAND_FIGURES_JSON_H
#define LB4_COMMAND_FIGURES_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "lb4/control/figures.h"

/* The bounds of the buckets of each histogram: {"connect": [10, ...], ...}, in
 * microseconds. */
json_t *figures_json_bounds(void);

/* The histograms: {"connect": {"counts": [...], "sum_us": N}, ...}.  There is
 * one more count than there are bounds; counts are not cumulative. */
json_t *figures_json_times(const struct figures_times *times);

/* Why conns ended: [{"reason": "--", "text": "...", "conns": N}, ...], without
 * the reasons for which none did. */
json_t *figures_json_closes(const uint64_t closes[REASON_COUNT]);

#endif
