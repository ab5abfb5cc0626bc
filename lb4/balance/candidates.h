/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which backends come into question for a conn, and with what weight: what all
 * policies share.
 */
#ifndef LB4_BALANCE_CANDIDATES_H
#define LB4_BALANCE_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/model/service.h"

struct pick_trace;

/* What a pick is made for. */
struct pick {
	struct endpoint client;
	uint64_t conn;	 /* the conn's id: stands in for an address that a unix
			  * client does not have, and for chance */
	uint64_t now_ms; /* CLOCK_MONOTONIC, for slowstart */
	/* Backends (by id) that this conn has already failed to reach: they
	 * are not chosen again. */
	uint32_t tried[CONFIG_RETRIES_MAX + 1];
	unsigned tries;

	struct pick_trace *trace; /* filled in (trace.h); NULL: not wanted */
};

/* Which of the backends a step of the pick looks at. */
struct scope {
	uint64_t hash; /* of the policy's key */
	enum backend_set set;
	bool check_health;
	/* max-load: fewer than load_num x weight / load_den conns are active,
	 * rounded up; load_den 0: no bound. */
	uint64_t load_num;
	uint64_t load_den;
};

/* Why a backend does not come into question. */
enum skip {
	SKIP_NOT, /* it does */
	SKIP_SET, /* not in the scope's set */
	SKIP_WEIGHT,
	SKIP_ADMIN,
	SKIP_HEALTH,
	SKIP_JOINING, /* not checked yet */
	SKIP_TRIED,
	SKIP_FULL, /* at its maxconn */
	SKIP_LOAD, /* at max-load */
	SKIP_COUNT,
};

/* The longest key that a policy hashes, in bytes. */
#define PICK_KEY_MAX 18

/* What a pick says when there is no backend. */
#define PICK_NONE (-1) /* every one has been tried or may not be used */
#define PICK_FULL (-2) /* those that may be used are at their maxconn */

/* "down", "weight is 0", ...; for any value of the enum. */
const char *candidate_skip_name(enum skip skip);

/* Why this conn may not go to backend `index`, or SKIP_NOT. */
enum skip candidate_skip(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope);

static inline bool
candidate_usable(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope)
{
	return candidate_skip(service, pick, index, scope) == SKIP_NOT;
}

/* The same for any conn: no matter what was tried, nor the counts. */
bool candidate_available(const struct service *service, unsigned index,
    const struct scope *scope);

/* How many conns are active there. */
static inline uint32_t
candidate_active(const struct service *service, unsigned index)
{
	return atomic_load_explicit(&service->backend[index].backend->active,
	    memory_order_relaxed);
}

/* How many may be active there, by the scope's max-load. */
uint32_t candidate_bound(const struct service *service, unsigned index,
    const struct scope *scope);

/* Its weight in units of 1 / CANDIDATE_WEIGHT_ONE: less than configured while
 * it starts slowly. */
#define CANDIDATE_WEIGHT_ONE 1000
uint32_t candidate_weight(const struct service *service,
    const struct pick *pick, unsigned index);

/* For who draws by configured weight: whether the draw of `index` holds, by a
 * hash of its own.  Always, unless it starts slowly. */
bool candidate_accepts(const struct service *service, const struct pick *pick,
    unsigned index, uint64_t hash);

/* One of the usable backends, each by its weight's share of all hashes; -1
 * when there is none.  For a policy at its wits' end: it looks at all. */
int candidate_spread(const struct service *service, const struct pick *pick,
    uint64_t hash, const struct scope *scope);

/* Writes the weights of the set's backends, 0 for the others; returns their
 * sum. */
unsigned candidate_weights(const struct service *service, enum backend_set set,
    unsigned *weights);

/* Whether a backend that is no backup is up and ready: then none of the backups
 * comes into question, not even for a conn that could not reach it. */
bool candidates_have_primary(const struct service *service);

#endif
