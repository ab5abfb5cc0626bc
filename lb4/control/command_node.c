/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * node: whether this node can accept and forward, for what moves addresses and
 * routes between the nodes of a cluster (lb4ctl watch), and taking it out of
 * the cluster, at once or by a deadline.  Whether backends are up has no part
 * in it: where all nodes see none, no address may leave all nodes.  Nor has
 * being full: clients wait in the listeners' queues.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/timer.h"
#include "lb4/control/answer.h"
#include "lb4/control/closer.h"
#include "lb4/control/commands.h"
#include "lb4/control/control.h"
#include "lb4/control/socket.h"
#include "lb4/engine/engine.h"

/* What is left at the deadline goes on for so long: by then addresses and
 * routes that follow the readiness have left this node. */
#define WITHDRAWN_MS 1000

enum node_state {
	NODE_READY,
	NODE_DRAINING, /* it accepts and forwards, until a deadline */
	NODE_NOT_READY,
	NODE_STATE_COUNT,
};

/* In JSON, and as the first word of an answer. */
static const char *const state_names[] = {
	[NODE_READY] = "ready",
	[NODE_DRAINING] = "draining",
	[NODE_NOT_READY] = "not-ready",
};
static const char *const state_words[] = {
	[NODE_READY] = "ready",
	[NODE_DRAINING] = "draining",
	[NODE_NOT_READY] = "not ready",
};

static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
	    NODE_STATE_COUNT &&
	sizeof(state_words) / sizeof(state_words[0]) == NODE_STATE_COUNT,
    "a name for each state");

/* The node's state, and unless it is ready, why.  Listeners are open from
 * before the socket's first answer until the process stops. */
static enum node_state
node_state(const struct control *control, char *why, size_t size)
{
	const uint64_t now_ms = timer_now_ms();
	unsigned worker;
	uint64_t stuck_ms = engine_stuck_ms(control->parts.engine, now_ms,
	    &worker);

	why[0] = '\0';
	if (control->state != CONTROL_RUNNING)
		(void)snprintf(why, size, "lb4 is stopping");
	else if (control->node_drained && now_ms >= control->node_deadline_ms)
		(void)snprintf(why, size, "drained by an operator");
	else if (stuck_ms > ENGINE_STUCK_MS)
		(void)snprintf(why, size,
		    "worker %u is stuck for %" PRIu64 " ms", worker, stuck_ms);
	if (why[0] != '\0')
		return NODE_NOT_READY;
	if (!control->node_drained)
		return NODE_READY;
	(void)snprintf(why, size, "drained by an operator, with a deadline");
	return NODE_DRAINING;
}

static void
tell(const struct caller *caller, const char *text)
{
	const struct control *control = caller->control;

	log_notice("node: %s, by uid %d, pid %d; %" PRIu64 " conns", text,
	    (int)caller->uid, (int)caller->pid,
	    engine_conns(control->parts.engine));
	control_socket_event(control->parts.socket, "node", NULL, NULL, "%s",
	    text);
}

static void
end_drain(const struct caller *caller)
{
	struct control *control = caller->control;

	if (!control->node_drained)
		return;
	control->node_drained = false;
	closer_undrain_node(control->closer);
	tell(caller, "ready");
}

/* `deadline_ms` 0: at once.  False after answering that it cannot be done. */
static bool
begin_drain(struct caller *caller, uint64_t deadline_ms, unsigned rate)
{
	struct control *control = caller->control;

	closer_undrain_node(control->closer);
	if (deadline_ms != 0 &&
	    !closer_drain_node(control->closer, rate,
		deadline_ms + WITHDRAWN_MS)) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return false;
	}
	control->node_drained = true;
	control->node_deadline_ms = deadline_ms;
	tell(caller, deadline_ms != 0 ? "draining" : "drained");
	return true;
}

static bool
run_drain(struct caller *caller, const struct command *command)
{
	uint64_t deadline_ms;
	unsigned rate;
	bool paced;

	if (!commands_pace(caller, command, &deadline_ms, &rate, &paced))
		return false;
	if (deadline_ms == 0 && paced) {
		answer_error(caller, "usage",
		    "node drain: a rate needs a deadline");
		return false;
	}
	if (command_option(command, "rate") == NULL)
		rate = 0;
	return begin_drain(caller, deadline_ms, rate);
}

static void
answer_node(struct caller *caller, bool drain)
{
	const struct control *control = caller->control;
	const uint64_t conns = engine_conns(control->parts.engine);
	enum node_state state;
	char why[64];

	state = node_state(control, why, sizeof(why));
	if (caller->json) {
		answer_object(caller, "lb4.node/1",
		    json_pack("{s:b,s:s,s:s,s:b,s:I}", "ready",
			state == NODE_READY, "state", state_names[state], "why",
			why, "drained", control->node_drained, "conns",
			(json_int_t)conns));
		return;
	}
	if (drain)
		answer_line(caller,
		    "%" PRIu64 " conns go through this node, and break when "
		    "its address leaves it",
		    conns);
	answer_done(caller, "%s%s%s", state_words[state],
	    state != NODE_READY ? ": " : "", why);
}

void
command_node(struct caller *caller, const struct command *command)
{
	const char *word = command_argument(command, 0);
	const bool drain = word != NULL && strcmp(word, "drain") == 0;
	const bool options = command_option(command, "deadline") != NULL ||
	    command_option(command, "rate") != NULL;

	if ((word != NULL && !drain && strcmp(word, "ready") != 0) ||
	    (options && !drain)) {
		commands_usage(caller, command);
		return;
	}
	if (word != NULL && caller->level < LEVEL_OPERATE) {
		answer_error(caller, "denied",
		    "node %s needs the level operate", word);
		return;
	}
	if (drain && !run_drain(caller, command))
		return;
	if (word != NULL && !drain)
		end_drain(caller);
	answer_node(caller, drain);
}
