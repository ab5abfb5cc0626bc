/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The pick: keep, choose, take.
 */
#include "lb4/balance/pick.h"

#include "lb4/balance/panic.h"
#include "lb4/balance/pins.h"
#include "lb4/balance/placing.h"
#include "lb4/balance/policy.h"
#include "lb4/balance/policy_hash.h"
#include "lb4/balance/trace.h"

/* The backend that the client had before a change and keeps, or PICK_NONE; sets
 * the rest of *pin. */
static int
keep(const struct service *service, const struct pick *pick, struct scope scope,
    uint32_t *limit, struct pin *pin)
{
	struct scope place = scope;
	enum skip skip;

	if (pin->index < 0)
		return PICK_NONE;
	scope.set = service->backend[pin->index].set;
	/* A client of a backup returns to its own backend as soon as
	 * possible. */
	if (scope.set == SET_BACKUP)
		return PICK_NONE;
	if (!pin->stored &&
	    placing_in_sets(service, pick, &place, limit) == pin->index)
		return pin->index;
	pin->moved = true;
	skip = policy_hash_skip(service, pick, (unsigned)pin->index, &scope,
	    limit);
	pin->lost = skip == SKIP_WEIGHT || skip == SKIP_ADMIN ||
	    skip == SKIP_HEALTH || skip == SKIP_EJECTED ||
	    skip == SKIP_JOINING || skip == SKIP_NAME;
	if (skip != SKIP_NOT)
		return PICK_NONE;
	trace_kept(pick->trace);
	return pin->index;
}

static int
choose(const struct service *service, const struct pick *pick, uint32_t *limit,
    struct pin *pin)
{
	struct scope scope = {
		.hash = placing_hash(service, pick),
		.check_health = !panic_is_on(service),
	};
	uint32_t maxconn;
	int index = PICK_NONE;

	if (service->pins != NULL) {
		pins_find(service, pick, scope.hash, pin);
		index = keep(service, pick, scope, limit, pin);
	}
	if (index == PICK_NONE)
		index = placing_choose(service, pick, &scope, limit);
	maxconn = index >= 0 ? service_backend_maxconn(&service->backend[index])
			     : 0;
	if (maxconn != 0 && maxconn < *limit)
		*limit = maxconn;
	return index;
}

int
pick_find(const struct service *service, const struct pick *pick)
{
	uint32_t limit;
	struct pin pin;

	return choose(service, pick, &limit, &pin);
}

static void
tell_moved(const struct service *service, unsigned index)
{
	const struct policy *policy = policy_of(service->settings.balance);

	if (policy->moved != NULL)
		policy->moved(service, index);
}

int
pick_take(const struct service *service, const struct pick *pick)
{
	uint32_t limit;
	struct pin pin;
	int index;

	/* If the reservation fails, another conn has found its backend since
	 * the pick: some conn always makes progress. */
	do {
		index = choose(service, pick, &limit, &pin);
	} while (index >= 0 &&
	    !backend_reserve(service->backend[index].backend, limit));
	if (index >= 0 && service->pins != NULL)
		pins_note(service, pick, &pin, index);
	if (index >= 0)
		tell_moved(service, (unsigned)index);
	return index;
}

void
pick_release(const struct service *service, struct backend *backend)
{
	uint32_t place = atomic_load_explicit(&backend->place,
	    memory_order_relaxed);
	/* While a new table is being published the backend may have another
	 * place; table.c counts a change when that is over. */
	bool found = service != NULL && place < service->backends &&
	    service->backend[place].backend == backend;

	backend_release(backend);
	if (found)
		tell_moved(service, place);
}
