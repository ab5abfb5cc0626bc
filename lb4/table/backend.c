/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backends as objects: made by the table's builder, freed by control's sweep.
 */
#include "lb4/table/backend.h"

#include <assert.h>
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

static const char *const result_names[] = {
	[HEALTH_UNKNOWN] = "not checked",
	[HEALTH_PASSED] = "passed",
	[HEALTH_REFUSED] = "connection refused",
	[HEALTH_UNREACHABLE] = "unreachable",
	[HEALTH_NO_ANSWER] = "no answer",
	[HEALTH_RESET] = "connection reset",
	[HEALTH_CLOSED] = "closed without an answer",
	[HEALTH_STATUS] = "bad status",
	[HEALTH_GARBLED] = "answer is not HTTP",
	[HEALTH_LOCAL] = "local error",
};
static_assert(sizeof(result_names) / sizeof(result_names[0]) ==
	HEALTH_RESULT_COUNT,
    "a name for each result");

static const char *const admin_names[] = {
	[ADMIN_READY] = "ready",
	[ADMIN_DRAIN] = "drain",
	[ADMIN_MAINT] = "maint",
};
static_assert(sizeof(admin_names) / sizeof(admin_names[0]) == ADMIN_STATE_COUNT,
    "a name for each state");

struct backend *
backend_new(uint32_t id, const char *service, const char *name,
    const struct addr *addr, unsigned workers)
{
	struct backend *backend;
	size_t stats_size = workers * sizeof(*backend->stats);

	assert(id != 0 && workers > 0);
	backend = aligned_alloc(_Alignof(struct backend), sizeof(*backend));
	if (backend == NULL)
		return NULL;
	memset(backend, 0, sizeof(*backend));
	backend->stats = aligned_alloc(_Alignof(struct backend_stats),
	    stats_size);
	if (backend->stats == NULL) {
		free(backend);
		return NULL;
	}
	memset(backend->stats, 0, stats_size);
	backend->id = id;
	strlcpy(backend->service, service, sizeof(backend->service));
	strlcpy(backend->name, name, sizeof(backend->name));
	backend->addr = *addr;
	backend->workers = workers;
	atomic_init(&backend->refs, 1);
	return backend;
}

void
backend_ref(struct backend *backend)
{
	atomic_fetch_add_explicit(&backend->refs, 1, memory_order_relaxed);
}

void
backend_unref(struct backend *backend)
{
	uint32_t before;

	if (backend == NULL)
		return;
	before = atomic_fetch_sub_explicit(&backend->refs, 1,
	    memory_order_release);
	assert(before > 0);
}

void
backend_free(struct backend *backend)
{
	if (backend == NULL)
		return;
	free(backend->stats);
	free(backend);
}

bool
backend_is_unused(const struct backend *backend)
{
	return atomic_load_explicit(&backend->refs, memory_order_acquire) ==
	    0 &&
	    atomic_load_explicit(&backend->active, memory_order_acquire) == 0;
}

bool
backend_reserve(struct backend *backend, uint32_t limit)
{
	uint32_t active;

	if (limit == UINT32_MAX) {
		(void)atomic_fetch_add_explicit(&backend->active, 1,
		    memory_order_relaxed);
		return true;
	}
	active = atomic_load(&backend->active);
	do {
		if (active >= limit)
			return false;
	} while (!atomic_compare_exchange_weak(&backend->active, &active,
	    active + 1));
	return true;
}

void
backend_release(struct backend *backend)
{
	uint32_t before = atomic_fetch_sub(&backend->active, 1);

	assert(before > 0);
}

void
backend_set_health(struct backend *backend, uint32_t word, uint64_t now_ms)
{
	uint32_t before = atomic_load_explicit(&backend->health,
	    memory_order_relaxed);

	/* Readers look at it all the time: not written for nothing. */
	if (before == word)
		return;
	if (health_is_down(before) && !health_is_down(word))
		atomic_store_explicit(&backend->up_ms, now_ms,
		    memory_order_relaxed);
	atomic_store_explicit(&backend->health, word, memory_order_release);
}

void
backend_set_admin(struct backend *backend, enum admin_state state,
    uint64_t now_ms)
{
	uint32_t before = atomic_load_explicit(&backend->admin,
	    memory_order_relaxed);

	if (before == (uint32_t)state)
		return;
	if (state == ADMIN_READY)
		atomic_store_explicit(&backend->ready_ms, now_ms,
		    memory_order_relaxed);
	atomic_store_explicit(&backend->admin, (uint32_t)state,
	    memory_order_release);
}

const char *
health_result_name(enum health_result result)
{
	return (unsigned)result < HEALTH_RESULT_COUNT ? result_names[result]
						      : "?";
}

const char *
admin_state_name(enum admin_state state)
{
	return (unsigned)state < ADMIN_STATE_COUNT ? admin_names[state] : "?";
}
