/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Recording how a pick is made.
 */
#include "lb4/balance/trace.h"

#include <assert.h>
#include <string.h>

void
trace_key(struct pick_trace *trace, const uint8_t *key, size_t len,
    uint64_t hash)
{
	if (trace == NULL)
		return;
	assert(len <= sizeof(trace->key));
	memcpy(trace->key, key, len);
	trace->key_len = len;
	trace->hash = hash;
}

void
trace_step(struct pick_trace *trace, const struct trace_step *step)
{
	if (trace != NULL && trace->steps < TRACE_STEPS_MAX)
		trace->step[trace->steps++] = *step;
}

void
trace_set(struct pick_trace *trace, const struct scope *scope)
{
	if (trace == NULL)
		return;
	trace->set = scope->set;
	trace->check_health = scope->check_health;
	trace->spread = false;
}

void
trace_spread(struct pick_trace *trace)
{
	if (trace != NULL)
		trace->spread = true;
}

void
trace_kept(struct pick_trace *trace)
{
	if (trace != NULL)
		trace->kept = true;
}
