/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the status page shows of the time before it was opened: the rates of
 * services and backends in the last ten minutes, a value every four seconds.
 *
 * A row of values is a ring, in step with the others.  Memory is bounded:
 * 600 bytes for a backend and 3,000 for a service, PAST_ROWS_MAX of them; what
 * is beyond has no past.  For the metrics thread.
 */
#ifndef LB4_HTTP_PAST_H
#define LB4_HTTP_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct past;
struct tables;

#define PAST_STEP_MS 4000
#define PAST_SAMPLES 150
#define PAST_ROWS_MAX 4096

/* NULL without memory. */
struct past *past_new(void);
void past_free(struct past *past);

/* Takes a sample if one is due.  Returns whether it has. */
bool past_look(struct past *past, const struct tables *tables, uint64_t now_ms);

/*
 * The history as JSON, schema lb4.history/1, *len bytes that the caller frees;
 * NULL without memory.  Times are milliseconds since `began_ms`, as uptime_ms
 * in status.
 */
must_check char *past_text(const struct past *past, uint64_t began_ms,
    size_t *len);

#endif
