/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Choosing a backend: what the policies have in common.
 */
#include "lb4/balance/policy.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/pins.h"
#include "lb4/balance/policy_hash.h"
#include "lb4/balance/trace.h"
#include "lb4/balance/turns.h"

/* The weight with which a slow start begins. */
#define SLOW_FIRST (POLICY_WEIGHT_ONE / 10)

/* Makes the draw between near and far independent of all that the policy
 * draws from the same hash. */
#define ZONE_DRAW UINT64_C(0x7a6f6e6500000001)

static const struct policy *const policies[] = {
	[BALANCE_4TUPLE] = &policy_4tuple,
	[BALANCE_SOURCE] = &policy_source,
	[BALANCE_ROUNDROBIN] = &policy_roundrobin,
	[BALANCE_LEASTCONN] = &policy_leastconn,
	[BALANCE_RANDOM] = &policy_random,
	[BALANCE_FIRST] = &policy_first,
};
static_assert(sizeof(policies) / sizeof(policies[0]) == BALANCE_COUNT,
    "a policy for each way to balance");

static const char *const skip_names[] = {
	[SKIP_NOT] = "usable",
	[SKIP_SET] = "of another zone, or a backup",
	[SKIP_WEIGHT] = "weight is 0",
	[SKIP_ADMIN] = "taken out",
	[SKIP_HEALTH] = "down",
	[SKIP_JOINING] = "not checked yet",
	[SKIP_TRIED] = "tried before",
	[SKIP_FULL] = "at its maxconn",
	[SKIP_LOAD] = "at max-load",
};
static_assert(sizeof(skip_names) / sizeof(skip_names[0]) == SKIP_COUNT,
    "a name for each reason");

const char *
policy_skip_name(enum skip skip)
{
	return (unsigned)skip < SKIP_COUNT ? skip_names[skip] : "?";
}

const struct policy *
policy_of(enum balance balance)
{
	assert((unsigned)balance < BALANCE_COUNT);
	return policies[balance];
}

/* ---- for policies ---------------------------------------------------- */

/* Why nobody may go there, whatever set is asked for. */
static enum skip
unavailable(const struct service_backend *one, bool check_health)
{
	const struct backend *backend = one->backend;

	if (one->weight == 0)
		return SKIP_WEIGHT;
	if (atomic_load_explicit(&backend->admin, memory_order_acquire) !=
	    ADMIN_READY)
		return SKIP_ADMIN;
	if (check_health &&
	    health_is_down(atomic_load_explicit(&backend->health,
		memory_order_acquire)))
		return SKIP_HEALTH;
	if (check_health && backend_is_joining(backend))
		return SKIP_JOINING;
	return SKIP_NOT;
}

bool
policy_available(const struct service *service, unsigned index,
    const struct scope *scope)
{
	const struct service_backend *one = &service->backend[index];

	return one->set == scope->set &&
	    unavailable(one, scope->check_health) == SKIP_NOT;
}

uint32_t
policy_bound(const struct service *service, unsigned index,
    const struct scope *scope)
{
	uint64_t num = scope->load_num * service->backend[index].weight;

	return (uint32_t)((num + scope->load_den - 1) / scope->load_den);
}

enum skip
policy_skip(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope)
{
	const struct service_backend *one = &service->backend[index];
	enum skip skip;

	if (one->set != scope->set)
		return SKIP_SET;
	skip = unavailable(one, scope->check_health);
	if (skip != SKIP_NOT)
		return skip;
	for (unsigned i = 0; i < pick->tries; i++)
		if (pick->tried[i] == one->backend->id)
			return SKIP_TRIED;
	if (backend_is_full(one->backend, one->maxconn))
		return SKIP_FULL;
	if (scope->load_den != 0 &&
	    policy_active(service, index) >=
		policy_bound(service, index, scope))
		return SKIP_LOAD;
	return SKIP_NOT;
}

uint32_t
policy_weight(const struct service *service, const struct pick *pick,
    unsigned index)
{
	const struct service_backend *one = &service->backend[index];
	uint64_t since, age;

	if (service->slowstart_ms == 0)
		return one->weight * POLICY_WEIGHT_ONE;
	since = backend_since_ms(one->backend);
	/* The worker's clock stands still for a turn of its loop. */
	age = pick->now_ms > since ? pick->now_ms - since : 0;
	if (since == 0 || age >= service->slowstart_ms)
		return one->weight * POLICY_WEIGHT_ONE;
	return one->weight *
	    (SLOW_FIRST +
		(uint32_t)((POLICY_WEIGHT_ONE - SLOW_FIRST) * age /
		    service->slowstart_ms));
}

bool
policy_accepts(const struct service *service, const struct pick *pick,
    unsigned index, uint64_t hash)
{
	uint32_t full = service->backend[index].weight * POLICY_WEIGHT_ONE;

	return hash_reduce(hash, full) < policy_weight(service, pick, index);
}

/* States may change between the two passes over the backends: the second one
 * then ends early or late, and the last usable one it saw is as good. */
int
policy_spread(const struct service *service, const struct pick *pick,
    uint64_t hash, const struct scope *scope)
{
	uint32_t total = 0;
	uint32_t place;
	int last = -1;

	trace_spread(pick->trace);
	for (unsigned i = 0; i < service->backends; i++)
		if (policy_usable(service, pick, i, scope))
			total += policy_weight(service, pick, i);
	if (total == 0)
		return -1;
	place = hash_reduce(hash, total);
	for (unsigned i = 0; i < service->backends; i++) {
		uint32_t weight;

		if (!policy_usable(service, pick, i, scope))
			continue;
		last = (int)i;
		weight = policy_weight(service, pick, i);
		if (place < weight)
			break;
		place -= weight;
	}
	return last;
}

size_t
policy_conn_key(const struct service *service, const struct pick *pick,
    uint8_t key[POLICY_KEY_MAX])
{
	uint64_t conn = htobe64(pick->conn);

	(void)service;
	memcpy(key, &conn, sizeof(conn));
	key[sizeof(conn)] = (uint8_t)pick->tries;
	return sizeof(conn) + 1;
}

unsigned
policy_weights(const struct service *service, enum backend_set set,
    unsigned *weights)
{
	unsigned sum = 0;

	for (size_t i = 0; i < service->backends; i++) {
		const struct service_backend *one = &service->backend[i];

		weights[i] = one->set == set ? one->weight : 0;
		sum += weights[i];
	}
	return sum;
}

int
policy_build_turns(struct service *service)
{
	unsigned *weights = calloc(service->backends, sizeof(*weights));
	int rc = weights != NULL ? 0 : -ENOMEM;

	for (int set = 0; rc == 0 && set < BACKEND_SETS; set++) {
		if (policy_weights(service, (enum backend_set)set, weights) ==
		    0)
			continue;
		service->turns[set] = turns_new(weights, service->backends);
		if (service->turns[set] == NULL)
			rc = -ENOMEM;
	}
	free(weights);
	return rc;
}

/* ---- the pick -------------------------------------------------------- */

/*
 * Whether this conn should stay in the node's zone.
 *
 * Each of n zones is taken to bring 1/n of the clients, and holds some part of
 * the weight of all available backends.  A zone whose part is 1/n or more can
 * serve all of its own clients; one that has less serves what its part allows,
 * and the rest of its clients go to the others, by weight:
 *
 *	near share = min(1, n x near weight / total weight)
 *
 * It is the rule of zone-aware routing in other balancers (Envoy's, in its
 * "Zone aware routing"), reckoned with weights in place of numbers of hosts.
 * Backends in no zone are far from every node, and not counted as a zone.
 */
static bool
stays_near(const struct service *service, const struct scope *scope)
{
	uint64_t near = 0, total = 0;
	uint64_t draw;

	if (service->zones == 0)
		return true;
	for (size_t i = 0; i < service->backends; i++) {
		const struct service_backend *one = &service->backend[i];

		if (one->set == SET_BACKUP ||
		    unavailable(one, scope->check_health) != SKIP_NOT)
			continue;
		total += one->weight;
		near += one->set == SET_NEAR ? one->weight : 0;
	}
	near *= service->zones;
	draw = hash_mix(scope->hash ^ ZONE_DRAW) >> 32;
	return near >= total || draw * total < near << 32;
}

/* What there is for a conn that goes to the backups, or not to them. */
static int
look_for_room(const struct service *service, const struct pick *pick,
    bool backup, bool check_health)
{
	struct scope scope = { .check_health = check_health };
	int found = POLICY_NONE;

	for (unsigned i = 0; i < service->backends; i++) {
		enum skip skip;

		scope.set = service->backend[i].set;
		if ((scope.set == SET_BACKUP) != backup)
			continue;
		skip = policy_skip(service, pick, i, &scope);
		if (skip == SKIP_NOT)
			return (int)i;
		if (skip == SKIP_FULL)
			found = POLICY_FULL;
	}
	return found;
}

/* A policy has found nothing: whether that is for want of room. */
static bool
wants_room(const struct service *service, const struct pick *pick,
    const struct scope *scope)
{
	/* if a place has become free meanwhile, who waits will be called */
	return service->limited &&
	    look_for_room(service, pick, scope->set == SET_BACKUP,
		scope->check_health) != POLICY_NONE;
}

/* Whether a backend that is no backup is up and ready: then none of the backups
 * comes into question, not even for a conn that could not reach it. */
static bool
has_primary(const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++)
		if (service->backend[i].set != SET_BACKUP &&
		    unavailable(&service->backend[i], true) == SKIP_NOT)
			return true;
	return false;
}

/* Chooses in one set after the other. */
static int
pick_in_sets(const struct service *service, const struct pick *pick,
    struct scope *scope, uint32_t *limit)
{
	static const enum backend_set near_first[BACKEND_SETS] = { SET_NEAR,
		SET_FAR, SET_BACKUP };
	static const enum backend_set far_first[BACKEND_SETS] = { SET_FAR,
		SET_NEAR, SET_BACKUP };
	const enum backend_set *sets = stays_near(service, scope) ? near_first
								  : far_first;
	const struct policy *policy = policy_of(service->balance);

	for (int i = 0; i < BACKEND_SETS; i++) {
		int index = -1;

		scope->set = sets[i];
		if (scope->set == SET_BACKUP &&
		    service->members[SET_BACKUP] > 0 && has_primary(service))
			return POLICY_NONE;
		if (service->members[scope->set] > 0) {
			trace_set(pick->trace, scope);
			index = policy->pick(service, pick, scope, limit);
		}
		if (index >= 0)
			return index;
		/* the near and the far are of one kind */
		if (i > 0 && wants_room(service, pick, scope))
			return POLICY_FULL;
	}
	return POLICY_NONE;
}

uint64_t
policy_hash(const struct service *service, const struct pick *pick)
{
	uint8_t key[POLICY_KEY_MAX];
	size_t len = policy_of(service->balance)->key(service, pick, key);
	uint64_t hash = hash_sip(&service->seed, key, len);

	trace_key(pick->trace, key, len, hash);
	return hash;
}

/* The backend that the client has had before a change and keeps, or
 * POLICY_NONE; sets the rest of *pin. */
static int
keep(const struct service *service, const struct pick *pick, struct scope scope,
    uint32_t *limit, struct pin *pin)
{
	struct scope place = scope;
	enum skip skip;

	if (pin->index < 0)
		return POLICY_NONE;
	scope.set = service->backend[pin->index].set;
	/* Who is with a backup goes home as soon as that can be. */
	if (scope.set == SET_BACKUP)
		return POLICY_NONE;
	if (!pin->stored &&
	    pick_in_sets(service, pick, &place, limit) == pin->index)
		return pin->index;
	pin->moved = true;
	skip = policy_hash_skip(service, pick, (unsigned)pin->index, &scope,
	    limit);
	pin->lost = skip == SKIP_WEIGHT || skip == SKIP_ADMIN ||
	    skip == SKIP_HEALTH || skip == SKIP_JOINING;
	if (skip != SKIP_NOT)
		return POLICY_NONE;
	trace_kept(pick->trace);
	return pin->index;
}

static int
choose(const struct service *service, const struct pick *pick, uint32_t *limit,
    struct pin *pin)
{
	struct scope scope = {
		.hash = policy_hash(service, pick),
		.check_health = true,
	};
	uint32_t maxconn;
	int index = POLICY_NONE;

	if (service->pins != NULL) {
		pins_find(service, pick, scope.hash, pin);
		index = keep(service, pick, scope, limit, pin);
	}
	if (index == POLICY_NONE)
		index = pick_in_sets(service, pick, &scope, limit);
	if (index == POLICY_NONE) {
		scope.check_health = false;
		index = pick_in_sets(service, pick, &scope, limit);
	}
	maxconn = index >= 0 ? service->backend[index].maxconn : 0;
	if (maxconn != 0 && maxconn < *limit)
		*limit = maxconn;
	return index;
}

int
policy_pick(const struct service *service, const struct pick *pick)
{
	uint32_t limit;
	struct pin pin;

	return choose(service, pick, &limit, &pin);
}

int
policy_take(const struct service *service, const struct pick *pick)
{
	uint32_t limit;
	struct pin pin;
	int index;

	/* A count that is no more what the pick saw was raised by a conn that
	 * has found its backend: somebody always gets on. */
	do {
		index = choose(service, pick, &limit, &pin);
	} while (index >= 0 &&
	    !backend_reserve(service->backend[index].backend, limit));
	if (index >= 0 && service->pins != NULL)
		pins_note(service, pick, &pin, index);
	return index;
}

bool
policy_is_full(const struct service *service)
{
	const struct pick pick = { .tries = 0 };
	int found = POLICY_NONE;

	for (int i = 0; i < 4 && found == POLICY_NONE; i++)
		found = look_for_room(service, &pick, i % 2 != 0, i < 2);
	return found == POLICY_FULL;
}
