/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Slots: where a worker's conns live.
 */
#include "common/slots.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_ALIGN ((size_t)64)

_Static_assert(sizeof(struct slots_header) == 8, "header is 8 bytes");

int
slots_init(struct slots *slots, uint32_t count, size_t size)
{
	size_t stride;
	size_t bytes;
	void *memory;

	memset(slots, 0, sizeof(*slots));
	if (count == 0 || count == UINT32_MAX || size == 0)
		return -EINVAL;
	if (__builtin_add_overflow(size,
		sizeof(struct slots_header) + SLOTS_ALIGN - 1, &stride))
		return -ENOMEM;
	stride &= ~(SLOTS_ALIGN - 1);
	if (__builtin_mul_overflow(stride, (size_t)count, &bytes))
		return -ENOMEM;

	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	slots->memory = memory;
	slots->size = size;
	slots->stride = stride;
	slots->count = count;
	return 0;
}

void
slots_done(struct slots *slots)
{
	if (slots == NULL || slots->memory == NULL)
		return;
	munmap(slots->memory, slots->stride * slots->count);
	memset(slots, 0, sizeof(*slots));
}

void *
slots_take(struct slots *slots)
{
	struct slots_header *header;
	uint32_t index;
	void *object;

	if (slots->free_head != 0) {
		index = slots->free_head - 1;
		object = slots->memory + index * slots->stride;
		header = slots_header(slots, object);
		slots->free_head = header->next_free;
	} else if (slots->fresh < slots->count) {
		index = slots->fresh++;
		object = slots->memory + index * slots->stride;
		header = slots_header(slots, object);
		header->generation = 1;
	} else {
		return NULL;
	}
	memset(object, 0, slots->size);
	header->next_free = SLOTS_TAKEN;
	slots->used++;
	return object;
}

void
slots_release(struct slots *slots, void *object)
{
	struct slots_header *header = slots_header(slots, object);

	assert(header->next_free == SLOTS_TAKEN);
	header->generation++;
	if (header->generation == 0)
		header->generation = 1;
	header->next_free = slots->free_head;
	slots->free_head = slots_index(slots, object) + 1;
	slots->used--;
}

void *
slots_each(const struct slots *slots, uint32_t *index)
{
	while (*index < slots->fresh) {
		void *object = slots->memory + *index * slots->stride;

		(*index)++;
		if (slots_taken(slots, object))
			return object;
	}
	return NULL;
}
