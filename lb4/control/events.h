/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Events: what changes in the running process, told to whoever has subscribed.
 * The control thread tells them, and main.c subscribes the control socket,
 * which passes them on to its monitors.  lb4ctl(8) lists the kinds.
 */
#ifndef LB4_CONTROL_EVENTS_H
#define LB4_CONTROL_EVENTS_H

#include <stddef.h>

#define EVENTS_SUBSCRIBERS_MAX 4
#define EVENTS_TEXT_MAX 512

/* The kind that follows each reload, with "done" or "refused". */
#define EVENTS_RELOAD "reload"

struct event {
	const char *kind;    /* "admin", "health", ... */
	const char *service; /* NULL: of no service */
	const char *backend; /* NULL: of no backend */
};

/* Takes one event; what it is given lasts for the call. */
typedef void events_fn(void *owner, const struct event *event,
    const char *text);

/* All zero: nobody has subscribed.  The control thread's. */
struct events {
	size_t subscribers;
	struct {
		events_fn *take;
		void *owner;
	} subscriber[EVENTS_SUBSCRIBERS_MAX];
};

/* Calls `take` at each event from now on.  `owner` outlives the last one. */
void events_subscribe(struct events *events, events_fn *take, void *owner);

/* Tells all subscribers; the text is cut after EVENTS_TEXT_MAX bytes. */
void events_tell(const struct events *events, const struct event *event,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
