/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table of policies, and what some of them share.
 */
#include "lb4/balance/policy.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/turns.h"

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

const struct policy *
policy_of(enum balance balance)
{
	assert((unsigned)balance < BALANCE_COUNT);
	return policies[balance];
}

size_t
policy_conn_key(const struct service *service, const struct pick *pick,
    uint8_t key[PICK_KEY_MAX])
{
	uint64_t conn = htobe64(pick->conn);

	(void)service;
	memcpy(key, &conn, sizeof(conn));
	key[sizeof(conn)] = (uint8_t)pick->tries;
	return sizeof(conn) + 1;
}

int
policy_build_turns(struct service *service)
{
	unsigned *weights = calloc(service->backends, sizeof(*weights));
	int rc = weights != NULL ? 0 : -ENOMEM;

	for (int set = 0; rc == 0 && set < BACKEND_SETS; set++) {
		if (candidate_weights(service, (enum backend_set)set,
			weights) == 0)
			continue;
		service->turns[set] = turns_new(weights, service->backends);
		if (service->turns[set] == NULL)
			rc = -ENOMEM;
	}
	free(weights);
	return rc;
}
