/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * node: whether this node can accept and forward, for what moves addresses and
 * routes between the nodes of a cluster (lb4ctl watch), and taking it out of
 * the cluster, at once or by a deadline.  Whether backends are up has no part
 * in it: where all nodes see none, no address may leave all nodes.  Nor has
 * being full: clients wait in the listeners' queues.  What it answers is told
 * by readiness.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/plural.h"
#include "common/timer.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/command/socket.h"
#include "lb4/control/closer.h"
#include "lb4/control/control.h"
#include "lb4/control/readiness.h"
#include "lb4/engine/engine.h"

/* What is left at the deadline goes on for so long: by then addresses and
 * routes that follow the readiness have left this node. */
#define WITHDRAWN_MS 1000

static void
tell(const struct caller *caller, const char *text)
{
	const struct control *control = caller->control;
	const uint64_t conns = engine_conns(control->parts.engine);

	log_notice("node: %s, by uid %d, pid %d; %" PRIu64 " conn%s", text,
	    (int)caller->uid, (int)caller->pid, conns, plural(conns));
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

	if (deadline_ms == 0) {
		closer_undrain_node(control->closer);
	} else if (!closer_drain_node(control->closer, rate,
		       deadline_ms + WITHDRAWN_MS)) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return false;
	}
	control->node_deadline_ms = deadline_ms;
	control->node_drained = true;
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
	char why[READINESS_WHY_MAX], text[READINESS_TEXT_MAX];

	state = readiness_state(control, why, sizeof(why));
	if (caller->json) {
		/* no memory is needed: it tells what was done */
		answer_head(caller, "lb4.node/1");
		caller_printf(caller,
		    ",\"ready\":%s,\"state\":\"%s\","
		    "\"why\":",
		    state == NODE_READY ? "true" : "false",
		    readiness_name(state));
		answer_string(caller, why);
		caller_printf(caller,
		    ",\"drained\":%s,\"at_maxconn\":%s,\"conns\":%" PRIu64
		    "}\n\n",
		    control->node_drained ? "true" : "false",
		    engine_is_full(control->parts.engine) ? "true" : "false",
		    conns);
		return;
	}
	if (drain)
		answer_line(caller,
		    "%" PRIu64 " conn%s through this node, and break%s when "
		    "its address leaves it",
		    conns, conns == 1 ? " goes" : "s go",
		    conns == 1 ? "s" : "");
	answer_done(caller, "%s",
	    readiness_text(state, why, text, sizeof(text)));
	/* who asks just this goes on asking */
	caller->asks_node = !drain;
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
