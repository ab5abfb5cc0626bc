/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The prober: one thread that checks the backends' health and writes one
 * health word each.  Nobody waits for it and it waits for nobody.
 */
#ifndef LB4_HEALTH_PROBER_H
#define LB4_HEALTH_PROBER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/pulse.h"

struct tables;

struct prober;

/* Makes the prober; the thread runs from prober_start() to prober_stop(),
 * which waits for its end.  `tables` outlives it.  0 or -errno. */
struct prober *prober_new(struct tables *tables);
must_check int prober_start(struct prober *prober);
void prober_stop(struct prober *prober);
void prober_free(struct prober *prober);

/* Before prober_start(): whom to tell, without waiting, that a backend (by id)
 * has gone up or down or that a check asked for has ended. */
void prober_set_news(struct prober *prober,
    void (*news)(void *owner, uint32_t backend), void *owner);

/* From any thread, without waiting: check that backend now; when that is done
 * it is news.  False when too much is asked at once. */
bool prober_ask(struct prober *prober, uint32_t backend);

/* The thread's heartbeat: how long its loop is in a turn, or oversleeps. */
const struct pulse *prober_pulse(const struct prober *prober);

/* From any thread, without waiting: a new table has been published. */
void prober_table_changed(struct prober *prober);

/* From any thread, without waiting: a worker could not reach the backend of
 * that id, so check it now.  An id and not a pointer: the note may be older
 * than what it names. */
void prober_suspect(struct prober *prober, uint32_t backend);

#endif
