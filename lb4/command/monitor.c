/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Events: see monitor.h. */
#include "lb4/command/monitor.h"

#include <jansson.h>

#include "lb4/command/answer.h"
#include "lb4/command/caller.h"
#include "lb4/control/events.h"
#include "lb4/log/access_format.h"

bool
monitor_tell(struct caller *caller, const struct event *event, const char *text,
    int64_t realtime_ms)
{
	char time[ACCESS_TIME_MAX];

	if (caller_pending(caller) > CALLER_OUT_MAX) {
		caller->state = CALLER_GONE;
		return false;
	}
	access_format_time(realtime_ms, time);
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
