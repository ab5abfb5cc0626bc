/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A conversation with a backend's agent: lb4 connects, sends a text if the
 * configuration has one, and reads a line.  It is no kind of check, but talks
 * through the same struct probe.
 */
#ifndef LB4_HEALTH_PROBE_AGENT_H
#define LB4_HEALTH_PROBE_AGENT_H

#include "common/attr.h"
#include "lb4/config/settings.h"

struct addr;
struct agent_answer;
struct probe;

/* As probe_set(): asks the agent at `addr`, and sends `text` first.  Of `how`
 * the timeout, the source and the mark count. */
must_check int probe_agent_set(struct probe *probe, const struct addr *addr,
    const struct config_text *text, const struct config_check *how);

/* The answer, if the result is HEALTH_PASSED. */
const struct agent_answer *probe_agent_answer(const struct probe *probe);

#endif
