/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance by the hash of the client's network, by default its IPv4 address or
 * the /64 of its IPv6 address: a client keeps its backend, on every node with
 * the same seed.
 */
#include "lb4/balance/policy_hash.h"

const struct policy policy_source = {
	.name = "source",
	.by_client = true,
	.build = policy_hash_build,
	.key = policy_hash_network,
	.pick = policy_hash_pick,
};
