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

/* What a pick is made for. */
struct pick {
	struct endpoint client;
	uint64_t conn; /* the conn's id: stands in for an address that a unix
			* client does not have */
	/* Backends (by id) that this conn has already failed to reach: they
	 * are not chosen again. */
	uint32_t tried[CONFIG_RETRIES_MAX + 1];
	unsigned tries;
};

struct policy {
	const char *name;

	/* Prepares what pick needs (a Maglev table, a schedule) in a service
	 * whose backends are set.  0 or -errno.  May be NULL. */
	int (*build)(struct service *service);

	/* An index into service->backend for which policy_usable() holds, or
	 * -1 when there is none. */
	int (*pick)(const struct service *service, const struct pick *pick,
	    bool check_health);
};

const struct policy *policy_of(enum balance balance);

/* Whether backend `index` may take this conn: it has a weight, is not at its
 * maxconn, was not tried before, and control lets it; with `check_health`, its
 * health is not down. */
bool policy_usable(const struct service *service, const struct pick *pick,
    unsigned index, bool check_health);

/* One of the usable backends, each by its weight's share of all hashes; -1
 * when there is none.  For a policy at its wits' end: it looks at all. */
int policy_spread(const struct service *service, const struct pick *pick,
    uint64_t hash, bool check_health);

/* What a pick says when there is no backend. */
#define POLICY_NONE (-1) /* every one has been tried or may not be used */
#define POLICY_FULL (-2) /* those that may be used are at their maxconn */

/*
 * The backend for a conn, as an index into service->backend, or one of the
 * above.  Backends that are down are stepped past, but when all are, they are
 * tried all the same: a check may be wrong.  Backends at their maxconn are
 * stepped past too, but not towards one that is down.
 */
int policy_pick(const struct service *service, const struct pick *pick);

/* The same, and counts one more conn in the backend's `active`, never over its
 * maxconn. */
int policy_take(const struct service *service, const struct pick *pick);

/* Whether a pick for a conn that has tried nothing yet would say POLICY_FULL. */
bool policy_is_full(const struct service *service);

extern const struct policy policy_4tuple;
extern const struct policy policy_source;
extern const struct policy policy_roundrobin;

#endif
