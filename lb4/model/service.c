/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The life of a service_state, which a service keeps across tables, and what a
 * service's backends allow.
 */
#include "lb4/model/service.h"

#include <assert.h>
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/access_rules.h"
#include "lb4/config/route.h"
#include "lb4/model/rule_count.h"
#include "lb4/model/terms.h"

struct service_state *
service_state_new(uint32_t id, const char *name, unsigned workers)
{
	struct service_state *state;
	const size_t stats_size = (workers + 1) * sizeof(*state->stats);

	state = aligned_alloc(_Alignof(struct service_state), sizeof(*state));
	if (state == NULL)
		return NULL;
	memset(state, 0, sizeof(*state));
	state->stats = aligned_alloc(_Alignof(struct service_stats),
	    stats_size);
	if (state->stats == NULL) {
		free(state);
		return NULL;
	}
	memset(state->stats, 0, stats_size);
	state->id = id;
	strlcpy(state->name, name, sizeof(state->name));
	state->workers = workers;
	atomic_init(&state->refs, 1);
	return state;
}

void
service_state_free(struct service_state *state)
{
	struct terms *terms, *next;

	if (state == NULL)
		return;
	for (terms = state->terms; terms != NULL; terms = next) {
		next = terms->next;
		terms_free(terms);
	}
	waitqueue_free(atomic_load_explicit(&state->waitqueue,
	    memory_order_acquire));
	rule_counts_free(state->rule_counts);
	free(state->stats);
	free(state);
}

const struct service_route *
service_find_route(const struct service *service,
    const struct route_facts *facts)
{
	for (size_t i = 0; i < service->routes; i++)
		if (route_matches(service->route[i].match, facts))
			return &service->route[i];
	return NULL;
}

bool
service_admits(const struct service *service, const struct endpoint *client)
{
	const struct access_prefix *prefix = access_rules_judge(service->access,
	    client);

	if (prefix == NULL)
		return true;
	(void)atomic_fetch_add_explicit(&service->rule_count[prefix->rule]
					     ->clients,
	    1, memory_order_relaxed);
	return !access_rules_refuse(service->access, prefix);
}

void
service_check_set(struct service_check *check,
    const struct config_backend *backend, const struct config_agent *agent)
{
	const unsigned port = backend->agent_port != 0 ? backend->agent_port
						       : agent->port;

	check->agent = backend->agent_addr;
	if (check->agent.len == 0 && port != 0 && backend->addr.len != 0 &&
	    !addr_is_unix(&backend->addr)) {
		check->agent = backend->addr;
		addr_set_port(&check->agent, (uint16_t)port);
	}
	check->addr = backend->check_addr;
	if (backend->check_port != 0) {
		check->addr = backend->addr;
		addr_set_port(&check->addr, (uint16_t)backend->check_port);
	}
	memcpy(check->track, backend->track, sizeof(check->track));
}

size_t
service_available(const struct service *service)
{
	size_t available = 0;

	for (size_t i = 0; i < service->backends; i++)
		available += service_backend_takes(&service->backend[i]);
	return available;
}

struct terms *
service_state_terms(struct service_state *state,
    const struct conn_settings *settings)
{
	struct terms *terms = state->terms;

	while (terms != NULL && !terms_are(terms, settings))
		terms = terms->next;
	if (terms == NULL) {
		if ((terms = terms_new(settings, state->workers)) == NULL)
			return NULL;
		terms->next = state->terms;
		state->terms = terms;
	}
	terms->refs++;
	return terms;
}

size_t
service_state_retire_terms(struct service_state *state)
{
	size_t count = 0;

	for (struct terms *terms = state->terms; terms != NULL;
	     terms = terms->next) {
		terms->retired = terms_is_unused(terms);
		count += terms->retired;
	}
	return count;
}

void
service_state_bury_terms(struct service_state *state)
{
	struct terms **link = &state->terms, *terms;

	while ((terms = *link) != NULL) {
		if (!terms->retired) {
			link = &terms->next;
			continue;
		}
		*link = terms->next;
		terms_free(terms);
	}
}

void
service_state_ref(struct service_state *state)
{
	atomic_fetch_add_explicit(&state->refs, 1, memory_order_relaxed);
}

void
service_state_unref(struct service_state *state)
{
	uint32_t before;

	if (state == NULL)
		return;
	before = atomic_fetch_sub_explicit(&state->refs, 1,
	    memory_order_release);
	assert(before > 0);
}

bool
service_state_is_unused(const struct service_state *state)
{
	return atomic_load_explicit(&state->refs, memory_order_acquire) == 0 &&
	    atomic_load_explicit(&state->gate.inside, memory_order_acquire) ==
	    0;
}
