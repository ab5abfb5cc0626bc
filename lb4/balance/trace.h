/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * How a pick arrived at its backend, recorded during the pick, for lb4ctl
 * explain.  Workers request no trace; the pick is the same.
 */
#ifndef LB4_BALANCE_TRACE_H
#define LB4_BALANCE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/balance/candidates.h"

#define TRACE_STEPS_MAX 64

/* A slot of a Maglev table that the pick looked at. */
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
	bool check_health; /* false: none was healthy, so it did not count */
	bool kept;	   /* the backend it had before a change */
	bool spread;	   /* no slot was usable: by hash over the whole set */
};

/* Each does nothing without a trace. */
void trace_key(struct pick_trace *trace, const uint8_t *key, size_t len,
    uint64_t hash);
void trace_step(struct pick_trace *trace, const struct trace_step *step);

/* The pick now chooses within the scope's set. */
void trace_set(struct pick_trace *trace, const struct scope *scope);
void trace_spread(struct pick_trace *trace);
void trace_kept(struct pick_trace *trace);

#endif
