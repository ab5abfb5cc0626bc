/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How a pick came to its backend, written down while it is made: for --explain
 * and its like.  Workers ask for no trace; what they do is the same.
 */
#ifndef LB4_TABLE_TRACE_H
#define LB4_TABLE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_KEY_MAX 18
#define TRACE_STEPS_MAX 64

/* Why a backend may or may not take a conn. */
enum pick_why {
	PICK_USABLE,
	PICK_NO_WEIGHT, /* weight 0 */
	PICK_DRAIN,	/* administrative states */
	PICK_MAINT,
	PICK_DOWN,  /* by its health */
	PICK_TRIED, /* this conn has failed to reach it */
	PICK_WHY_COUNT,
};

/* A backend that was looked at. */
struct trace_step {
	uint32_t slot; /* of the Maglev table */
	uint16_t index;
	enum pick_why why;
};

struct pick_trace {
	uint8_t key[TRACE_KEY_MAX]; /* what was hashed; len 0: nothing was */
	size_t key_len;
	uint64_t hash;
	struct trace_step step[TRACE_STEPS_MAX];
	unsigned steps;
	bool spread;	  /* no slot led to a usable one: by hash over all */
	bool all_refused; /* every backend was; then health was not asked */
	unsigned unasked; /* the first step after that */
};

/* "down", "weight is 0", ...; for any value of the enum. */
const char *pick_why_name(enum pick_why why);

/* Each does nothing without a trace. */
void trace_key(struct pick_trace *trace, const void *key, size_t len,
    uint64_t hash);
void trace_step(struct pick_trace *trace, uint32_t slot, unsigned index,
    enum pick_why why);
void trace_spread(struct pick_trace *trace);
void trace_all_refused(struct pick_trace *trace);

#endif
