/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The names of reasons and events: for the access log.  Keep the table of codes
 * in lb4(8) in step.
 */
#include "lb4/engine/access.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	char code[3];
	const char *text;
} reasons[] = {
	[REASON_DONE] = { "--", "both sides finished" },
	[REASON_CLIENT_QUEUED] = { "CQ", "client gone while it was queued" },
	[REASON_CLIENT_CONNECT] = { "CC",
	    "client gone before a backend answered" },
	[REASON_CLIENT_RESET] = { "CD", "client reset" },
	[REASON_CLIENT_RESET_LAST] = { "CL",
	    "client reset after one side had finished" },
	[REASON_BACKEND_CONNECT] = { "SC", "no backend could be reached" },
	[REASON_BACKEND_RESET] = { "SD", "backend reset" },
	[REASON_BACKEND_RESET_LAST] = { "SL",
	    "backend reset after one side had finished" },
	[REASON_QUEUE_TIMEOUT] = { "sQ",
	    "timeout-queue passed, no backend had room" },
	[REASON_CONNECT_TIMEOUT] = { "sC",
	    "timeout-connect passed at the last backend" },
	[REASON_CLIENT_IDLE] = { "cD",
	    "timeout-idle passed while waiting for the client" },
	[REASON_BACKEND_IDLE] = { "sD",
	    "timeout-idle passed while waiting for the backend" },
	[REASON_CLIENT_LINGERS] = { "cL",
	    "timeout-half-close passed while waiting for the client" },
	[REASON_BACKEND_LINGERS] = { "sL",
	    "timeout-half-close passed while waiting for the backend" },
	[REASON_CLIENT_STALLED] = { "cS",
	    "timeout-stall passed, the client took nothing" },
	[REASON_BACKEND_STALLED] = { "sS",
	    "timeout-stall passed, the backend took nothing" },
	[REASON_QUEUE_FULL] = { "RQ",
	    "no backend had room, and the queue was full" },
	[REASON_RESOURCE_CONNECT] = { "RC",
	    "no descriptor, port or memory to connect with" },
	[REASON_RESOURCE_DATA] = { "RD",
	    "no descriptor or memory to relay with" },
	[REASON_SHED] = { "RS",
	    "stalled, and stalled conns held too much memory" },
	[REASON_OWN] = { "OC",
	    "came from lb4 itself: a backend leads back here" },
	[REASON_KILLED_QUEUED] = { "KQ", "shut down while queued" },
	[REASON_KILLED_CONNECT] = { "KC", "shut down while connecting" },
	[REASON_KILLED] = { "KD", "shut down while relaying" },
	[REASON_STOPPED] = { "KI", "idle, closed by shutting down" },
	[REASON_DRAINED] = { "DI", "idle, closed by drain" },
	[REASON_DRAINED_CUT] = { "DD", "cut at the deadline of drain" },
	[REASON_REBALANCED] = { "BI", "idle, closed by rebalance" },
	[REASON_DOWN] = { "HI", "idle, closed by on-down" },
	[REASON_DOWN_CUT] = { "HD", "cut by on-down" },
	[REASON_LIFETIME] = { "MI", "idle, closed after max-lifetime" },
	[REASON_LIFETIME_CUT] = { "MD", "cut after max-lifetime" },
	[REASON_WAIT_TIMEOUT] = { "sW",
	    "wait-for-backend passed, no backend was available" },
	[REASON_ACCESS] = { "PA", "refused by an access rule" },
	[REASON_CLIENT_PREREAD] = { "CP",
	    "client gone before its PROXY header was complete" },
	[REASON_PROXY_TIMEOUT] = { "cP",
	    "timeout-proxy passed while waiting for the PROXY header" },
	[REASON_PROXY_PEER] = { "PU",
	    "refused, its address is not in accept-proxy" },
	[REASON_PROXY_HEADER] = { "PP",
	    "refused, it began with no valid PROXY header" },
	[REASON_UPGRADE] = { "UD",
	    "died with the new process of an upgrade that failed" },
	[REASON_SOURCE_MAXCONN] = { "PM", "over source-maxconn" },
	[REASON_SOURCE_RATE] = { "PR", "over source-rate" },
	[REASON_RATE] = { "PS", "over the rate of the service" },
	[REASON_RATE_ALL] = { "PG", "over the rate of all services" },
	[REASON_DOWN_STUCK] = { "HS",
	    "cut by on-down: its backend acknowledged nothing" },
	[REASON_CLIENT_HELLO] = { "CH",
	    "client gone before its ClientHello was complete" },
	[REASON_HELLO_TIMEOUT] = { "cH",
	    "timeout-hello passed while waiting for the ClientHello" },
	[REASON_HELLO] = { "PH",
	    "refused, it began with no valid ClientHello" },
	[REASON_ROUTE] = { "PN", "refused by a route" },
	[REASON_ROUTE_FULL] = { "PF",
	    "refused, the service that its route leads to was full" },
};

static_assert(sizeof(reasons) / sizeof(reasons[0]) == REASON_COUNT,
    "a code and a sentence for each reason");

bool
reason_is_normal(enum reason reason)
{
	return reason == REASON_DONE || reason == REASON_STOPPED ||
	    reason == REASON_DRAINED || reason == REASON_REBALANCED ||
	    reason == REASON_DOWN || reason == REASON_LIFETIME;
}

const char *
reason_code(enum reason reason)
{
	return (unsigned)reason < REASON_COUNT ? reasons[reason].code : "??";
}

const char *
reason_text(enum reason reason)
{
	return (unsigned)reason < REASON_COUNT ? reasons[reason].text
					       : "unknown";
}

const char *
access_event_name(enum access_event event)
{
	static const char *const names[] = {
		[ACCESS_END] = "end",
		[ACCESS_START] = "start",
		[ACCESS_UPDATE] = "update",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == ACCESS_EVENT_COUNT,
	    "a name for each event");
	return (unsigned)event < ACCESS_EVENT_COUNT ? names[event] : "unknown";
}
