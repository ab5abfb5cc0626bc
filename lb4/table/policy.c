/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Choosing a backend: what the policies have in common.
 */
#include "lb4/table/policy.h"

#include <assert.h>

static const struct policy *const policies[] = {
	[BALANCE_4TUPLE] = &policy_4tuple,
	[BALANCE_SOURCE] = &policy_source,
	[BALANCE_ROUNDROBIN] = &policy_roundrobin,
};
static_assert(sizeof(policies) / sizeof(policies[0]) == BALANCE_COUNT,
    "a policy for each way to balance");

const struct policy *
policy_of(enum balance balance)
{
	assert((unsigned)balance < BALANCE_COUNT);
	return policies[balance];
}

/* As policy_usable(), whether it is at its maxconn or not. */
static bool
usable_or_full(const struct service *service, const struct pick *pick,
    unsigned index, bool check_health)
{
	const struct service_backend *one = &service->backend[index];
	uint32_t health;

	if (one->weight == 0)
		return false;
	if (atomic_load_explicit(&one->backend->admin, memory_order_acquire) !=
	    ADMIN_READY)
		return false;
	health = atomic_load_explicit(&one->backend->health,
	    memory_order_acquire);
	if (check_health && health_is_down(health))
		return false;
	for (unsigned i = 0; i < pick->tries; i++)
		if (pick->tried[i] == one->backend->id)
			return false;
	return true;
}

bool
policy_usable(const struct service *service, const struct pick *pick,
    unsigned index, bool check_health)
{
	const struct service_backend *one = &service->backend[index];

	return usable_or_full(service, pick, index, check_health) &&
	    !backend_is_full(one->backend, one->maxconn);
}

/* States may change between the two passes over the backends: the second one
 * then ends early or late, and the last usable one it saw is as good. */
int
policy_spread(const struct service *service, const struct pick *pick,
    uint64_t hash, bool check_health)
{
	uint32_t total = 0;
	uint32_t place;
	int last = -1;

	for (unsigned i = 0; i < service->backends; i++)
		if (policy_usable(service, pick, i, check_health))
			total += service->backend[i].weight;
	if (total == 0)
		return -1;
	place = hash_reduce(hash, total);
	for (unsigned i = 0; i < service->backends; i++) {
		if (!policy_usable(service, pick, i, check_health))
			continue;
		last = (int)i;
		if (place < service->backend[i].weight)
			break;
		place -= service->backend[i].weight;
	}
	return last;
}

/* Whether there is a backend that is unusable, if at all, for being full. */
static bool
any_but_full(const struct service *service, const struct pick *pick,
    bool check_health)
{
	for (unsigned i = 0; i < service->backends; i++)
		if (usable_or_full(service, pick, i, check_health))
			return true;
	return false;
}

int
policy_pick(const struct service *service, const struct pick *pick)
{
	const struct policy *policy = policy_of(service->balance);

	for (int check_health = 1; check_health >= 0; check_health--) {
		int index = policy->pick(service, pick, check_health);

		if (index >= 0)
			return index;
		if (service->limited &&
		    any_but_full(service, pick, check_health))
			return POLICY_FULL;
	}
	return POLICY_NONE;
}

/* A pick is a look, and another worker may be quicker: then it has what was
 * seen, and there is one place less to be picked. */
int
policy_take(const struct service *service, const struct pick *pick)
{
	int index;

	do {
		index = policy_pick(service, pick);
	} while (index >= 0 &&
	    !backend_reserve(service->backend[index].backend,
		service->backend[index].maxconn));
	return index;
}

bool
policy_is_full(const struct service *service)
{
	const struct pick pick = { .tries = 0 };

	for (int check_health = 1; check_health >= 0; check_health--) {
		bool any = false;

		for (unsigned i = 0; i < service->backends; i++) {
			if (policy_usable(service, &pick, i, check_health))
				return false;
			any |= usable_or_full(service, &pick, i, check_health);
		}
		if (any)
			return true;
	}
	return false;
}
