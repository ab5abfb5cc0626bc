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

enum pick_why
policy_judge(const struct service *service, const struct pick *pick,
    unsigned index, bool check_health)
{
	const struct service_backend *one = &service->backend[index];
	uint32_t admin, health;

	if (one->weight == 0)
		return PICK_NO_WEIGHT;
	admin = atomic_load_explicit(&one->backend->admin,
	    memory_order_acquire);
	if (admin != ADMIN_READY)
		return admin == ADMIN_DRAIN ? PICK_DRAIN : PICK_MAINT;
	health = atomic_load_explicit(&one->backend->health,
	    memory_order_acquire);
	if (check_health && health_is_down(health))
		return PICK_DOWN;
	for (unsigned i = 0; i < pick->tries; i++)
		if (pick->tried[i] == one->backend->id)
			return PICK_TRIED;
	return PICK_USABLE;
}

bool
policy_usable(const struct service *service, const struct pick *pick,
    unsigned index, bool check_health)
{
	return policy_judge(service, pick, index, check_health) == PICK_USABLE;
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

	trace_spread(pick->trace);
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

int
policy_pick(const struct service *service, const struct pick *pick)
{
	const struct policy *policy = policy_of(service->balance);
	int index = policy->pick(service, pick, true);

	if (index >= 0)
		return index;
	trace_all_refused(pick->trace);
	return policy->pick(service, pick, false);
}
