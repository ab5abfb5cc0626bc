/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance in turn, by weight: a fixed schedule (turns.h) that all workers walk
 * with one shared counter.
 *
 * When a backend cannot be used, the counter advances to the next turn instead
 * of the neighbour in the schedule: its share spreads evenly.  The same happens
 * to some of the turns of a backend in slowstart.
 */
#include "lb4/balance/policy.h"
#include "lb4/balance/trace.h"
#include "lb4/balance/turns.h"

#define TURNS_MAX 64 /* looked at before the usable ones are counted */

static int
pick_roundrobin(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint32_t *limit)
{
	const struct turns *turns = service->turns[scope->set];
	uint64_t hash = scope->hash;
	uint64_t turn;

	*limit = POLICY_NO_LIMIT;
	if (turns == NULL)
		return -1;
	for (uint64_t i = 0; i < 2 * (uint64_t)turns->len && i < TURNS_MAX;
	     i++) {
		unsigned index;

		turn = atomic_fetch_add_explicit(&service->state
						      ->turns[scope->set],
		    1, memory_order_relaxed);
		index = turns->turn[turn % turns->len];
		hash = hash_mix(hash);
		if (candidate_usable(service, pick, index, scope) &&
		    candidate_accepts(service, pick, index, hash))
			return (int)index;
	}
	trace_spread(pick->trace);
	return candidate_spread(service, pick, hash_mix(hash), scope);
}

const struct policy policy_roundrobin = {
	.name = "roundrobin",
	.build = policy_build_turns,
	.key = policy_conn_key,
	.pick = pick_roundrobin,
};
