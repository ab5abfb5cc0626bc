/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The last events: see history.h. */
#include "lb4/command/history.h"

#include <bsd/string.h>

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
