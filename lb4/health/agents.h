/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The agents of the backends.  An agent is a program on the backend's machine
 * that says how the backend is (agent_answer.h).  lb4 asks it again and again,
 * and what it says takes effect at once.
 *
 * Only an agent takes back what it has said.  If it cannot be asked, or says
 * nothing that lb4 understands, nothing changes: whether the backend works is
 * for the checks to find out.  A backend that an operator has put into
 * maintenance is not asked.
 *
 * A part of the prober's thread.  An event's tag names the backend by its id,
 * and the number of the conversation.
 */
#ifndef LB4_HEALTH_AGENTS_H
#define LB4_HEALTH_AGENTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/timer.h"

struct agent;
struct table;
struct target_env;

/* The kind of the events' tags. */
#define AGENTS_TAG 3

struct agents {
	struct target_env *env; /* of the prober */
	struct timer_wheel timers;
	struct agent **agent; /* owned; sorted by the backend's id */
	size_t count;
	uint32_t serial; /* of the last conversation */
};

void agents_init(struct agents *agents, struct target_env *env,
    uint64_t now_ms);

/* Forgets the agents.  What they have said stays. */
void agents_done(struct agents *agents);

/* Asks the agents of `table`.  What those have said that stay is kept, also
 * what they told the process before this one; a backend that no longer has one
 * is free of what it said.  0, or -ENOMEM with no change. */
must_check int agents_follow(struct agents *agents, const struct table *table);

/* The socket of the conversation with that tag is ready. */
void agents_on_event(struct agents *agents, uint64_t tag, uint32_t events);

/* All waiting events have been served: asks those that are due. */
void agents_turn(struct agents *agents);

/* For how long the thread may sleep, in milliseconds; -1: no agent is due. */
must_check int agents_sleep(const struct agents *agents, uint64_t now_ms);

#endif
