/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The queue of a service, which its workers share: see waitqueue.h for why it
 * is correct.  Made by table.c, used by lb4/engine/waiting.c.
 */
#include "lb4/model/waitqueue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct waitqueue *
waitqueue_new(unsigned workers)
{
	const size_t size = workers * sizeof(struct waitqueue_part);
	struct waitqueue *queue = aligned_alloc(_Alignof(struct waitqueue),
	    sizeof(*queue));

	assert(workers > 0);
	if (queue == NULL)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	queue->part = aligned_alloc(_Alignof(struct waitqueue_part), size);
	if (queue->part == NULL) {
		free(queue);
		return NULL;
	}
	memset(queue->part, 0, size);
	queue->workers = workers;
	for (unsigned i = 0; i < workers; i++) {
		atomic_init(&queue->part[i].oldest, WAITQUEUE_NOBODY);
		TAILQ_INIT(&queue->part[i].line);
	}
	return queue;
}

void
waitqueue_free(struct waitqueue *queue)
{
	if (queue == NULL)
		return;
	assert(waitqueue_is_empty(queue));
	free(queue->part);
	free(queue);
}

void
waitqueue_forget(struct waitqueue *queue)
{
	atomic_store(&queue->throttled, 0);
	atomic_store(&queue->waiting, 0);
}

bool
waitqueue_enter(struct waitqueue *queue, uint64_t limit)
{
	uint64_t waiting = atomic_load(&queue->waiting);

	do {
		if (waiting >= limit)
			return false;
	} while (!atomic_compare_exchange_weak(&queue->waiting, &waiting,
	    waiting + 1));
	return true;
}

void
waitqueue_leave(struct waitqueue *queue)
{
	uint64_t before = atomic_fetch_sub(&queue->waiting, 1);

	assert(before > 0);
}

uint64_t
waitqueue_ticket(struct waitqueue *queue)
{
	return atomic_fetch_add(&queue->tickets, 1) + 1;
}

void
waitqueue_set_oldest(struct waitqueue_part *part, uint64_t ticket)
{
	if (atomic_load_explicit(&part->oldest, memory_order_relaxed) != ticket)
		atomic_store(&part->oldest, ticket);
}

int
waitqueue_oldest(const struct waitqueue *queue, uint64_t after)
{
	uint64_t least = WAITQUEUE_NOBODY;
	int worker = -1;

	if (waitqueue_is_empty(queue))
		return -1;
	for (unsigned i = 0; i < queue->workers; i++) {
		uint64_t ticket = atomic_load(&queue->part[i].oldest);

		if (ticket > after && ticket < least) {
			least = ticket;
			worker = (int)i;
		}
	}
	return worker;
}

void
waitqueue_call(struct waitqueue *queue, unsigned worker)
{
	atomic_store(&queue->part[worker].called, true);
}

bool
waitqueue_answer(struct waitqueue_part *part)
{
	return atomic_load_explicit(&part->called, memory_order_relaxed) &&
	    atomic_exchange(&part->called, false);
}

void
waitqueue_doubt(struct waitqueue *queue, uint64_t now_ms)
{
	uint64_t next_ms = 0;

	/* a doubt that has lasted for a while has its own rhythm */
	(void)atomic_compare_exchange_strong(&queue->try_ms, &next_ms,
	    now_ms + WAITQUEUE_TRY_MS);
}

bool
waitqueue_trust(struct waitqueue *queue)
{
	return waitqueue_is_in_doubt(queue) &&
	    atomic_exchange(&queue->try_ms, 0) != 0;
}

bool
waitqueue_is_open(const struct waitqueue *queue, uint64_t now_ms)
{
	return atomic_load(&queue->try_ms) <= now_ms;
}

bool
waitqueue_let_go(struct waitqueue *queue, uint64_t now_ms)
{
	uint64_t next_ms = atomic_load(&queue->try_ms);

	return next_ms == 0 ||
	    (next_ms <= now_ms &&
		atomic_compare_exchange_strong(&queue->try_ms, &next_ms,
		    now_ms + WAITQUEUE_TRY_MS));
}
