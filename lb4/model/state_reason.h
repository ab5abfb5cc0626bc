/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Why a backend has changed its effective state, in words.
 */
#ifndef LB4_MODEL_STATE_REASON_H
#define LB4_MODEL_STATE_REASON_H

#include <stddef.h>

#include "lb4/model/agent.h"
#include "lb4/model/backend.h"

#define STATE_REASON_MAX AGENT_TEXT_MAX

/* The reason for the change from the parts `before` to `after`, which the
 * backend has now: what the part says that has changed.  Returns `buf`.  From
 * any thread. */
const char *state_reason(const struct backend *backend,
    const struct backend_parts *before, const struct backend_parts *after,
    char *buf, size_t size);

#endif
