/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Building a schedule, for the policies that want one.
 *
 * The schedule names each backend weight / gcd times.  In a schedule of `len`
 * slots, turn k (from 0) of a backend of weight w has the window from k len / w
 * to (k + 1) len / w.  Each slot goes to the backend whose window ends first,
 * among those whose window has begun.  In every prefix, each backend then has
 * its exact share, within one turn (the rule of WF2Q: Bennett and Zhang, "WF2Q:
 * worst-case fair weighted fair queueing", INFOCOM 1996).
 */
#include "lb4/balance/turns.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/* While the schedule is built.  A backend is in the heap when its window has
 * begun, else in the list of the slot at which it begins. */
struct builder {
	const unsigned *weight;
	unsigned *turn; /* per backend, turns it has had */
	uint16_t *heap; /* the window that ends first on top */
	size_t heaped;
	int32_t *begin; /* per slot: the first backend to begin, or -1 */
	int32_t *next;	/* per backend: the next one in its slot's list */
};

/* Whether a's window ends before b's.  Ties: the heavier, then by name. */
static bool
ends_before(const struct builder *b, uint16_t one, uint16_t other)
{
	uint64_t mine = (uint64_t)(b->turn[one] + 1) * b->weight[other];
	uint64_t its = (uint64_t)(b->turn[other] + 1) * b->weight[one];

	if (mine != its)
		return mine < its;
	if (b->weight[one] != b->weight[other])
		return b->weight[one] > b->weight[other];
	return one < other;
}

static void
heap_put(struct builder *b, uint16_t index)
{
	size_t at = b->heaped++;

	while (at > 0 && ends_before(b, index, b->heap[(at - 1) / 2])) {
		b->heap[at] = b->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	b->heap[at] = index;
}

static uint16_t
heap_take(struct builder *b)
{
	uint16_t top = b->heap[0];
	uint16_t last = b->heap[--b->heaped];
	size_t at = 0;
	size_t child;

	while ((child = 2 * at + 1) < b->heaped) {
		if (child + 1 < b->heaped &&
		    ends_before(b, b->heap[child + 1], b->heap[child]))
			child++;
		if (!ends_before(b, b->heap[child], last))
			break;
		b->heap[at] = b->heap[child];
		at = child;
	}
	b->heap[at] = last;
	return top;
}

/* Puts the backend's next turn where its window begins, rounded up. */
static void
await(struct builder *b, uint16_t index, uint32_t len)
{
	uint64_t begin = (uint64_t)b->turn[index] * len;
	uint32_t slot = (uint32_t)((begin + b->weight[index] - 1) /
	    b->weight[index]);

	if (slot >= len)
		return;
	b->next[index] = b->begin[slot];
	b->begin[slot] = index;
}

static void
fill(struct builder *b, size_t count, struct turns *turns)
{
	const uint32_t len = turns->len;

	for (uint32_t slot = 0; slot < len; slot++)
		b->begin[slot] = -1;
	for (size_t i = 0; i < count; i++)
		if (b->weight[i] > 0)
			await(b, (uint16_t)i, len);
	for (uint32_t slot = 0; slot < len; slot++) {
		uint16_t index;

		for (int32_t i = b->begin[slot]; i >= 0; i = b->next[i])
			heap_put(b, (uint16_t)i);
		/* Every turn lies within its window: so the backend's next
		 * window is still ahead, and every slot gets a turn. */
		assert(b->heaped > 0);
		index = heap_take(b);
		turns->turn[slot] = index;
		b->turn[index]++;
		await(b, index, len);
	}
}

/* The weights divided by their greatest common divisor; returns their sum. */
static uint32_t
reduce(const unsigned *weights, size_t count, unsigned *reduced)
{
	unsigned divisor = 0;
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned a = weights[i];

		while (a != 0) {
			unsigned rest = divisor % a;

			divisor = a;
			a = rest;
		}
	}
	for (size_t i = 0; i < count && divisor > 0; i++) {
		reduced[i] = weights[i] / divisor;
		sum += reduced[i];
	}
	return sum;
}

struct turns *
turns_new(const unsigned *weights, size_t count)
{
	unsigned *reduced = calloc(count, sizeof(*reduced));
	struct builder b = {
		.weight = reduced,
		.turn = calloc(count, sizeof(*b.turn)),
		.heap = calloc(count, sizeof(*b.heap)),
		.next = calloc(count, sizeof(*b.next)),
	};
	struct turns *turns = NULL;
	uint32_t len;

	if (!reduced || !b.turn || !b.heap || !b.next)
		goto out;
	len = reduce(weights, count, reduced);
	if (len == 0)
		goto out;
	b.begin = calloc(len, sizeof(*b.begin));
	turns = malloc(sizeof(*turns) + len * sizeof(turns->turn[0]));
	if (!b.begin || !turns) {
		free(turns);
		turns = NULL;
		goto out;
	}
	turns->len = len;
	fill(&b, count, turns);
out:
	free(b.begin);
	free(b.next);
	free(b.heap);
	free(b.turn);
	free(reduced);
	return turns;
}
