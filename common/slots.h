/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Slots: a fixed number of objects of one size, named by index and generation.
 *
 * A handle (index and generation) that outlives its object finds nothing, so a
 * late event for a dead conn never reaches the conn that took its place.
 * Memory is reserved at once, and touched only when a slot is first used.  A
 * freed slot is the next one given out, because it is still warm in the cache.
 *
 * Owned by one thread.  slots_take() zeroes the bytes of the object.
 */
#ifndef COMMON_SLOTS_H
#define COMMON_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct slots {
	unsigned char *memory; /* count x stride bytes */
	size_t size;	       /* of an object, as asked for */
	size_t stride;	       /* object and header, a multiple of 64 */
	uint32_t count;	       /* how many there are */
	uint32_t fresh;	       /* first one never used yet */
	uint32_t free_head;    /* index + 1 of the last freed; 0: none */
	uint32_t used;	       /* taken now */
};

/* Greater than any index + 1. */
#define SLOTS_TAKEN UINT32_MAX

/* The last 8 bytes of each stride, so that objects stay aligned to 64 and share
 * their last cache line with it. */
struct slots_header {
	uint32_t generation; /* never 0 once the slot was taken */
	uint32_t next_free;  /* SLOTS_TAKEN, or index + 1 of the one freed
			      * before; 0: none */
};

/* Reserves `count` objects of `size` bytes each (neither 0, count below 2^32 -
 * 1), aligned to 64.  Returns 0, -EINVAL, or -ENOMEM. */
must_check int slots_init(struct slots *slots, uint32_t count, size_t size);

/* Frees the memory and all objects in it.  Accepts NULL and a struct that is
 * all zero. */
void slots_done(struct slots *slots);

/* Takes a slot, zeroed; NULL when all are taken. */
void *slots_take(struct slots *slots);

/* Frees the slot.  Its generation advances, so that old handles find
 * nothing. */
void slots_release(struct slots *slots, void *object);

static inline struct slots_header *
slots_header(const struct slots *slots, const void *object)
{
	return (struct slots_header *)((uintptr_t)object + slots->stride -
	    sizeof(struct slots_header));
}

/* The object's index, by a division. */
static inline uint32_t
slots_index(const struct slots *slots, const void *object)
{
	return (uint32_t)((size_t)((const unsigned char *)object -
			      slots->memory) /
	    slots->stride);
}

/* Whether the slot of that object is taken now. */
static inline bool
slots_taken(const struct slots *slots, const void *object)
{
	return slots_header(slots, object)->next_free == SLOTS_TAKEN;
}

/* The object's present generation (never 0). */
static inline uint32_t
slots_generation(const struct slots *slots, const void *object)
{
	return slots_header(slots, object)->generation;
}

/* The object at that index if it is taken and has that generation, or NULL. */
static inline void *
slots_find(const struct slots *slots, uint32_t index, uint32_t generation)
{
	void *object;
	const struct slots_header *header;

	if (index >= slots->fresh)
		return NULL;
	object = slots->memory + index * slots->stride;
	header = slots_header(slots, object);
	if (header->generation != generation ||
	    header->next_free != SLOTS_TAKEN)
		return NULL;
	return object;
}

/* The object at `index` if there is one, whatever its generation. */
static inline void *
slots_at(const struct slots *slots, uint32_t index)
{
	void *object;

	if (index >= slots->fresh)
		return NULL;
	object = slots->memory + index * slots->stride;
	return slots_taken(slots, object) ? object : NULL;
}

/* The next taken object at or after *index, which is moved past it; NULL at
 * the end.  Start with *index = 0.  The object may be released before the next
 * call. */
void *slots_each(const struct slots *slots, uint32_t *index);

#endif
