/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * node: shows the node's state to whatever moves addresses and routes between
 * the nodes of a cluster (lb4ctl watch), and takes the node out of the cluster,
 * at once or by a deadline (lb4/control/node.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/plural.h"
#include "common/timer.h"
#include "common/why.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/control/events.h"
#include "lb4/control/handle.h"
#include "lb4/control/node.h"
#include "lb4/engine/engine.h"

static void
tell(const struct caller *caller, const char *text)
{
	const struct handle *handle = caller->handle;
	const uint64_t conns = engine_conns(handle->engine);

	log_notice("node: %s, by uid %d, pid %d; %" PRIu64 " conn%s", text,
	    (int)caller->uid, (int)caller->pid, conns, plural(conns));
	events_tell(handle->events, &(struct event){ .kind = "node" }, "%s",
	    text);
}

/* On failure, answers and returns false. */
static bool
run_drain(struct caller *caller, const struct command *command)
{
	struct pace pace;

	if (!commands_pace(caller, command, &pace))
		return false;
	if (pace.deadline_ms == 0 && pace.given) {
		answer_error(caller, "usage",
		    "node drain: a rate needs a deadline");
		return false;
	}
	if (command_option(command, "rate") == NULL)
		pace.rate = 0;
	if (!node_drain(caller->handle->running, pace.deadline_ms, pace.rate)) {
		answer_error(caller, "failed", "%s", strerror(ENOMEM));
		return false;
	}
	tell(caller, pace.deadline_ms != 0 ? "draining" : "drained");
	return true;
}

static void
answer_node(struct caller *caller, bool drain)
{
	const struct handle *handle = caller->handle;
	const uint64_t conns = engine_conns(handle->engine);
	enum node_state state;
	char text[NODE_TEXT_MAX];
	struct why why;

	state = node_state(handle->running, &why);
	if (caller->json) {
		/* without memory: the work is done already */
		answer_head(caller, "lb4.node/1");
		caller_printf(caller,
		    ",\"ready\":%s,\"state\":\"%s\","
		    "\"why\":",
		    state == NODE_READY ? "true" : "false",
		    node_state_name(state));
		answer_string(caller, why.text);
		caller_printf(caller,
		    ",\"drained\":%s,\"at_maxconn\":%s,\"conns\":%" PRIu64
		    "}\n\n",
		    node_is_drained(handle->running) ? "true" : "false",
		    engine_is_full(handle->engine) ? "true" : "false", conns);
		return;
	}
	if (drain)
		answer_line(caller,
		    "%" PRIu64 " conn%s through this node, and break%s when "
		    "its address leaves it",
		    conns, conns == 1 ? " goes" : "s go",
		    conns == 1 ? "s" : "");
	answer_done(caller, "%s",
	    node_text(state, why.text, text, sizeof(text)));
	/* such a caller probably keeps asking */
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
	if (word != NULL && !drain && node_undrain(caller->handle->running))
		tell(caller, "ready");
	answer_node(caller, drain);
}
