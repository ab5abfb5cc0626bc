/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance by load: the backend with the fewest active conns for its weight, for
 * long-lived conns.
 *
 * With few backends a pick looks at each of them; with many it asks a tree of
 * minima (loads.h).  The count that led to the choice is also its limit: if
 * another worker has added a conn meanwhile, pick_take() picks again, so two
 * workers never follow the same minimum.  A pick can be off only by one conn
 * per other worker, one that is ending at this moment.
 *
 * A pick still looks at each backend where the tree has no answer: for a conn
 * that has tried some backends, when health is disregarded, and while a backend
 * is in slowstart, because its weight then grows with time.
 *
 * Among equals, each backend's chance is proportional to its weight.
 */
#include <errno.h>

#include "lb4/balance/loads.h"
#include "lb4/balance/policy.h"

/* From this many backends in a set, the tree costs less than looking at each: a
 * pick is cheaper, but the start and end of each conn write to the tree. */
#define TREE_FROM 32

struct best {
	int index; /* -1: none yet */
	uint32_t active;
	uint32_t weight;
	uint32_t equals; /* sum of the weights of all equals */
};

/* Whether it is better than the best so far.  Among n equals the last one is
 * kept with its share of the chances, which makes all of them equally
 * likely. */
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
look_at_each(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint32_t *limit)
{
	struct best best = { .index = -1 };
	uint64_t hash = scope->hash;

	for (unsigned i = 0; i < service->backends; i++) {
		uint32_t active, weight;

		if (!candidate_usable(service, pick, i, scope))
			continue;
		active = candidate_active(service, i);
		weight = candidate_weight(service, pick, i);
		if (is_better(&best, active, weight, &hash)) {
			best.index = (int)i;
			best.active = active;
			best.weight = weight;
		}
	}
	*limit = best.active + 1;
	return best.index;
}

/* ---- the tree -------------------------------------------------------- */

/* What the loads of one set are read from. */
struct loads_of {
	const struct service *service;
	struct scope scope;
};

static uint64_t
read_load(const void *argument, unsigned index)
{
	static const struct pick any = { .tries = 0 };
	const struct loads_of *of = argument;
	const struct service_backend *one = &of->service->backend[index];
	uint32_t weight;

	if (!candidate_usable(of->service, &any, index, &of->scope))
		return LOADS_NONE;
	weight = (service_backend_weight(one) * LOADS_WEIGHT_ONE +
		     SERVICE_WEIGHT_ONE / 2) /
	    SERVICE_WEIGHT_ONE;
	return loads_word(candidate_active(of->service, index),
	    weight > 0 ? weight : 1);
}

static int
build_leastconn(struct service *service)
{
	for (int set = 0; set < BACKEND_SETS; set++) {
		if (service->members[set] < TREE_FROM)
			continue;
		service->loads[set] = loads_new(service->backends,
		    service->changes);
		if (service->loads[set] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void
update(const struct service *service, enum backend_set set, unsigned index)
{
	const struct loads_of of = {
		.service = service,
		.scope = { .set = set, .check_health = true },
	};

	loads_update(service->loads[set], index, read_load, &of);
}

static void
moved(const struct service *service, unsigned index)
{
	enum backend_set set = service->backend[index].set;

	if (service->loads[set] != NULL)
		update(service, set, index);
}

/* When the last backend in slowstart has its full weight. */
static uint64_t
slow_until_ms(const struct service *service)
{
	uint64_t last = 0;

	for (size_t i = 0;
	     service->settings.slowstart_ms != 0 && i < service->backends;
	     i++) {
		uint64_t since = backend_since_ms(service->backend[i].backend);

		last = since > last ? since : last;
	}
	return last != 0 ? last + service->settings.slowstart_ms : 0;
}

static int
pick_leastconn(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint32_t *limit)
{
	const struct loads_of of = { .service = service, .scope = *scope };
	struct loads *loads = service->loads[scope->set];

	if (loads == NULL || pick->tries > 0 || !scope->check_health)
		return look_at_each(service, pick, scope, limit);
	if (loads_refresh(loads, read_load, &of))
		loads_set_from_ms(loads, slow_until_ms(service));
	if (pick->now_ms < loads_from_ms(loads))
		return look_at_each(service, pick, scope, limit);
	for (unsigned tries = 0; tries < service->backends; tries++) {
		uint64_t word;
		int index = loads_least(loads, scope->hash, &word);

		if (index == LOADS_CHANGING)
			continue;
		if (index < 0)
			return -1;
		*limit = candidate_active(service, (unsigned)index) + 1;
		if (read_load(&of, (unsigned)index) == word)
			return index;
		update(service, scope->set, (unsigned)index);
	}
	return look_at_each(service, pick, scope, limit);
}

const struct policy policy_leastconn = {
	.name = "leastconn",
	.build = build_leastconn,
	.key = policy_conn_key,
	.pick = pick_leastconn,
	.moved = moved,
};
