/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The last events: see history.h. */
#include "lb4/command/history.h"

#include <bsd/string.h>
#include <stdlib.h>

#include "lb4/handover/receive.h"
#include "lb4/handover/send.h"

static void
copy_name(char *name, size_t size, const char *from)
{
	(void)strlcpy(name, from != NULL ? from : "", size);
}

void
history_add(struct history *history, const struct event *event,
    const char *text, int64_t realtime_ms)
{
	struct history_entry *entry =
	    &history->entry[history->added++ % HISTORY_MAX];

	entry->realtime_ms = realtime_ms;
	copy_name(entry->kind, sizeof(entry->kind), event->kind);
	copy_name(entry->service, sizeof(entry->service), event->service);
	copy_name(entry->backend, sizeof(entry->backend), event->backend);
	copy_name(entry->text, sizeof(entry->text), text);
}

const struct history_entry *
history_at(const struct history *history, size_t age)
{
	if (age >= history->added || age >= HISTORY_MAX)
		return NULL;
	return &history->entry[(history->added - 1 - age) % HISTORY_MAX];
}

void
history_give(const struct history *history, struct send_setup *setup)
{
	const struct history_entry *entry;
	size_t age = 0;

	while (history_at(history, age) != NULL)
		age++;
	setup->event = calloc(age + 1, sizeof(*setup->event));
	if (setup->event == NULL)
		return;
	while (age-- > 0) {
		struct handover_event *event = &setup->event[setup->events++];

		entry = history_at(history, age);
		event->realtime_ms = (uint64_t)entry->realtime_ms;
		copy_name(event->kind, sizeof(event->kind), entry->kind);
		copy_name(event->service, sizeof(event->service),
		    entry->service);
		copy_name(event->backend, sizeof(event->backend),
		    entry->backend);
		copy_name(event->text, sizeof(event->text), entry->text);
	}
}

void
history_take(struct history *history, const struct receive *receive)
{
	for (size_t i = 0; i < receive_events(receive); i++) {
		const struct handover_event *from = receive_event(receive, i);
		const struct event event = {
			.kind = from->kind,
			.service = from->service,
			.backend = from->backend,
		};

		history_add(history, &event, from->text,
		    (int64_t)from->realtime_ms);
	}
}
