/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Choosing a backend.  One file per policy (policy_NAME.c) behind one
 * interface; a new policy is a file, a line in policy.c's table and a value of
 * enum balance.
 *
 * A pick is a pure function of the service (its table), the backends' states,
 * the counts and the client: workers and tests call the same one.
 */
#ifndef LB4_TABLE_POLICY_H
#define LB4_TABLE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/table/table.h"
#include "lb4/table/trace.h"

/* What a pick is made for. */
struct pick {
	struct endpoint client;
	uint64_t conn; /* the conn's id: stands in for an address that a unix
			* client does not have */
	/* Backends (by id) that this conn has already failed to reach: they
	 * are not chosen again. */
	uint32_t tried[CONFIG_RETRIES_MAX + 1];
	unsigned tries;

	struct pick_trace *trace; /* filled in, if there is one; else NULL */
};

struct policy {
	const char *name;
	bool by_client; /* who the client is decides, and the hash-seed */

	/* Prepares what pick needs (a Maglev table, a schedule) in a service
	 * whose backends are set.  0 or -errno.  May be NULL. */
	int (*build)(struct service *service);

	/* An index into service->backend for which policy_usable() holds, or
	 * -1 when there is none. */
	int (*pick)(const struct service *service, const struct pick *pick,
	    bool check_health);
};

const struct policy *policy_of(enum balance balance);

/* Whether backend `index` may take this conn, and if not, why: it has a weight,
 * was not tried before, and control lets it; with `check_health`, its health is
 * not down. */
enum pick_why policy_judge(const struct service *service,
    const struct pick *pick, unsigned index, bool check_health);

/* Whether that is PICK_USABLE. */
bool policy_usable(const struct service *service, const struct pick *pick,
    unsigned index, bool check_health);

/* One of the usable backends, each by its weight's share of all hashes; -1
 * when there is none.  For a policy at its wits' end: it looks at all. */
int policy_spread(const struct service *service, const struct pick *pick,
    uint64_t hash, bool check_health);

/*
 * The backend for a conn, as an index into service->backend; -1 when every
 * one has been tried or may not be used.  Backends that are down are stepped
 * past, but when all are, they are tried all the same: a check may be wrong.
 */
int policy_pick(const struct service *service, const struct pick *pick);

extern const struct policy policy_4tuple;
extern const struct policy policy_source;
extern const struct policy policy_roundrobin;

#endif
