/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What pins consist of: shared by pins.c and by lb4/handover, which describes
 * them to another process and makes them from such a description.
 */
#ifndef LB4_BALANCE_PINS_PARTS_H
#define LB4_BALANCE_PINS_PARTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/model/service.h"

struct activity;

/* The most changes within `time` that are remembered; beyond, the oldest is
 * dropped. */
#define PINS_PASTS_MAX 8

/* Tags up to this one are no hashes: the entry was never used, or is being
 * claimed. */
#define PIN_TAG_NONE 0
#define PIN_TAG_BUSY 1

#define PIN_UNIT_SHIFT 6 /* a pin's clock counts 64 ms */

struct pin_entry {
	_Atomic uint64_t tag;
	_Atomic uint64_t value;
};

struct pin_table {
	unsigned refs;	 /* control's own */
	uint32_t places; /* a power of two */
	_Atomic uint64_t refused;
	struct pin_entry entry[];
};

/* A table that has been replaced, as it was at its last moment.  Immutable. */
struct past {
	unsigned refs; /* control's own */
	uint64_t at_ms;
	uint64_t until_ms;
	unsigned time_ms;	   /* the period of its activity */
	struct activity *activity; /* a reference */
	struct backend *backends;  /* owned: ids and states as they were */
	struct service service;	   /* its places, among those backends */
};

struct by_id {
	uint32_t id;
	uint16_t index;
};

struct pins {
	/* set before any worker sees it */
	unsigned time_ms;
	struct activity *activity; /* a reference; the clients of this table */
	struct pin_table *table;   /* a reference; NULL: nothing has moved */
	struct by_id *by_id;	   /* owned; the service's backends */
	size_t backends;

	/* Newest first; NULL where there is none.  Writer: control, which takes
	 * them out (release).  Readers: workers (acquire). */
	_Atomic(struct past *) past[PINS_PASTS_MAX];

	/* control's own: taken out, to be freed after a grace period */
	struct past *buried[PINS_PASTS_MAX];
};

/* An entry's value: the backend's id (0: given up), and when it was used. */
static inline uint64_t
pin_value_of(uint32_t id, uint64_t now_ms)
{
	return (uint64_t)id << 32 | (uint32_t)(now_ms >> PIN_UNIT_SHIFT);
}

static inline uint32_t
pin_value_id(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

/* Room for `places` pins, a power of two, with one reference; NULL without
 * memory.  Unreferencing takes NULL. */
struct pin_table *pin_table_new(uint32_t places);
void pin_table_unref(struct pin_table *table);

/* Adds a pin, unless the table is full: then counts that. */
void pin_table_put(struct pin_table *table, uint64_t tag, uint64_t value,
    uint64_t now_ms, unsigned time_ms);

/* Takes NULL, and one that is not complete. */
void past_unref(struct past *past);

#endif
