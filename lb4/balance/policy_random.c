/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance by two random choices: draws two backends by weight and takes the one
 * with fewer active conns for its weight.  Nearly as even as looking at all of
 * them (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
 * IEEE TPDS 2001), at a cost that does not grow with their number, and without
 * the herd that follows a minimum which is known late.
 */
#include "lb4/balance/policy.h"
#include "lb4/balance/turns.h"

#define DRAWS_MAX 16 /* until the usable ones are counted */

/* Draws by weight, but not `other`; -1: there is none, or luck ran out. */
static int
draw(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint64_t *hash, int other)
{
	const struct turns *turns = service->turns[scope->set];

	for (unsigned i = 0; i < DRAWS_MAX; i++) {
		unsigned index;

		*hash = hash_mix(*hash);
		index = turns->turn[hash_reduce(*hash, turns->len)];
		if ((int)index == other ||
		    !policy_usable(service, pick, index, scope))
			continue;
		*hash = hash_mix(*hash);
		if (policy_accepts(service, pick, index, *hash))
			return (int)index;
	}
	return -1;
}

/* Whether the second one has less to do for its weight. */
static bool
is_better(const struct service *service, const struct pick *pick, int first,
    int second)
{
	uint64_t ours = policy_active(service, (unsigned)second);
	uint64_t its = policy_active(service, (unsigned)first);

	return ours * policy_weight(service, pick, (unsigned)first) <
	    its * policy_weight(service, pick, (unsigned)second);
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
	first = draw(service, pick, scope, &hash, -1);
	if (first < 0)
		first = policy_spread(service, pick, hash_mix(hash), scope);
	if (first < 0)
		return -1;
	second = draw(service, pick, scope, &hash, first);
	return second >= 0 && is_better(service, pick, first, second) ? second
								      : first;
}

const struct policy policy_random = {
	.name = "random",
	.build = policy_build_turns,
	.key = policy_conn_key,
	.pick = pick_random,
};
