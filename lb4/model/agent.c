/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the agent of a backend has said: see agent.h. */
#include "lb4/model/agent.h"

#include <stdio.h>

#define MODE_SHIFT 16
#define MODE_MASK 3
#define WORD_SHIFT 18
#define WORD_MASK 7
#define ANSWERED (UINT64_C(1) << 21)
#define MAXCONN_SHIFT 32

uint64_t
agent_pack(const struct agent_said *said)
{
	uint64_t word = said->answered ? ANSWERED : 0;

	word |= (uint64_t)said->mode << MODE_SHIFT;
	word |= (uint64_t)said->word << WORD_SHIFT;
	if (said->has_percent)
		word |= said->percent + 1;
	if (said->has_maxconn)
		word |= (uint64_t)(said->maxconn + 1) << MAXCONN_SHIFT;
	return word;
}

struct agent_said
agent_unpack(uint64_t word)
{
	const unsigned mode = word >> MODE_SHIFT & MODE_MASK;
	const unsigned health = word >> WORD_SHIFT & WORD_MASK;
	const unsigned percent = (unsigned)(word & 0xffff);
	const uint32_t maxconn = (uint32_t)(word >> MAXCONN_SHIFT);
	struct agent_said said = { .answered = (word & ANSWERED) != 0 };

	if (mode < AGENT_MODE_COUNT)
		said.mode = (enum agent_mode)mode;
	if (health < AGENT_WORD_COUNT)
		said.word = (enum agent_word)health;
	said.has_percent = percent != 0 && percent <= AGENT_PERCENT_MAX + 1;
	if (said.has_percent)
		said.percent = percent - 1;
	said.has_maxconn = maxconn != 0 && maxconn <= AGENT_MAXCONN_MAX + 1;
	if (said.has_maxconn)
		said.maxconn = maxconn - 1;
	return said;
}

enum agent_state
agent_state_of(const struct agent_said *said)
{
	if (!said->answered)
		return AGENT_NONE;
	if (said->mode == AGENT_MODE_MAINT)
		return AGENT_MAINT;
	if (said->mode == AGENT_MODE_DRAIN)
		return AGENT_DRAIN;
	return said->word >= AGENT_WORD_DOWN ? AGENT_DOWN : AGENT_UP;
}

const char *
agent_said_text(const struct backend *backend, char *buf, size_t size)
{
	const uint64_t said = atomic_load_explicit(&backend->agent_said,
	    memory_order_acquire);

	char line[REMARK_MAX];

	if (remark_get(&backend->agent_display.remark, agent_remark_word(said),
		line, sizeof(line)))
		(void)snprintf(buf, size, "its agent said \"%s\"", line);
	else
		(void)snprintf(buf, size, "said by its agent");
	return buf;
}

const char *
agent_failure_text(const struct backend *backend, uint64_t *since_ms, char *buf,
    size_t size)
{
	const struct backend_agent *agent = &backend->agent_display;
	const uint32_t word = atomic_load_explicit(&agent->failure,
	    memory_order_acquire);

	*since_ms = atomic_load_explicit(&agent->failing_ms,
	    memory_order_relaxed);
	if (word == 0)
		return NULL;
	if (!remark_get(&agent->failure_remark, word, buf, size))
		(void)health_text(word, buf, size);
	return buf;
}
