/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the agent of a backend has said so far, in one word that the prober
 * writes and all threads read.  An answer changes only what it mentions, so the
 * word is the sum of all answers.
 *
 *	bits 0-15	weight in percent of the configured one, plus 1; 0: it
 *			has said none
 *	bits 16-17	enum agent_mode
 *	bits 18-20	enum agent_word
 *	bit 21		it has answered
 *	bits 32-63	maxconn, plus 1; 0: it has said none
 *
 * The word travels in an upgrade, so its layout is append-only.
 */
#ifndef LB4_MODEL_AGENT_H
#define LB4_MODEL_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/config/limits.h"
#include "lb4/model/backend.h"

#define AGENT_PERCENT_MAX (100 * CONFIG_WEIGHT_MAX)
#define AGENT_MAXCONN_MAX 10000000 /* as the key maxconn */

/* Its words ready, drain and maint.  Append-only. */
enum agent_mode {
	AGENT_MODE_READY, /* or none of them */
	AGENT_MODE_DRAIN,
	AGENT_MODE_MAINT,
	AGENT_MODE_COUNT,
};

/* Its words about the health.  Append-only. */
enum agent_word {
	AGENT_WORD_NONE,
	AGENT_WORD_UP,
	AGENT_WORD_DOWN,
	AGENT_WORD_FAIL,
	AGENT_WORD_STOPPED,
	AGENT_WORD_COUNT,
};

struct agent_said {
	bool answered;
	enum agent_mode mode;
	enum agent_word word;
	bool has_percent, has_maxconn;
	unsigned percent; /* 0 to AGENT_PERCENT_MAX */
	uint32_t maxconn; /* 0 to AGENT_MAXCONN_MAX; 0: no limit */
};

uint64_t agent_pack(const struct agent_said *said);

/* Any word; what it cannot have in a field counts as not said. */
struct agent_said agent_unpack(uint64_t word);

/* The state that it sets: MAINT, DRAIN, DOWN, UP; NONE before its first
 * answer. */
enum agent_state agent_state_of(const struct agent_said *said);

/* The weight that it wants, in percent of the configured one. */
static inline unsigned
agent_percent(uint64_t word)
{
	const unsigned percent = (unsigned)(word & 0xffff);

	return percent != 0 ? percent - 1 : 100;
}

/* The limit that it wants; `maxconn` if it has said none. */
static inline unsigned
agent_maxconn(uint64_t word, unsigned maxconn)
{
	const unsigned agents_limit = (unsigned)(word >> 32);

	return agents_limit != 0 ? agents_limit - 1 : maxconn;
}

/* For the text about the word: see struct backend_agent. */
static inline uint32_t
agent_remark_word(uint64_t word)
{
	return (uint32_t)(word ^ word >> 32);
}

/* The reason for what the agent has said: its last answer that changed
 * something, in quotes.  Returns `buf`; AGENT_TEXT_MAX is enough. */
#define AGENT_TEXT_MAX (REMARK_MAX + 32)
const char *agent_said_text(const struct backend *backend, char *buf,
    size_t size);

/* Why the agent does not answer, in words; NULL: it does.  *since_ms is when
 * that began.  From any thread. */
const char *agent_failure_text(const struct backend *backend,
    uint64_t *since_ms, char *buf, size_t size);

#endif
