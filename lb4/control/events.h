/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Events: the control thread tells subscribers what changes in the running
 * process. serve.c subscribes the control socket, which passes events on to its
 * monitors. lb4ctl(8) lists the kinds.
 */
#ifndef LB4_CONTROL_EVENTS_H
#define LB4_CONTROL_EVENTS_H

#include <stddef.h>

#define EVENTS_SUBSCRIBERS_MAX 4
#define EVENTS_TEXT_MAX 512

/* The kind that follows each reload, with "done" or "refused". */
#define EVENTS_RELOAD "reload"

/* The kind that follows each upgrade. */
#define EVENTS_UPGRADE "upgrade"

struct event {
	const char *kind;    /* "admin", "health", ... */
	const char *service; /* NULL: of no service */
	const char *backend; /* NULL: of no backend */
};

/* Handles one event; the arguments are valid during the call only. */
typedef void events_fn(void *owner, const struct event *event,
    const char *text);

/* Valid when all zero.  Owned by the control thread. */
struct events {
	size_t subscribers;
	struct {
		events_fn *take;
		void *owner;
	} subscriber[EVENTS_SUBSCRIBERS_MAX];
};

/* Calls `take` for each event from now on.  `owner` must stay valid. */
void events_subscribe(struct events *events, events_fn *take, void *owner);

/* Tells all subscribers.  Text longer than EVENTS_TEXT_MAX is cut. */
void events_tell(const struct events *events, const struct event *event,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
