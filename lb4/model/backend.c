/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backends: the builder of a table makes them, control's sweep frees them.
 */
#include "lb4/model/backend.h"

#include <assert.h>
#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/check.h"

static const char *const result_names[] = {
	[HEALTH_UNKNOWN] = "not checked",
	[HEALTH_PASSED] = "passed",
	[HEALTH_REFUSED] = "connection refused",
	[HEALTH_UNREACHABLE] = "unreachable",
	[HEALTH_NO_ANSWER] = "no answer",
	[HEALTH_RESET] = "connection reset",
	[HEALTH_CLOSED] = "closed without an answer",
	[HEALTH_STATUS] = "bad status",
	[HEALTH_ERROR] = "error answer",
	[HEALTH_UNEXPECTED] = "unexpected answer",
	[HEALTH_GARBLED] = "answer is not understood",
	[HEALTH_LOCAL] = "local error",
	[HEALTH_TLS] = "TLS failed",
	[HEALTH_EXIT] = "program failed",
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

static const char *const cause_texts[] = {
	[ADMIN_CAUSE_CONFIG] = "as configured",
	[ADMIN_CAUSE_OPERATOR] = "set with lb4ctl",
	[ADMIN_CAUSE_RELOAD] = "added by a reload",
};
static_assert(sizeof(cause_texts) / sizeof(cause_texts[0]) == ADMIN_CAUSE_COUNT,
    "a text for each cause");

static const char *const agent_names[] = {
	[AGENT_NONE] = "none",
	[AGENT_UP] = "up",
	[AGENT_DRAIN] = "drain",
	[AGENT_MAINT] = "maint",
	[AGENT_DOWN] = "down",
};
static_assert(sizeof(agent_names) / sizeof(agent_names[0]) == AGENT_STATE_COUNT,
    "a name for each state");

static const char *const state_names[] = {
	[BACKEND_UP] = "up",
	[BACKEND_DOWN] = "down",
	[BACKEND_JOINING] = "joining",
	[BACKEND_DRAIN] = "drain",
	[BACKEND_MAINT] = "maint",
	[BACKEND_EJECTED] = "ejected",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) ==
	BACKEND_STATE_COUNT,
    "a name for each state");

struct backend *
backend_new(uint32_t id, const char *service, const char *name,
    const struct addr *addr, unsigned workers)
{
	struct backend *backend;
	const size_t stats_size = (workers + 1) * sizeof(*backend->stats);

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

static uint64_t
load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void
backend_sum(const struct backend *backend, struct backend_sums *sums)
{
	*sums = (struct backend_sums){ .conns = 0 };
	for (unsigned i = 0; i <= backend->workers; i++) {
		const struct backend_stats *stats = &backend->stats[i];

		sums->conns += load(&stats->conns);
		sums->answered += load(&stats->answered);
		sums->connect_failures += load(&stats->connect_failures);
		sums->refused += load(&stats->refused);
		sums->timeouts += load(&stats->timeouts);
		sums->early_resets += load(&stats->early_resets);
		sums->no_ports += load(&stats->no_ports);
		sums->bytes_to_backend += load(&stats->bytes_to_backend);
		sums->bytes_to_client += load(&stats->bytes_to_client);
	}
}

/* The weight of the last second in the exponential moving average. */
#define RATE_SHARE 0.25

static void
approach(double *mean, uint64_t grown, double seconds)
{
	double share = seconds < 1 ? seconds * RATE_SHARE : RATE_SHARE;

	*mean += ((double)grown / seconds - *mean) * share;
	if (*mean < 0.005)
		*mean = 0;
}

void
backend_rate_look(struct backend *backend, uint64_t now_ms)
{
	struct backend_rate *rate = &backend->rate;
	struct backend_sums sums;
	uint64_t bytes;

	backend_sum(backend, &sums);
	bytes = sums.bytes_to_backend + sums.bytes_to_client;
	if (rate->at_ms != 0 && now_ms > rate->at_ms) {
		double seconds = (double)(now_ms - rate->at_ms) / 1000;

		approach(&rate->conns_per_s, sums.conns - rate->conns, seconds);
		approach(&rate->bytes_per_s, bytes - rate->bytes, seconds);
	}
	rate->at_ms = now_ms;
	rate->conns = sums.conns;
	rate->bytes = bytes;
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

static void
count_change(struct backend *backend)
{
	if (backend->changes != NULL)
		atomic_fetch_add(backend->changes, 1);
}

/* Other threads read the words all the time: avoids needless writes. */
static void
set_word(struct backend *backend, _Atomic uint32_t *word, uint32_t to,
    bool comes_up, uint64_t now_ms)
{
	if (atomic_load_explicit(word, memory_order_relaxed) == to)
		return;
	/* first: a reader that sees it up relies on up_ms */
	if (comes_up)
		atomic_store_explicit(&backend->up_ms, now_ms,
		    memory_order_relaxed);
	atomic_store_explicit(word, to, memory_order_release);
	count_change(backend);
}

void
backend_set_health(struct backend *backend, uint32_t word, uint64_t now_ms)
{
	uint32_t before = atomic_load_explicit(&backend->health,
	    memory_order_relaxed);

	set_word(backend, &backend->health, word,
	    health_is_down(before) && !health_is_down(word), now_ms);
}

void
backend_set_passive(struct backend *backend, uint32_t word, uint64_t now_ms)
{
	uint32_t before = atomic_load_explicit(&backend->passive,
	    memory_order_relaxed);

	if (health_is_down(before) != health_is_down(word))
		atomic_store_explicit(&backend->passive_since_ms, now_ms,
		    memory_order_relaxed);
	set_word(backend, &backend->passive, word,
	    health_is_down(before) && !health_is_down(word), now_ms);
}

void
backend_set_agent(struct backend *backend, enum agent_state state,
    uint64_t now_ms)
{
	uint32_t before = atomic_load_explicit(&backend->agent,
	    memory_order_relaxed);

	if (before != (uint32_t)state)
		atomic_store_explicit(&backend->agent_since_ms, now_ms,
		    memory_order_relaxed);
	set_word(backend, &backend->agent, (uint32_t)state,
	    before > AGENT_UP && state <= AGENT_UP, now_ms);
}

void
backend_set_agent_said(struct backend *backend, uint64_t said)
{
	if (atomic_load_explicit(&backend->agent_said, memory_order_relaxed) ==
	    said)
		return;
	atomic_store_explicit(&backend->agent_said, said, memory_order_release);
	count_change(backend);
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
	count_change(backend);
}

void
backend_set_joining(struct backend *backend, bool joining)
{
	atomic_store_explicit(&backend->joining, joining, memory_order_release);
	count_change(backend);
}

void
backend_joined(struct backend *backend, uint32_t word, uint64_t now_ms)
{
	if (!backend_is_joining(backend))
		return;
	/* first: a reader that sees it joined relies on up_ms */
	if (!health_is_down(word))
		atomic_store_explicit(&backend->up_ms, now_ms,
		    memory_order_relaxed);
	backend_set_joining(backend, false);
}

void
backend_copy_parts(struct backend *backend, const struct backend_parts *parts,
    uint64_t agent_said)
{
	atomic_store(&backend->health, parts->health);
	atomic_store(&backend->passive, parts->passive);
	atomic_store(&backend->agent, (uint32_t)parts->agent);
	atomic_store(&backend->agent_said, agent_said);
	atomic_store(&backend->admin, (uint32_t)parts->admin);
	atomic_store(&backend->joining, parts->joining);
	count_change(backend);
}

const char *
health_result_name(enum health_result result)
{
	return (unsigned)result < HEALTH_RESULT_COUNT ? result_names[result]
						      : "?";
}

const char *
health_text(uint32_t word, char *buf, size_t size)
{
	enum health_result result = health_result(word);
	const struct check_way *way = check_way(health_check(word));
	const char *name = health_result_name(result);
	uint16_t detail = health_detail(word);

	if (way != NULL && way->words != NULL &&
	    way->words((int)result, detail, buf, size))
		return buf;
	if (detail != 0 && (result == HEALTH_STATUS || result == HEALTH_PASSED))
		(void)snprintf(buf, size, "status %u", detail);
	else if (result == HEALTH_PASSED)
		(void)snprintf(buf, size, "connected");
	else if (detail != 0 &&
	    (result == HEALTH_UNREACHABLE || result == HEALTH_LOCAL))
		(void)snprintf(buf, size, "%s: %s", name,
		    strerror((int)detail));
	else
		(void)snprintf(buf, size, "%s", name);
	return buf;
}

const char *
backend_health_text(const struct backend *backend, uint32_t word, char *buf,
    size_t size)
{
	return remark_get(&backend->remark, word, buf, size)
	    ? buf
	    : health_text(word, buf, size);
}

const char *
admin_state_name(enum admin_state state)
{
	return (unsigned)state < ADMIN_STATE_COUNT ? admin_names[state] : "?";
}

const char *
agent_state_name(enum agent_state state)
{
	return (unsigned)state < AGENT_STATE_COUNT ? agent_names[state] : "?";
}

const char *
backend_state_name(enum backend_state state)
{
	return (unsigned)state < BACKEND_STATE_COUNT ? state_names[state] : "?";
}

const char *
admin_cause_text(enum admin_cause cause)
{
	return (unsigned)cause < ADMIN_CAUSE_COUNT ? cause_texts[cause] : "?";
}

const char *
passive_text(uint32_t word, char *buf, size_t size)
{
	const unsigned count = health_detail(word);
	const char *name = health_result_name(health_result(word));

	if (count == 0)
		(void)snprintf(buf, size, "no failures");
	else
		(void)snprintf(buf, size, "%u failure%s in a row, the last: %s",
		    count, count == 1 ? "" : "s", name);
	return buf;
}
