/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which backends are eligible, and with what weight.
 */
#include "lb4/balance/candidates.h"

#include <assert.h>

#include "common/hash.h"

/* The weight at the start of slowstart. */
#define SLOW_FIRST (CANDIDATE_WEIGHT_ONE / 10)

/* Of a candidate's weight, in one of a backend's. */
#define WEIGHT_UNITS (CANDIDATE_WEIGHT_ONE / SERVICE_WEIGHT_ONE)

/* Of service_state.agent_most: the percentage. */
#define MOST_BITS 16
#define MOST_MASK ((UINT64_C(1) << MOST_BITS) - 1)
static_assert(AGENT_PERCENT_MAX <= MOST_MASK, "room for each percentage");

static const char *const skip_names[] = {
	[SKIP_NOT] = "usable",
	[SKIP_SET] = "in another zone, or a backup",
	[SKIP_WEIGHT] = "weight is 0",
	[SKIP_ADMIN] = "taken out",
	[SKIP_NAME] = "its name is not resolved yet",
	[SKIP_HEALTH] = "down",
	[SKIP_EJECTED] = "ejected",
	[SKIP_JOINING] = "not checked yet",
	[SKIP_TRIED] = "tried before",
	[SKIP_FULL] = "at its maxconn",
	[SKIP_LOAD] = "at max-load",
	[SKIP_SHARE] = "its agent lets others have this client",
};
static_assert(sizeof(skip_names) / sizeof(skip_names[0]) == SKIP_COUNT,
    "a name for each reason");

const char *
candidate_skip_name(enum skip skip)
{
	return (unsigned)skip < SKIP_COUNT ? skip_names[skip] : "?";
}

/* Why no conn can go there, whatever the set. */
static enum skip
unavailable(const struct service_backend *one, bool check_health)
{
	static const enum skip skips[BACKEND_STATE_COUNT] = {
		[BACKEND_UP] = SKIP_NOT,
		[BACKEND_DOWN] = SKIP_HEALTH,
		[BACKEND_JOINING] = SKIP_JOINING,
		[BACKEND_DRAIN] = SKIP_ADMIN,
		[BACKEND_MAINT] = SKIP_ADMIN,
		[BACKEND_EJECTED] = SKIP_EJECTED,
	};
	enum backend_state state;

	if (service_backend_weight(one) == 0)
		return SKIP_WEIGHT;
	if (!backend_is_resolved(one->backend))
		return SKIP_NAME;
	state = backend_state(one->backend);
	return check_health || backend_is_taken_out(state) ? skips[state]
							   : SKIP_NOT;
}

bool
candidate_available(const struct service *service, unsigned index,
    const struct scope *scope)
{
	const struct service_backend *one = &service->backend[index];

	return one->set == scope->set &&
	    unavailable(one, scope->check_health) == SKIP_NOT;
}

uint32_t
candidate_bound(const struct service *service, unsigned index,
    const struct scope *scope)
{
	uint64_t num = scope->load_num *
	    service_backend_weight(&service->backend[index]);

	return (uint32_t)((num + scope->load_den - 1) / scope->load_den);
}

enum skip
candidate_skip(const struct service *service, const struct pick *pick,
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
	if (backend_is_full(one->backend, service_backend_maxconn(one)))
		return SKIP_FULL;
	if (scope->load_den != 0 &&
	    candidate_active(service, index) >=
		candidate_bound(service, index, scope))
		return SKIP_LOAD;
	return SKIP_NOT;
}

uint32_t
candidate_weight(const struct service *service, const struct pick *pick,
    unsigned index)
{
	const struct service_backend *one = &service->backend[index];
	const uint32_t weight = service_backend_weight(one);
	uint64_t since, age;

	if (service->settings.slowstart_ms == 0)
		return weight * WEIGHT_UNITS;
	since = backend_since_ms(one->backend);
	/* The worker's clock does not advance during a turn of its loop. */
	age = pick->now_ms > since ? pick->now_ms - since : 0;
	if (since == 0 || age >= service->settings.slowstart_ms)
		return weight * WEIGHT_UNITS;
	return weight *
	    (SLOW_FIRST +
		(uint32_t)((CANDIDATE_WEIGHT_ONE - SLOW_FIRST) * age /
		    service->settings.slowstart_ms)) /
	    SERVICE_WEIGHT_ONE;
}

/* The highest percentage of its weight that a backend has, available or not:
 * so the loss of a backend moves no clients of others. */
static uint32_t
find_most(const struct service *service)
{
	uint32_t most = 0;

	for (size_t i = 0; i < service->backends; i++) {
		const struct service_backend *one = &service->backend[i];
		const uint32_t percent = service_backend_percent(one);

		if (one->weight > 0 && percent > most)
			most = percent;
	}
	return most > 0 ? most : 100; /* 0: none gets any conn */
}

/* A service of the past has no state: see pins.c. */
static uint32_t
most_percent(const struct service *service)
{
	uint64_t changes, known;
	uint32_t most;

	if (!service->agents)
		return 100;
	if (service->state == NULL)
		return find_most(service);
	/* first: a change while it looks makes it look again */
	changes = atomic_load(service->changes) << MOST_BITS;
	known = atomic_load_explicit(&service->state->agent_most,
	    memory_order_relaxed);
	if ((known & ~MOST_MASK) == changes && known != 0)
		return (uint32_t)(known & MOST_MASK);
	most = find_most(service);
	atomic_store_explicit(&service->state->agent_most, changes | most,
	    memory_order_relaxed);
	return most;
}

bool
candidate_accepts(const struct service *service, const struct pick *pick,
    unsigned index, uint64_t hash)
{
	uint32_t full = service->backend[index].weight * WEIGHT_UNITS *
	    most_percent(service);

	return hash_reduce(hash, full) < candidate_weight(service, pick, index);
}

/* States may change between the two passes over the backends.  The second pass
 * then ends early or late; the last usable backend it saw is as good. */
int
candidate_spread(const struct service *service, const struct pick *pick,
    uint64_t hash, const struct scope *scope)
{
	uint32_t total = 0;
	uint32_t place;
	int last = -1;

	for (unsigned i = 0; i < service->backends; i++)
		if (candidate_usable(service, pick, i, scope))
			total += candidate_weight(service, pick, i);
	if (total == 0)
		return -1;
	place = hash_reduce(hash, total);
	for (unsigned i = 0; i < service->backends; i++) {
		uint32_t weight;

		if (!candidate_usable(service, pick, i, scope))
			continue;
		last = (int)i;
		weight = candidate_weight(service, pick, i);
		if (place < weight)
			break;
		place -= weight;
	}
	return last;
}

unsigned
candidate_weights(const struct service *service, enum backend_set set,
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

bool
candidates_have_primary(const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++)
		if (service->backend[i].set != SET_BACKUP &&
		    unavailable(&service->backend[i], true) == SKIP_NOT)
			return true;
	return false;
}

bool
candidates_have_any(const struct service *service)
{
	for (size_t i = 0; i < service->backends; i++)
		if (unavailable(&service->backend[i], true) == SKIP_NOT)
			return true;
	return false;
}
