/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Telling events to subscribers: see events.h. */
#include "lb4/control/events.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void
events_subscribe(struct events *events, events_fn *take, void *owner)
{
	assert(events->subscribers < EVENTS_SUBSCRIBERS_MAX);
	events->subscriber[events->subscribers].take = take;
	events->subscriber[events->subscribers].owner = owner;
	events->subscribers++;
}

void
events_tell(const struct events *events, const struct event *event,
    const char *format, ...)
{
	char text[EVENTS_TEXT_MAX];
	va_list args;

	if (events->subscribers == 0)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (size_t i = 0; i < events->subscribers; i++)
		events->subscriber[i].take(events->subscriber[i].owner, event,
		    text);
}
