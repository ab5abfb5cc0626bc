/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A bounded queue of fixed-size records: many threads put, one takes, nobody
 * waits (Vyukov's bounded MPMC queue, with one consumer).
 *
 * Each cell carries a sequence number: equal to a position, it is free for
 * that position; one more, it holds that position's record.  A producer claims
 * a position by compare-and-swap, fills the cell and stores the sequence with
 * release; the consumer loads it with acquire.
 */
#ifndef COMMON_QUEUE_H
#define COMMON_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct queue {
	/* set before start */
	unsigned char *cells;
	size_t stride; /* sequence number and record, aligned */
	size_t size;   /* of a record */
	size_t mask;   /* number of cells, a power of two, minus one */

	/* written by every producer */
	_Alignas(64) _Atomic uint64_t tail;

	/* written by the consumer alone */
	_Alignas(64) uint64_t head;
};

/* A queue of at least `count` records of `size` bytes.  Returns 0 or -errno. */
must_check int queue_init(struct queue *queue, size_t count, size_t size);
void queue_done(struct queue *queue);

/* Copies `used` <= size bytes of `record` in.  False when the queue is full. */
bool queue_put(struct queue *queue, const void *record, size_t used);

/* Copies the oldest record out; false when there is none.  One thread only. */
bool queue_take(struct queue *queue, void *record);

#endif
