/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writing down how a pick is made.
 */
#include "lb4/table/trace.h"

#include <assert.h>
#include <string.h>

static const char *const why_names[] = {
	[PICK_USABLE] = "usable",
	[PICK_NO_WEIGHT] = "weight is 0",
	[PICK_DRAIN] = "drain",
	[PICK_MAINT] = "maint",
	[PICK_DOWN] = "down",
	[PICK_TRIED] = "tried before",
};
static_assert(sizeof(why_names) / sizeof(why_names[0]) == PICK_WHY_COUNT,
    "a name for each reason");

const char *
pick_why_name(enum pick_why why)
{
	return (unsigned)why < PICK_WHY_COUNT ? why_names[why] : "?";
}

void
trace_key(struct pick_trace *trace, const void *key, size_t len, uint64_t hash)
{
	if (trace == NULL)
		return;
	assert(len <= sizeof(trace->key));
	memcpy(trace->key, key, len);
	trace->key_len = len;
	trace->hash = hash;
}

void
trace_step(struct pick_trace *trace, uint32_t slot, unsigned index,
    enum pick_why why)
{
	if (trace == NULL || trace->steps == TRACE_STEPS_MAX)
		return;
	trace->step[trace->steps++] = (struct trace_step){
		.slot = slot,
		.index = (uint16_t)index,
		.why = why,
	};
}

void
trace_spread(struct pick_trace *trace)
{
	if (trace != NULL)
		trace->spread = true;
}

void
trace_all_refused(struct pick_trace *trace)
{
	if (trace == NULL)
		return;
	trace->all_refused = true;
	trace->unasked = trace->steps;
	trace->spread = false;
}
