/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How a pick came to its backend, written down while it is made: for --explain
 * and its like.  Workers ask for no trace; what they do is the same.
 */
#ifndef LB4_BALANCE_TRACE_H
#define LB4_BALANCE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/balance/candidates.h"

#define TRACE_STEPS_MAX 64

/* A slot of a Maglev table that was looked at. */
struct trace_step {
	enum backend_set set; /* whose table */
	bool check_health;
	uint32_t slot;
	uint32_t slots; /* of the table */
	uint16_t index; /* whose slot it is */
	enum skip skip; /* SKIP_NOT: taken */
};

struct pick_trace {
	uint8_t key[PICK_KEY_MAX]; /* what was hashed */
	size_t key_len;
	uint64_t hash;
	struct trace_step step[TRACE_STEPS_MAX]; /* the first ones */
	unsigned steps;
	/* In the end: */
	enum backend_set set;
	bool
	    check_health; /* false: all were passed over, so it did not count */
	bool kept;   /* not by its slot, but where it was before a change */
	bool spread; /* no slot led anywhere: by hash over all of the set */
};

/* Each does nothing without a trace. */
void trace_key(struct pick_trace *trace, const uint8_t *key, size_t len,
    uint64_t hash);
void trace_step(struct pick_trace *trace, const struct trace_step *step);

/* Begins to choose within the scope's set. */
void trace_set(struct pick_trace *trace, const struct scope *scope);
void trace_spread(struct pick_trace *trace);
void trace_kept(struct pick_trace *trace);

#endif
