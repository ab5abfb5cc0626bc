/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Placing a conn: sets in turn, and the policy in each.
 */
#include "lb4/balance/placing.h"

#include "common/hash.h"
#include "lb4/balance/panic.h"
#include "lb4/balance/policy.h"
#include "lb4/balance/trace.h"

/* Makes the choice between near and far independent of what the policy derives
 * from the same hash. */
#define ZONE_DRAW UINT64_C(0x7a6f6e6500000001)

/*
 * Whether this conn should stay in the node's zone.
 *
 * Each of n zones is assumed to bring 1/n of the clients, and holds some share
 * of the weight of all available backends.  A zone whose share is 1/n or more
 * can serve all of its own clients; a zone with less serves what its share
 * allows, and the rest of its clients go to the others, by weight:
 *
 *	near share = min(1, n x near weight / total weight)
 *
 * This is the rule of zone-aware routing in other balancers (Envoy's "Zone
 * aware routing"), computed with weights instead of numbers of hosts.  Backends
 * without a zone are far from every node, and do not count as a zone.
 */
static bool
stays_near(const struct service *service, const struct scope *scope)
{
	struct scope at = { .check_health = scope->check_health };
	uint64_t near = 0, total = 0;
	uint64_t draw;

	if (service->zones == 0)
		return true;
	for (size_t i = 0; i < service->backends; i++) {
		const struct service_backend *one = &service->backend[i];

		at.set = one->set;
		if (one->set == SET_BACKUP ||
		    !candidate_available(service, (unsigned)i, &at))
			continue;
		total += service_backend_weight(one);
		near += one->set == SET_NEAR ? service_backend_weight(one) : 0;
	}
	near *= service->zones;
	draw = hash_mix(scope->hash ^ ZONE_DRAW) >> 32;
	return near >= total || draw * total < near << 32;
}

/* The result for a conn that goes to the backups, or to the others. */
static int
look_for_room(const struct service *service, const struct pick *pick,
    bool backup, bool check_health)
{
	struct scope scope = { .check_health = check_health };
	int found = PICK_NONE;

	for (unsigned i = 0; i < service->backends; i++) {
		enum skip skip;

		scope.set = service->backend[i].set;
		if ((scope.set == SET_BACKUP) != backup)
			continue;
		skip = candidate_skip(service, pick, i, &scope);
		if (skip == SKIP_NOT)
			return (int)i;
		if (skip == SKIP_FULL)
			found = PICK_FULL;
	}
	return found;
}

/* A policy has found nothing: whether only a lack of room is the reason. */
static bool
wants_room(const struct service *service, const struct pick *pick,
    const struct scope *scope)
{
	/* if a place becomes free meanwhile, a waiting conn will be called */
	return service->limited &&
	    look_for_room(service, pick, scope->set == SET_BACKUP,
		scope->check_health) != PICK_NONE;
}

int
placing_in_sets(const struct service *service, const struct pick *pick,
    struct scope *scope, uint32_t *limit)
{
	static const enum backend_set near_first[BACKEND_SETS] = { SET_NEAR,
		SET_FAR, SET_BACKUP };
	static const enum backend_set far_first[BACKEND_SETS] = { SET_FAR,
		SET_NEAR, SET_BACKUP };
	const enum backend_set *sets = stays_near(service, scope) ? near_first
								  : far_first;
	const struct policy *policy = policy_of(service->settings.balance);

	for (int i = 0; i < BACKEND_SETS; i++) {
		int index = -1;

		scope->set = sets[i];
		if (scope->set == SET_BACKUP &&
		    service->members[SET_BACKUP] > 0 &&
		    candidates_have_primary(service))
			return PICK_NONE;
		if (service->members[scope->set] > 0) {
			trace_set(pick->trace, scope);
			index = policy->pick(service, pick, scope, limit);
		}
		if (index >= 0)
			return index;
		/* near and far are of one kind */
		if (i > 0 && wants_room(service, pick, scope))
			return PICK_FULL;
	}
	return PICK_NONE;
}

uint64_t
placing_hash(const struct service *service, const struct pick *pick)
{
	uint8_t key[PICK_KEY_MAX];
	size_t len =
	    policy_of(service->settings.balance)->key(service, pick, key);
	uint64_t hash = hash_sip(&service->seed, key, len);

	trace_key(pick->trace, key, len, hash);
	return hash;
}

int
placing_choose(const struct service *service, const struct pick *pick,
    struct scope *scope, uint32_t *limit)
{
	int index = placing_in_sets(service, pick, scope, limit);

	if (index == PICK_NONE && pick->waits && !candidates_have_any(service))
		return PICK_DOWN;
	if (index == PICK_NONE) {
		scope->check_health = false;
		index = placing_in_sets(service, pick, scope, limit);
	}
	return index;
}

bool
placing_must_wait(const struct service *service)
{
	const struct pick pick = { .tries = 0 };
	const bool panics = panic_is_on(service);
	const bool waits = !panics &&
	    service->settings.conn.wait_for_backend_ms > 0;
	int found = PICK_NONE;

	for (int i = panics ? 2 : 0; i < (waits ? 2 : 4) && found == PICK_NONE;
	     i++)
		found = look_for_room(service, &pick, i % 2 != 0, i < 2);
	return found == PICK_FULL || (waits && found == PICK_NONE);
}
