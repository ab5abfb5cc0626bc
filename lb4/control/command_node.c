/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * node: whether this node can accept and forward, for what moves addresses and
 * routes between the nodes of a cluster (lb4ctl watch), and taking it out of
 * the cluster.  Whether backends are up has no part in it: where all nodes see
 * none, no address may leave all nodes.  Nor has being full: clients wait in
 * the listeners' queues.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/timer.h"
#include "lb4/control/answer.h"
#include "lb4/control/commands.h"
#include "lb4/control/control.h"
#include "lb4/control/socket.h"
#include "lb4/engine/engine.h"

/* Whether the node is ready; else why not.  Listeners are open from before the
 * socket's first answer until the process stops. */
static bool
is_ready(const struct control *control, char *why, size_t size)
{
	unsigned worker;
	uint64_t stuck_ms = engine_stuck_ms(control->parts.engine,
	    timer_now_ms(), &worker);

	why[0] = '\0';
	if (control->state != CONTROL_RUNNING)
		(void)snprintf(why, size, "lb4 is stopping");
	else if (control->node_drained)
		(void)snprintf(why, size, "drained by an operator");
	else if (stuck_ms > ENGINE_STUCK_MS)
		(void)snprintf(why, size,
		    "worker %u is stuck for %" PRIu64 " ms", worker, stuck_ms);
	return why[0] == '\0';
}

static void
set_drained(struct caller *caller, bool drained)
{
	struct control *control = caller->control;
	const char *text = drained ? "drained" : "ready";

	if (control->node_drained == drained)
		return;
	control->node_drained = drained;
	log_notice("node: %s, by uid %d, pid %d; %" PRIu64 " conns", text,
	    (int)caller->uid, (int)caller->pid,
	    engine_conns(control->parts.engine));
	control_socket_event(control->parts.socket, "node", NULL, NULL, "%s",
	    text);
}

void
command_node(struct caller *caller, const struct command *command)
{
	const struct control *control = caller->control;
	const char *word = command_argument(command, 0);
	char why[64];
	bool ready;

	if (word != NULL && strcmp(word, "drain") != 0 &&
	    strcmp(word, "ready") != 0) {
		commands_usage(caller, command);
		return;
	}
	if (word != NULL && caller->level < LEVEL_OPERATE) {
		answer_error(caller, "denied",
		    "node %s needs the level operate", word);
		return;
	}
	if (word != NULL)
		set_drained(caller, strcmp(word, "drain") == 0);
	ready = is_ready(control, why, sizeof(why));
	if (caller->json)
		answer_object(caller, "lb4.node/1",
		    json_pack("{s:b,s:s,s:b,s:I}", "ready", ready, "why", why,
			"drained", control->node_drained, "conns",
			(json_int_t)engine_conns(control->parts.engine)));
	else if (ready)
		answer_done(caller, "ready");
	else
		answer_done(caller, "not ready: %s", why);
}
