/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Choosing a backend.  One file per policy (policy_NAME.c) behind one
 * interface; a new policy is a file, a line in policy.c's table and a value of
 * enum balance.
 *
 * A pick is a pure function of the service (its table), the backends' states,
 * the counts and the client: workers and tests call the same one.  What looks
 * like chance is a hash of the conn's id.  policy_take() then counts the conn
 * in, if the counts still are what the pick relied on.
 *
 * Step by step:
 *
 *	1. the policy's key of the client or conn is hashed with the seed.
 *	2. a client that was active before a change of the table may keep the
 *	   backend it had then (pins.h).
 *	3. of the backends that are up, those in the node's zone or those in
 *	   others come first, as the zones' formula has it (policy.c); then
 *	   the rest of the two; then the backups, if none of the others is
 *	   up and ready.
 *	4. in that set the policy chooses.  Backends at their maxconn are
 *	   stepped past, but not to backups, nor to those that are down: if
 *	   only full ones are left of a kind, the conn has to wait.
 *	5. if there was none, the same without a look at health: a check may
 *	   be wrong, and one that has just joined may be well.
 */
#ifndef LB4_BALANCE_POLICY_H
#define LB4_BALANCE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "lb4/table/table.h"

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

#define POLICY_KEY_MAX 18

struct policy {
	const char *name;
	bool by_client; /* who the client is decides, and the hash-seed */

	/* Prepares what pick needs (a Maglev table, a schedule) in a service
	 * whose backends are set.  0 or -errno.  May be NULL. */
	int (*build)(struct service *service);

	/* Writes what is hashed; returns its length. */
	size_t (*key)(const struct service *service, const struct pick *pick,
	    uint8_t key[POLICY_KEY_MAX]);

	/* An index into service->backend for which policy_usable() holds, or
	 * -1 when there is none.  It may be taken while fewer than *limit
	 * conns are active there. */
#define POLICY_NO_LIMIT UINT32_MAX
	int (*pick)(const struct service *service, const struct pick *pick,
	    const struct scope *scope, uint32_t *limit);
};

const struct policy *policy_of(enum balance balance);

/* What a pick says when there is no backend. */
#define POLICY_NONE (-1) /* every one has been tried or may not be used */
#define POLICY_FULL (-2) /* those that may be used are at their maxconn */

/*
 * The backend for a conn, as an index into service->backend, or one of the
 * above.  Backends that are down are stepped past, but when all are, they are
 * tried all the same.
 */
int policy_pick(const struct service *service, const struct pick *pick);

/* Picks, and counts the conn in the backend's `active`, which is the caller's
 * to count down, and never goes over its maxconn. */
int policy_take(const struct service *service, const struct pick *pick);

/* Whether a pick for a conn that has tried nothing yet would say POLICY_FULL.
 */
bool policy_is_full(const struct service *service);

/* "down", "weight is 0", ...; for any value of the enum. */
const char *policy_skip_name(enum skip skip);

/* The hash of the policy's key: for source, who the client is. */
uint64_t policy_hash(const struct service *service, const struct pick *pick);

/* For policies: the rest of this file. */

/* Why this conn may not go to backend `index`, or SKIP_NOT. */
enum skip policy_skip(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope);

static inline bool
policy_usable(const struct service *service, const struct pick *pick,
    unsigned index, const struct scope *scope)
{
	return policy_skip(service, pick, index, scope) == SKIP_NOT;
}

/* The same for any conn: no matter what was tried, nor the counts. */
bool policy_available(const struct service *service, unsigned index,
    const struct scope *scope);

/* How many conns are active there. */
static inline uint32_t
policy_active(const struct service *service, unsigned index)
{
	return atomic_load_explicit(&service->backend[index].backend->active,
	    memory_order_relaxed);
}

/* How many may be active there, by the scope's max-load. */
uint32_t policy_bound(const struct service *service, unsigned index,
    const struct scope *scope);

/* Its weight in units of 1 / POLICY_WEIGHT_ONE: less than configured while it
 * starts slowly. */
#define POLICY_WEIGHT_ONE 1000
uint32_t policy_weight(const struct service *service, const struct pick *pick,
    unsigned index);

/* For who draws by configured weight: whether the draw of `index` holds, by a
 * hash of its own.  Always, unless it starts slowly. */
bool policy_accepts(const struct service *service, const struct pick *pick,
    unsigned index, uint64_t hash);

/* One of the usable backends, each by its weight's share of all hashes; -1
 * when there is none.  For a policy at its wits' end: it looks at all. */
int policy_spread(const struct service *service, const struct pick *pick,
    uint64_t hash, const struct scope *scope);

/* As struct policy's key: 9 bytes, the conn's id (big-endian) and how many
 * backends it has tried. */
size_t policy_conn_key(const struct service *service, const struct pick *pick,
    uint8_t key[POLICY_KEY_MAX]);

/* Writes the weights of the set's backends, 0 for the others; returns their
 * sum. */
unsigned policy_weights(const struct service *service, enum backend_set set,
    unsigned *weights);

/* As struct policy's build: makes service->turns. */
int policy_build_turns(struct service *service);

extern const struct policy policy_4tuple;
extern const struct policy policy_source;
extern const struct policy policy_roundrobin;
extern const struct policy policy_leastconn;
extern const struct policy policy_random;
extern const struct policy policy_first;

#endif
