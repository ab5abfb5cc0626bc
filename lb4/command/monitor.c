/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Events: see monitor.h. */
#include "lb4/command/monitor.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "lb4/command/answer.h"
#include "lb4/command/caller.h"
#include "lb4/control/events.h"

/* "2026-08-12T09:30:00.123Z" */
static void
format_now(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	len = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
}

bool
monitor_tell(struct caller *caller, const struct event *event, const char *text)
{
	char time[40];

	if (caller_pending(caller) > CALLER_OUT_MAX) {
		caller->state = CALLER_GONE;
		return false;
	}
	format_now(time, sizeof(time));
	if (caller->json) {
		answer_event(caller,
		    json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:o}", "schema",
			"lb4.event/1", "time", time, "event", event->kind,
			"service", event->service, "backend", event->backend,
			"text", answer_value(text)));
	} else {
		answer_line(caller, "%s %s %s%s%s%s%s", time, event->kind,
		    event->service != NULL ? event->service : "",
		    event->backend != NULL ? "/" : "",
		    event->backend != NULL ? event->backend : "",
		    event->service != NULL ? " " : "", text);
	}
	if (caller->no_memory)
		caller->state = CALLER_GONE;
	return true;
}
