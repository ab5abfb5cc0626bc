/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance by two random choices: draws two backends by weight and takes the one
 * with fewer active conns for its weight.  Nearly as even as looking at all of
 * them (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
 * IEEE TPDS 2001), at a cost that does not grow with their number, and without
 * the herding towards a stale minimum.
 */
#include "lb4/balance/policy.h"
#include "lb4/balance/trace.h"
#include "lb4/balance/turns.h"

#define DRAWS_MAX 16 /* until the usable ones are counted */

/* Draws a usable backend by configured weight, other than `other`; -1: there is
 * none, or none was drawn. */
static int
draw_usable(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint64_t *hash, int other)
{
	const struct turns *turns = service->turns[scope->set];

	for (unsigned i = 0; i < DRAWS_MAX; i++) {
		unsigned index;

		*hash = hash_mix(*hash);
		index = turns->turn[hash_reduce(*hash, turns->len)];
		if ((int)index != other &&
		    candidate_usable(service, pick, index, scope))
			return (int)index;
	}
	return -1;
}

/* Whether to accept a draw of a backend that may be in slowstart. */
static bool
holds(const struct service *service, const struct pick *pick, int index,
    uint64_t *hash)
{
	*hash = hash_mix(*hash);
	return candidate_accepts(service, pick, (unsigned)index, *hash);
}

static int
draw_first(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint64_t *hash)
{
	int index;

	for (unsigned i = 0; i < DRAWS_MAX; i++) {
		index = draw_usable(service, pick, scope, hash, -1);
		if (index < 0 || holds(service, pick, index, hash))
			return index;
	}
	return -1;
}

/* A backend in slowstart has few conns and would win every comparison, so it
 * must not be drawn again and again: it gets one chance, by the square of its
 * fraction of the weight.  The second draw then adds to its share what it adds
 * to the shares of the others. */
static int
draw_second(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint64_t *hash, int first)
{
	int index = draw_usable(service, pick, scope, hash, first);

	return index >= 0 && holds(service, pick, index, hash) &&
		holds(service, pick, index, hash)
	    ? index
	    : -1;
}

/* Whether the second one has fewer conns for its weight. */
static bool
is_better(const struct service *service, const struct pick *pick, int first,
    int second)
{
	uint64_t ours = candidate_active(service, (unsigned)second);
	uint64_t its = candidate_active(service, (unsigned)first);

	return ours * candidate_weight(service, pick, (unsigned)first) <
	    its * candidate_weight(service, pick, (unsigned)second);
}

static int
pick_random(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint32_t *limit)
{
	uint64_t hash = scope->hash;
	int first, second;

	*limit = POLICY_NO_LIMIT;
	if (service->turns[scope->set] == NULL)
		return -1;
	first = draw_first(service, pick, scope, &hash);
	if (first < 0) {
		trace_spread(pick->trace);
		first = candidate_spread(service, pick, hash_mix(hash), scope);
	}
	if (first < 0)
		return -1;
	second = draw_second(service, pick, scope, &hash, first);
	return second >= 0 && is_better(service, pick, first, second) ? second
								      : first;
}

const struct policy policy_random = {
	.name = "random",
	.build = policy_build_turns,
	.key = policy_conn_key,
	.pick = pick_random,
};
