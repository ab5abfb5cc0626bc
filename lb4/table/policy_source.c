/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance by the hash of the client's address, /64 for IPv6: a client keeps
 * its backend, on every node with the same seed.
 */
#include "lb4/table/policy_hash.h"

static int
pick_source(const struct service *service, const struct pick *pick,
    bool check_health)
{
	uint8_t key[POLICY_KEY_MAX];
	size_t len = policy_hash_key(pick, false, key);

	return policy_hash_pick(service, pick, key, len, check_health);
}

const struct policy policy_source = {
	.name = "source",
	.by_client = true,
	.build = policy_hash_build,
	.pick = pick_source,
};
