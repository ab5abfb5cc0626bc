/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * No balance: the first usable backend in the file's order.  Few backends do
 * all the work, and the last ones can sleep.
 */
#include "lb4/balance/policy.h"

static int
pick_first(const struct service *service, const struct pick *pick,
    const struct scope *scope, uint32_t *limit)
{
	*limit = POLICY_NO_LIMIT;
	for (size_t i = 0; i < service->backends; i++)
		if (candidate_usable(service, pick, service->order[i], scope))
			return service->order[i];
	return -1;
}

const struct policy policy_first = {
	.name = "first",
	.key = policy_conn_key,
	.pick = pick_first,
};
