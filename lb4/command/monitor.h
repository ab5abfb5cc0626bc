/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Tells an event to a caller that monitors.
 */
#ifndef LB4_COMMAND_MONITOR_H
#define LB4_COMMAND_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

struct caller;
struct event;

/* Writes the event with its time, as text or JSON.  Returns false when
 * the caller has too much left to read; it is GONE then. */
bool monitor_tell(struct caller *caller, const struct event *event,
    const char *text, int64_t realtime_ms);

#endif
