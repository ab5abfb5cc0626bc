/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Asks a backend's agent: see probe_agent.h.  The line ends with the first CR
 * or LF, or where the agent closes.  A line without its end when the time is
 * over is no answer: it could be cut.
 */
#include "lb4/health/probe_agent.h"

#include <errno.h>
#include <stdlib.h>

#include "lb4/health/agent_answer.h"
#include "lb4/health/probe.h"
#include "lb4/health/probe_kind.h"

struct state {
	size_t len;
	char line[AGENT_LINE_MAX];
	struct agent_answer answer;
};

static void
on_connected(struct probe *probe)
{
	const struct config_text *text = probe->own;

	if (text->len > 0)
		probe_say(probe, text->byte, text->len);
}

static enum health_result
judge(struct probe *probe)
{
	struct state *state = probe->state;

	if (agent_answer_read(&state->answer, state->line, state->len))
		return HEALTH_PASSED;
	probe_explain(probe, "no word of an agent in \"%.80s\"",
	    state->answer.text);
	return HEALTH_GARBLED;
}

static void
on_bytes(struct probe *probe, const char *bytes, size_t len)
{
	struct state *state = probe->state;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\r' || bytes[i] == '\n') {
			probe_finish(probe, judge(probe), 0);
			return;
		}
		if (state->len == AGENT_LINE_MAX) {
			probe_explain(probe,
			    "the answer has more than %d bytes",
			    AGENT_LINE_MAX);
			probe_finish(probe, HEALTH_GARBLED, 0);
			return;
		}
		state->line[state->len++] = bytes[i];
	}
}

static enum health_result
unfinished(struct probe *probe, enum health_result result, uint16_t *detail)
{
	*detail = 0;
	return result == HEALTH_CLOSED ? judge(probe) : result;
}

static const struct probe_kind kind = {
	.state_size = sizeof(struct state),
	.half_close = true,
	.on_connected = on_connected,
	.on_bytes = on_bytes,
	.unfinished = unfinished,
};

int
probe_agent_set(struct probe *probe, const struct addr *addr,
    const struct config_text *text, const struct config_check *how)
{
	struct config_text *own = malloc(sizeof(*own));

	if (own == NULL)
		return -ENOMEM;
	*own = *text;
	return probe_set_kind(probe, &kind, own, how, addr);
}

const struct agent_answer *
probe_agent_answer(const struct probe *probe)
{
	const struct state *state = probe->state;

	return &state->answer;
}
