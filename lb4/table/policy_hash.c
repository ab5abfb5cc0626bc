/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What policy_4tuple.c and policy_source.c share: building and looking up the
 * Maglev table.
 */
#include "lb4/table/policy_hash.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/table/maglev.h"

#define STEPS_MAX 16
#define PREFIX_LEN 8 /* bytes of an IPv6 /64 */

static bool
is_mapped(const uint8_t ip[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, prefix, sizeof(prefix)) == 0;
}

size_t
policy_hash_key(const struct pick *pick, bool whole,
    uint8_t key[POLICY_KEY_MAX])
{
	const struct endpoint *client = &pick->client;
	uint64_t conn = htobe64(pick->conn);
	uint16_t port = htobe16(client->port);

	if (client->family != AF_INET && client->family != AF_INET6) {
		memcpy(key, &conn, sizeof(conn));
		return sizeof(conn);
	}
	memcpy(key, client->ip, sizeof(client->ip));
	if (whole) {
		memcpy(key + sizeof(client->ip), &port, sizeof(port));
		return sizeof(client->ip) + sizeof(port);
	}
	if (!is_mapped(client->ip))
		memset(key + PREFIX_LEN, 0, sizeof(client->ip) - PREFIX_LEN);
	return sizeof(client->ip);
}

int
policy_hash_build(struct service *service)
{
	const char **names;
	unsigned *weights;
	unsigned sum = 0;
	int rc = 0;

	names = calloc(service->backends, sizeof(*names));
	weights = calloc(service->backends, sizeof(*weights));
	if (names == NULL || weights == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < service->backends; i++) {
		names[i] = service->backend[i].backend->name;
		weights[i] = service->backend[i].weight;
		sum += weights[i];
	}
	if (sum == 0)
		goto out;
	if (maglev_size(weights, service->backends) == 0) {
		rc = -E2BIG;
		goto out;
	}
	service->maglev = maglev_new(names, weights, service->backends,
	    &service->seed);
	if (service->maglev == NULL)
		rc = -ENOMEM;
out:
	free(weights);
	free(names);
	return rc;
}

int
policy_hash_pick(const struct service *service, const struct pick *pick,
    const uint8_t *key, size_t len, bool check_health)
{
	const struct maglev *maglev = service->maglev;
	uint64_t hash = hash_sip(&service->seed, key, len);
	enum pick_why why;
	uint32_t slot;
	unsigned index;

	trace_key(pick->trace, key, len, hash);
	if (maglev == NULL)
		return -1;
	/* A hash of its own for each step, not a stride: the slots of one
	 * backend lie at even distances, and a stride could meet it again and
	 * again. */
	for (unsigned i = 0; i <= STEPS_MAX; i++) {
		slot = hash_reduce(hash, maglev->size);
		index = maglev->slot[slot];
		why = policy_judge(service, pick, index, check_health);
		trace_step(pick->trace, slot, index, why);
		if (why == PICK_USABLE)
			return (int)index;
		hash = hash_mix(hash);
	}
	return policy_spread(service, pick, hash, check_health);
}
