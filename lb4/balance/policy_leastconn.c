/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance by load: the backend with the fewest active conns for its weight,
 * for conns that last.
 *
 * Each pick looks at every backend (some microseconds with 1,000 of them) and
 * writes nothing.  The count that made the choice is also its limit: if another
 * worker has added a conn meanwhile, policy_take() picks again.  So no two
 * workers follow the same minimum; what a pick can miss is a conn that has
 * ended since it looked.
 *
 * Among equals each has its weight's chance.
 */
#include "lb4/balance/policy.h"

struct best {
	int index; /* -1: none yet */
	uint32_t active;
	uint32_t weight;
	uint32_t equals; /* sum of the weights of all that are as good */
};

/* Whether it is better than the best so far; among n equals the last one is
 * kept with its share of the chances, which makes all of them alike. */
static bool
is_better(struct best *best, uint32_t active, uint32_t weight, uint64_t *hash)
{
	uint64_t mine = (uint64_t)active * best->weight;
	uint64_t its = (uint64_t)best->active * weight;

	if (best->index < 0 || mine < its) {
		best->equals = weight;
		return true;
	}
	if (mine > its)
		return false;
	best->equals += weight;
	*hash = hash_mix(*hash);
	return hash_reduce(*hash, best->equals) < weight;
}

static int
pick_leastconn(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint32_t *limit)
{
	struct best best = { .index = -1 };
	uint64_t hash = scope->hash;

	for (unsigned i = 0; i < service->backends; i++) {
		uint32_t active, weight;

		if (!policy_usable(service, pick, i, scope))
			continue;
		active = policy_active(service, i);
		weight = policy_weight(service, pick, i);
		if (is_better(&best, active, weight, &hash)) {
			best.index = (int)i;
			best.active = active;
			best.weight = weight;
		}
	}
	*limit = best.active + 1;
	return best.index;
}

const struct policy policy_leastconn = {
	.name = "leastconn",
	.key = policy_conn_key,
	.pick = pick_leastconn,
};
