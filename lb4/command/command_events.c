/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * events: the last events, newest first.
 */
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"
#include "lb4/command/history.h"
#include "lb4/log/access_format.h"

static const struct column columns[] = {
	{ "time", "TIME", 24, COLUMN_TEXT },
	{ "event", "EVENT", 9, COLUMN_TEXT },
	{ "service", "SERVICE", 14, COLUMN_TEXT },
	{ "backend", "BACKEND", 14, COLUMN_TEXT },
	{ "text", "TEXT", 0, COLUMN_TEXT },
	{ NULL, NULL, 0, COLUMN_TEXT },
};

static const char *
or_null(const char *name)
{
	return name[0] != '\0' ? name : NULL;
}

static json_t *
event_row(const struct history_entry *entry)
{
	char time[ACCESS_TIME_MAX];

	access_format_time(entry->realtime_ms, time);
	return json_pack("{s:s,s:s,s:s?,s:s?,s:o}", "time", time, "event",
	    entry->kind, "service", or_null(entry->service), "backend",
	    or_null(entry->backend), "text", answer_value(entry->text));
}

void
command_events(struct caller *caller, const struct command *command)
{
	const struct history *history = &caller->callers->history;
	const struct history_entry *entry;

	(void)command;
	answer_begin(caller, "lb4.events/1", json_object(), "events", columns);
	for (size_t age = 0; (entry = history_at(history, age)) != NULL; age++)
		answer_row(caller, event_row(entry));
	answer_end(caller);
}
