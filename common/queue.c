/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The bounded queue under the mailboxes and the log.
 *
 * A cell at position p (cell p & mask) goes through three values of its
 * sequence number:
 *
 *	p		free: whoever moves tail from p to p + 1 owns it
 *	p + 1		full: the consumer owns it
 *	p + mask + 1	free again, for the next time round
 *
 * With a single cell the last two would be the same: there are at least two.
 * The record itself is plain memory: whoever owns the cell has read its
 * sequence with acquire after the former owner stored it with release.  A
 * producer that was stopped between the two steps holds up the records behind
 * it, but nobody waits: the consumer finds the queue empty until then.
 */
#include "common/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Each cell starts on a cache line, so that producers and the consumer do not
 * compete for a line that they do not share. */
#define QUEUE_ALIGN ((size_t)64)

/* At the start of each cell; the record follows. */
struct queue_cell {
	_Alignas(16) _Atomic uint64_t sequence;
	_Alignas(16) unsigned char record[];
};

static inline struct queue_cell *
cell_at(const struct queue *queue, uint64_t position)
{
	return (struct queue_cell *)(queue->cells +
	    (position & queue->mask) * queue->stride);
}

int
queue_init(struct queue *queue, size_t count, size_t size)
{
	size_t cells = 2;
	size_t stride;
	size_t bytes;

	memset(queue, 0, sizeof(*queue));
	if (count == 0 || size == 0 || count > SIZE_MAX / 2 ||
	    size > SIZE_MAX / 2)
		return -EINVAL;
	while (cells < count)
		cells *= 2;
	stride = sizeof(struct queue_cell) + size;
	stride = (stride + QUEUE_ALIGN - 1) & ~(QUEUE_ALIGN - 1);
	if (__builtin_mul_overflow(cells, stride, &bytes))
		return -ENOMEM;

	queue->cells = aligned_alloc(QUEUE_ALIGN, bytes);
	if (queue->cells == NULL)
		return -ENOMEM;
	memset(queue->cells, 0, bytes);
	queue->stride = stride;
	queue->size = size;
	queue->mask = cells - 1;
	for (size_t i = 0; i < cells; i++)
		atomic_init(&cell_at(queue, i)->sequence, i);
	atomic_init(&queue->tail, 0);
	return 0;
}

void
queue_done(struct queue *queue)
{
	if (queue == NULL)
		return;
	free(queue->cells);
	queue->cells = NULL;
}

bool
queue_put(struct queue *queue, const void *record, size_t used)
{
	uint64_t position;
	struct queue_cell *cell;

	assert(used <= queue->size);
	position = atomic_load_explicit(&queue->tail, memory_order_relaxed);
	for (;;) {
		uint64_t sequence;

		cell = cell_at(queue, position);
		sequence = atomic_load_explicit(&cell->sequence,
		    memory_order_acquire);
		if (sequence == position) {
			/* A failure loads the present tail into position. */
			if (atomic_compare_exchange_weak_explicit(&queue->tail,
				&position, position + 1, memory_order_relaxed,
				memory_order_relaxed))
				break;
		} else if ((int64_t)(sequence - position) < 0) {
			return false;
		} else {
			position = atomic_load_explicit(&queue->tail,
			    memory_order_relaxed);
		}
	}
	memcpy(cell->record, record, used);
	atomic_store_explicit(&cell->sequence, position + 1,
	    memory_order_release);
	return true;
}

bool
queue_take(struct queue *queue, void *record)
{
	struct queue_cell *cell = cell_at(queue, queue->head);

	if (atomic_load_explicit(&cell->sequence, memory_order_acquire) !=
	    queue->head + 1)
		return false;
	memcpy(record, cell->record, queue->size);
	atomic_store_explicit(&cell->sequence, queue->head + queue->mask + 1,
	    memory_order_release);
	queue->head++;
	return true;
}
