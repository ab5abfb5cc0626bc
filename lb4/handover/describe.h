/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the old process tells about itself, apart from its conns: where it
 * listens, its services and backends, and its counters (records.h).  Each
 * function sends the records and returns 0 or -errno as link_send().
 */
#ifndef LB4_HANDOVER_DESCRIBE_H
#define LB4_HANDOVER_DESCRIBE_H

#include <stdint.h>

#include "common/attr.h"

struct engine;
struct link;
struct places;
struct tables;

must_check int describe_places(struct link *link, const struct places *places);

/* Services and backends, with their states. */
must_check int describe_table(struct link *link, const struct tables *tables);

/* The places that the conns of this process hold, and the last numbers that it
 * has given to conns.  After its workers have stopped to listen. */
must_check int describe_reserves(struct link *link, struct engine *engine,
    const struct tables *tables, uint64_t last_conn);

/* All counters and histograms, once the conns have gone. */
must_check int describe_counts(struct link *link, const struct engine *engine,
    const struct tables *tables);

#endif
