/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What policy_4tuple.c and policy_source.c share: building and looking up the
 * Maglev table.
 */
#include "lb4/balance/policy_hash.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/maglev.h"
#include "lb4/balance/trace.h"

#define STEPS_MAX 16
#define MAPPED_BITS 96 /* ::ffff:0:0/96 */

/* Makes whether a backend takes a client independent of the slots that the same
 * hash leads to. */
#define SHARE_DRAW UINT64_C(0x7368617265000001)

static bool
is_mapped(const uint8_t ip[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, prefix, sizeof(prefix)) == 0;
}

/* Zeros behind the first `bits` bits. */
static void
cut(uint8_t ip[16], unsigned bits)
{
	for (unsigned i = bits / 8; i < 16; i++)
		ip[i] &= i == bits / 8 ? (uint8_t)(0xff00 >> bits % 8) : 0;
}

/* The client's address, if it has one; else false and the conn's id. */
static bool
address_or_conn(const struct pick *pick, uint8_t key[PICK_KEY_MAX])
{
	const struct endpoint *client = &pick->client;
	uint64_t conn = htobe64(pick->conn);

	if (client->family == AF_INET || client->family == AF_INET6) {
		memcpy(key, client->ip, sizeof(client->ip));
		return true;
	}
	memcpy(key, &conn, sizeof(conn));
	return false;
}

size_t
policy_hash_whole(const struct service *service, const struct pick *pick,
    uint8_t key[PICK_KEY_MAX])
{
	const struct endpoint *client = &pick->client;
	uint16_t port = htobe16(client->port);

	(void)service;
	if (!address_or_conn(pick, key))
		return sizeof(pick->conn);
	memcpy(key + sizeof(client->ip), &port, sizeof(port));
	return sizeof(client->ip) + sizeof(port);
}

size_t
policy_hash_network(const struct service *service, const struct pick *pick,
    uint8_t key[PICK_KEY_MAX])
{
	if (!address_or_conn(pick, key))
		return sizeof(pick->conn);
	cut(key,
	    is_mapped(key) ? MAPPED_BITS + service->settings.source_prefix4
			   : service->settings.source_prefix6);
	return sizeof(pick->client.ip);
}

/* The table of one set. */
static int
build_set(struct service *service, enum backend_set set,
    const char *const *names, unsigned *weights)
{
	if (candidate_weights(service, set, weights) == 0)
		return 0;
	if (maglev_size(weights, service->backends) == 0)
		return -E2BIG;
	service->maglev[set] = maglev_new(names, weights, service->backends,
	    &service->seed);
	return service->maglev[set] != NULL ? 0 : -ENOMEM;
}

int
policy_hash_build(struct service *service)
{
	const char **names = calloc(service->backends, sizeof(*names));
	unsigned *weights = calloc(service->backends, sizeof(*weights));
	int rc = names != NULL && weights != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < service->backends; i++)
		names[i] = service->backend[i].backend->name;
	for (int set = 0; rc == 0 && set < BACKEND_SETS; set++)
		rc = build_set(service, (enum backend_set)set, names, weights);
	free(weights);
	free(names);
	return rc;
}

/* Whether the client may stay at this slot's backend: one whose agent has
 * lowered its weight leaves a part of its clients to others.  The same clients
 * always, and they come back first. */
static bool
may_stay(const struct service *service, const struct pick *pick, unsigned index,
    uint64_t hash)
{
	return !service->agents ||
	    candidate_accepts(service, pick, index,
		hash_mix(hash ^ SHARE_DRAW));
}

/* Walks from candidate to candidate. */
static int
walk(const struct service *service, const struct pick *pick,
    const struct scope *scope)
{
	const struct maglev *maglev = service->maglev[scope->set];
	struct trace_step step = {
		.set = scope->set,
		.check_health = scope->check_health,
		.slots = maglev->size,
	};
	uint64_t hash = scope->hash;

	/* Each step has a hash of its own instead of a stride: the slots of
	 * one backend are evenly spaced, and a stride could hit it again and
	 * again. */
	for (unsigned i = 0; i <= STEPS_MAX; i++) {
		step.slot = hash_reduce(hash, maglev->size);
		step.index = maglev->slot[step.slot];
		step.skip = candidate_skip(service, pick, step.index, scope);
		if (step.skip == SKIP_NOT &&
		    !may_stay(service, pick, step.index, hash))
			step.skip = SKIP_SHARE;
		trace_step(pick->trace, &step);
		if (step.skip == SKIP_NOT)
			return (int)step.index;
		hash = hash_mix(hash);
	}
	trace_spread(pick->trace);
	return candidate_spread(service, pick, hash, scope);
}

/* Reads all counts and sets the limit; false when no backend is available.
 * Backends at their maxconn do not count: the others share the load. */
static bool
bound_load(const struct service *service, struct scope *scope)
{
	uint64_t active = 0, weight = 0;

	for (unsigned i = 0; i < service->backends; i++) {
		const struct service_backend *one = &service->backend[i];

		if (!candidate_available(service, i, scope) ||
		    backend_is_full(one->backend, service_backend_maxconn(one)))
			continue;
		active += candidate_active(service, i);
		weight += service_backend_weight(one);
	}
	scope->load_num = service->settings.max_load * (active + 1);
	scope->load_den = 100 * weight;
	return weight > 0;
}

enum skip
policy_hash_skip(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope, uint32_t *limit)
{
	struct scope bounded = *scope;

	*limit = POLICY_NO_LIMIT;
	if (service->settings.max_load != 0 && bound_load(service, &bounded))
		*limit = candidate_bound(service, index, &bounded);
	return candidate_skip(service, pick, index, &bounded);
}

int
policy_hash_pick(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint32_t *limit)
{
	struct scope bounded = *scope;
	int index;

	*limit = POLICY_NO_LIMIT;
	if (service->maglev[scope->set] == NULL)
		return -1;
	if (service->settings.max_load == 0)
		return walk(service, pick, scope);
	while (bound_load(service, &bounded)) {
		index = walk(service, pick, &bounded);
		if (index >= 0) {
			*limit = candidate_bound(service, (unsigned)index,
			    &bounded);
			return index;
		}
		if (pick->tries > 0)
			return walk(service, pick, scope);
		/* The sum of the limits is above that of the counts, so not all
		 * backends can be at theirs: other conns have arrived during
		 * the walk. */
	}
	return -1;
}
