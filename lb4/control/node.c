/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The node's state in its cluster: see node.h. */
#include "lb4/control/node.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/timer.h"
#include "common/why.h"
#include "lb4/control/closer.h"
#include "lb4/control/running.h"
#include "lb4/control/threads.h"

/* Conns that are left at the deadline continue for this long.  By then the
 * addresses and routes that follow the readiness have left this node. */
#define WITHDRAWN_MS 1000

static const char *const names[] = {
	[NODE_READY] = "ready",
	[NODE_DRAINING] = "draining",
	[NODE_NOT_READY] = "not-ready",
};

static_assert(sizeof(names) / sizeof(names[0]) == NODE_STATE_COUNT,
    "a name for each state");

const char *
node_state_name(enum node_state state)
{
	return (unsigned)state < NODE_STATE_COUNT ? names[state] : "?";
}

const char *
node_text(enum node_state state, const char *why, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s",
	    state == NODE_NOT_READY ? "not ready" : node_state_name(state),
	    state != NODE_READY ? ": " : "", state != NODE_READY ? why : "");
	return buf;
}

/* Listeners need no check: they are open before the control socket answers, and
 * until lb4 stops. */
enum node_state
node_state(const struct running *running, struct why *why)
{
	const uint64_t now_ms = timer_now_ms();
	const bool drained = atomic_load(&running->node_drained);
	struct threads_verdict verdict;
	const bool stuck = threads_stuck(running->threads, THREADS_TRAFFIC,
	    &verdict);

	why->text[0] = '\0';
	if (atomic_load(&running->state) != RUNNING_SERVING)
		(void)why_set(why, "lb4 is stopping");
	else if (drained && now_ms >= atomic_load(&running->node_deadline_ms))
		(void)why_set(why, "drained by an operator");
	else if (stuck)
		(void)why_set(why, "%s is stuck for %" PRIu64 " ms",
		    verdict.name, verdict.ms);
	if (why->text[0] != '\0')
		return NODE_NOT_READY;
	if (!drained)
		return NODE_READY;
	(void)why_set(why, "drained by an operator, with a deadline");
	return NODE_DRAINING;
}

bool
node_is_drained(const struct running *running)
{
	return running->node_drained;
}

bool
node_drain(struct running *running, uint64_t deadline_ms, unsigned rate)
{
	if (deadline_ms == 0)
		closer_undrain_node(running->closer);
	else if (!closer_drain_node(running->closer, rate,
		     deadline_ms + WITHDRAWN_MS))
		return false;
	running->node_deadline_ms = deadline_ms;
	running->node_drained = true;
	return true;
}

bool
node_undrain(struct running *running)
{
	if (!running->node_drained)
		return false;
	running->node_drained = false;
	closer_undrain_node(running->closer);
	return true;
}
