/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The last events, for callers that ask later: `events` and the status page.
 * Memory is fixed; a new event replaces the oldest one.
 */
#ifndef LB4_COMMAND_HISTORY_H
#define LB4_COMMAND_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "lb4/config/settings.h"
#include "lb4/control/events.h"

#define HISTORY_MAX 64
#define HISTORY_KIND_MAX 16

struct receive;
struct send_setup;

struct history_entry {
	int64_t realtime_ms;	       /* since 1970 */
	char kind[HISTORY_KIND_MAX];   /* as in struct event */
	char service[CONFIG_NAME_MAX]; /* "": of no service */
	char backend[CONFIG_NAME_MAX]; /* "": of no backend */
	char text[EVENTS_TEXT_MAX];
};

/* Valid when all zero. */
struct history {
	uint64_t added; /* ever */
	struct history_entry entry[HISTORY_MAX];
};

/* Adds an event. */
void history_add(struct history *history, const struct event *event,
    const char *text, int64_t realtime_ms);

/* Over an upgrade: adds the events to the setup, which owns them (without
 * memory, none), and takes them in the new process. */
void history_give(const struct history *history, struct send_setup *setup);
void history_take(struct history *history, const struct receive *receive);

/* The event that `age` others have followed; NULL if it is not known. */
const struct history_entry *history_at(const struct history *history,
    size_t age);

#endif
