/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The prober: one thread that checks the health of all backends and writes one
 * health word for each.  No thread waits for it, and it waits for none.
 */
#ifndef LB4_HEALTH_PROBER_H
#define LB4_HEALTH_PROBER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/pulse.h"

struct tables;

struct prober;

/* prober_new() returns NULL with errno on failure; `tables` outlives the
 * prober.  The thread runs from prober_start(), which returns 0 or -errno, to
 * prober_stop(), which waits for its end. */
struct prober *prober_new(struct tables *tables);
must_check int prober_start(struct prober *prober);
void prober_stop(struct prober *prober);
void prober_free(struct prober *prober);

/* Before prober_start(): the prober's thread will call `news` when a backend
 * (by id) goes up or down, and when a check of prober_ask() has ended.  `news`
 * must not wait. */
void prober_set_news(struct prober *prober,
    void (*news)(void *owner, uint32_t backend), void *owner);

/* Gives it the socket of a process that runs programs, which is its own from
 * then on; whether it has one that has not ended.  Control only. */
void prober_set_programs(struct prober *prober, int socket);
bool prober_has_programs(const struct prober *prober);

/* The program of on-change ("": none), and how long it may run; from control,
 * without waiting.  Without memory that is logged, and nothing changes. */
void prober_set_on_change(struct prober *prober, const char *program,
    unsigned timeout_ms);

/* From any thread, without waiting: check this backend now, and call `news` at
 * the end.  False if too many requests are waiting. */
bool prober_ask(struct prober *prober, uint32_t backend);

/* The thread's heartbeat: how long a turn of its loop takes, or how long it
 * oversleeps. */
const struct pulse *prober_pulse(const struct prober *prober);

/* From any thread, without waiting: a new table has been published, or an
 * operator has changed a state. */
void prober_table_changed(struct prober *prober);

/* From any thread, without waiting: a worker could not reach this backend, so
 * check it now.  By id, because the backend may be gone when the prober reads
 * the note. */
void prober_suspect(struct prober *prober, uint32_t backend);

#endif
