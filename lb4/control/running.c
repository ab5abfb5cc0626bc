/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The names of the process's states: see running.h. */
#include "lb4/control/running.h"

#include <assert.h>

static const char *const names[] = {
	[RUNNING_SERVING] = "running",
	[RUNNING_DRAINING] = "draining",
	[RUNNING_KILLING] = "killing",
	[RUNNING_ENDED] = "ended",
};

static_assert(sizeof(names) / sizeof(names[0]) == RUNNING_STATE_COUNT,
    "a name for each state");

const char *
running_state_name(enum running_state state)
{
	return (unsigned)state < RUNNING_STATE_COUNT ? names[state] : "?";
}
