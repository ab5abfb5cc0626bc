/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which backends are eligible for a conn, and with what weight.  All policies
 * share this.
 */
#ifndef LB4_BALANCE_CANDIDATES_H
#define LB4_BALANCE_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/model/service.h"

struct pick_trace;

/* The input of a pick. */
struct pick {
	struct endpoint client;
	/* The conn's id: replaces the address that a unix client does not have,
	 * and is the source of chance. */
	uint64_t conn;
	uint64_t now_ms; /* CLOCK_MONOTONIC, for slowstart */
	/* Backends (by id) that this conn has already failed to reach: they are
	 * not chosen again. */
	uint32_t tried[CONFIG_RETRIES_MAX + 1];
	unsigned tries;
	bool waits; /* for a backend, while none is available: PICK_DOWN */

	struct pick_trace *trace; /* filled in (trace.h); NULL: not wanted */
};

/* Which of the backends a step of the pick looks at. */
struct scope {
	uint64_t hash; /* of the policy's key */
	enum backend_set set;
	bool check_health;
	/* max-load: fewer than load_num x weight / load_den conns are active,
	 * rounded up; load_den 0: no limit. */
	uint64_t load_num;
	uint64_t load_den;
};

/* Why a backend is not eligible. */
enum skip {
	SKIP_NOT, /* it is */
	SKIP_SET, /* not in the scope's set */
	SKIP_WEIGHT,
	SKIP_ADMIN,
	SKIP_NAME, /* not resolved yet */
	SKIP_HEALTH,
	SKIP_EJECTED, /* its conns have failed: see lb4/health */
	SKIP_JOINING, /* not checked yet */
	SKIP_TRIED,
	SKIP_FULL,  /* at its maxconn */
	SKIP_LOAD,  /* at max-load */
	SKIP_SHARE, /* its agent has lowered its weight */
	SKIP_COUNT,
};

/* The longest key that a policy hashes, in bytes. */
#define PICK_KEY_MAX 18

/* What a pick returns when there is no backend. */
#define PICK_NONE (-1) /* all have been tried, or cannot be used */
#define PICK_FULL (-2) /* all usable ones are at their maxconn */
#define PICK_DOWN (-3) /* none is available, and the conn can wait for one */

/* "down", "weight is 0", ...; for any value of the enum. */
const char *candidate_skip_name(enum skip skip);

/* Why this conn cannot use backend `index`, or SKIP_NOT. */
enum skip candidate_skip(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope);

static inline bool
candidate_usable(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope)
{
	return candidate_skip(service, pick, index, scope) == SKIP_NOT;
}

/* The same for any conn: ignores the backends already tried, and the counts. */
bool candidate_available(const struct service *service, unsigned index,
    const struct scope *scope);

/* The number of conns that are active there. */
static inline uint32_t
candidate_active(const struct service *service, unsigned index)
{
	return atomic_load_explicit(&service->backend[index].backend->active,
	    memory_order_relaxed);
}

/* The number of conns that the scope's max-load allows there. */
uint32_t candidate_bound(const struct service *service, unsigned index,
    const struct scope *scope);

/* Its weight in units of 1 / CANDIDATE_WEIGHT_ONE: the configured weight, or
 * what its agent has made of it; less during slowstart. */
#define CANDIDATE_WEIGHT_ONE 1000
uint32_t candidate_weight(const struct service *service,
    const struct pick *pick, unsigned index);

/* For a policy that draws by configured weight: whether to accept the draw of
 * `index`, by a hash of its own.  Always true, except during slowstart, and if
 * an agent has set a weight: what each draw is accepted with is then relative
 * to the backend whose agent asks for most. */
bool candidate_accepts(const struct service *service, const struct pick *pick,
    unsigned index, uint64_t hash);

/* One of the usable backends, each with its weight's share of all hashes; -1
 * when there is none.  The last resort of a policy: it looks at all
 * backends. */
must_check int candidate_spread(const struct service *service,
    const struct pick *pick, uint64_t hash, const struct scope *scope);

/* Writes the weights of the set's backends, 0 for the others; returns their
 * sum. */
unsigned candidate_weights(const struct service *service, enum backend_set set,
    unsigned *weights);

/* Whether a backend other than a backup is up and ready.  If so, no backup is
 * eligible, not even for a conn that could not reach the others. */
bool candidates_have_primary(const struct service *service);

/* Whether any backend is up and ready, full or not. */
bool candidates_have_any(const struct service *service);

#endif
