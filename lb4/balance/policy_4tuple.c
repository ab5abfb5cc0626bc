/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Balance by the hash of the client's address and port: an even spread for any
 * set of clients, without shared state.
 */
#include "lb4/balance/policy_hash.h"

const struct policy policy_4tuple = {
	.name = "4tuple",
	.by_client = true,
	.build = policy_hash_build,
	.key = policy_hash_whole,
	.pick = policy_hash_pick,
};
