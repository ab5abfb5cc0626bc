/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Says loudly when a service begins or ends to panic (lb4/balance/panic.h).  A
 * part of the prober's thread.
 */
#ifndef LB4_HEALTH_ALARM_H
#define LB4_HEALTH_ALARM_H

#include <stdint.h>

struct table;

/* Looks at all services of the table, logs changes, and notes them in the
 * services' states.  `news` is called with a backend of each such service. */
void alarm_look(const struct table *table, uint64_t now_ms,
    void (*news)(void *owner, uint32_t backend), void *owner);

#endif
