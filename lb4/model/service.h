/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A service in the running process:
 *
 *	struct service	one service of one table: policy, backends, limits.
 *			Immutable once the table is published
 *	struct service_state
 *			what a service of one name keeps across tables: counts
 *
 * A conn may outlive tables: it keeps its service_state, its terms and its
 * backend, and nothing of the table itself.
 */
#ifndef LB4_MODEL_SERVICE_H
#define LB4_MODEL_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "lb4/config/settings.h"
#include "lb4/model/agent.h"
#include "lb4/model/backend.h"
#include "lb4/model/gate.h"
#include "lb4/model/mirrored.h"
#include "lb4/model/waitqueue.h"

struct access_rules;
struct loads;
struct maglev;
struct pins;
struct rule_count;
struct route_facts;
struct terms;
struct turns;

/*
 * Each backend of a service is in one set, and a pick chooses a set first.
 * Where zones do not apply (the node has none, no backend has one, or the
 * policy ignores them), every backend except the backups is near.
 */
enum backend_set {
	SET_NEAR,   /* in the node's zone */
	SET_FAR,    /* in another one, or in none */
	SET_BACKUP, /* used when no other can serve */
	BACKEND_SETS,
};

/* Room for a count of each enum reason (lb4/engine/access.h). */
#define SERVICE_CLOSES_MAX 64

/* Counts of one worker with one service; see struct backend_stats. */
struct service_stats {
	_Alignas(64) _Atomic uint64_t accepted;
	_Atomic uint64_t closed;
	_Atomic uint64_t failed; /* reset without ever reaching a backend */
	_Atomic uint64_t retries;
	_Atomic uint64_t discarded_bytes; /* received but not delivered */
	_Atomic uint64_t stalled;	  /* ended by timeout-stall */
	_Atomic uint64_t shed;		  /* stalled, ended by stalled-memory */
	_Atomic uint64_t bytes_to_backend;
	_Atomic uint64_t bytes_to_client;
	_Atomic uint64_t closes[SERVICE_CLOSES_MAX]; /* by enum reason */
	struct histogram connect; /* as in struct backend_stats */
	struct histogram queue;	  /* of all conns that had to wait */
	struct histogram first_byte;
	struct histogram session; /* of all conns that have ended */
	struct mirror_stats mirror;
};

/*
 * What a service keeps across tables.  Its life is like a backend's: the gate
 * counts its conns; the tables and the owner of the listeners hold references.
 */
struct service_state {
	/* set before any other thread sees it */
	uint32_t id; /* index into a table's services; reused afterwards */
	char name[CONFIG_NAME_MAX];
	unsigned workers;
	struct service_stats *stats; /* owned; as a backend's */

	/* control's own */
	bool retired;		/* unused, to be freed */
	uint64_t panic_told_ms; /* the change that monitors were told of */
	struct terms *terms;	/* owned; a list: those that something uses */
	struct rule_count *rule_counts; /* owned; the same */

	/* Its backends and access rules may not be those that they should be:
	 * lines with names that cannot be resolved, and whether its
	 * backends-file or a file of its rules was refused.  Writer: control.
	 * Readers: any thread. */
	_Atomic uint64_t unresolved;
	_Atomic uint64_t file_refused;
	_Atomic uint64_t rules_refused;

	_Atomic uint32_t refs;

	/* Owned; NULL until a conn of the service may have to wait.  Writer:
	 * control, once.  Readers: workers. */
	_Atomic(struct waitqueue *) waitqueue;

	struct gate gate; /* conns of this service, in any state */

	/* common/sources.h: the arrival time of `rate`.  Writers: workers,
	 * compare-and-swap. */
	_Alignas(64) _Atomic uint64_t paced_ns;

	/* lb4/balance/panic.h: the verdict in bit 0, and above it the count of
	 * changes that it is for.  Writers, readers: any thread. */
	_Atomic uint64_t judged;
	/* It panics since then; 0: it does not.  Writer: prober.  Readers: any
	 * thread. */
	_Atomic uint64_t panic_ms;

	/* lb4/balance/candidates.c: the highest percentage of its weight that
	 * the agent of a backend asks for, in the low 16 bits, and above it the
	 * count of changes that it is for.  Writers, readers: any thread. */
	_Atomic uint64_t agent_most;

	/* Turns taken by roundrobin in each set.  Writers: workers,
	 * fetch-and-add. */
	_Alignas(64) _Atomic uint64_t turns[BACKEND_SETS];
};

struct service_backend {
	struct backend *backend; /* referenced */
	/* As configured: service_backend_weight() and service_backend_maxconn()
	 * heed its agent. */
	unsigned weight;  /* 0: no new conns */
	unsigned maxconn; /* most conns at a time; 0: no limit */
	bool agent;	  /* it has one */
	bool has_host;	  /* its address comes from a host name */
	enum send_proxy send_proxy;
	enum backend_set set;
};

/* How a backend is checked. */
struct service_check {
	struct addr addr;	      /* len 0: its own */
	struct addr agent;	      /* of its agent; len 0: it has none */
	char track[CONFIG_TRACK_MAX]; /* has the health of this one; "": none */
};

/* As the configuration of the backend says. */
void service_check_set(struct service_check *check,
    const struct config_backend *backend, const struct config_agent *agent);

/* Its weight in percent of the configured one: 100, unless its agent has said
 * another share.  With it no weight is above CONFIG_WEIGHT_MAX. */
static inline unsigned
service_backend_percent(const struct service_backend *entry)
{
	unsigned percent;

	if (!entry->agent || entry->weight == 0)
		return 100;
	percent =
	    agent_percent(atomic_load_explicit(&entry->backend->agent_said,
		memory_order_relaxed));
	return percent * entry->weight <= AGENT_PERCENT_MAX
	    ? percent
	    : AGENT_PERCENT_MAX / entry->weight;
}

/* Its weight in units of 1 / SERVICE_WEIGHT_ONE. */
#define SERVICE_WEIGHT_ONE 100
static inline unsigned
service_backend_weight(const struct service_backend *entry)
{
	return entry->weight * service_backend_percent(entry);
}

/* The most conns at a time; 0: no limit. */
static inline unsigned
service_backend_maxconn(const struct service_backend *entry)
{
	if (!entry->agent)
		return entry->maxconn;
	return agent_maxconn(atomic_load_explicit(&entry->backend->agent_said,
				 memory_order_relaxed),
	    entry->maxconn);
}

/* Whether new conns may go to the backend. */
static inline bool
service_backend_takes(const struct service_backend *entry)
{
	return service_backend_weight(entry) > 0 &&
	    backend_is_available(entry->backend);
}

/* A route of a service: the clients that it matches get another service. */
struct service_route {
	char match[CONFIG_ARGS_MAX]; /* lb4/config/route.h */
	struct service_state *state; /* referenced; NULL: they are refused */
};

struct service {
	struct service_state *state;	 /* referenced */
	size_t backends;		 /* at least one */
	struct service_backend *backend; /* owned; sorted by name */
	bool limited; /* a backend has a maxconn, or may get one */
	bool agents;  /* ... an agent */
	bool queues;  /* ... or conns wait for other reasons: has a waitqueue */

	size_t members[BACKEND_SETS]; /* backends in each set */
	unsigned zones; /* zones of the backends; 0: zones do not apply */

	/* Owned; present only for the policies that need them, and for sets
	 * with a weight above 0.  Indexes are those of `backend`. */
	struct maglev *maglev[BACKEND_SETS]; /* 4tuple, source */
	struct turns *turns[BACKEND_SETS];   /* roundrobin, random */
	struct loads *loads[BACKEND_SETS];   /* leastconn, if many backends */
	uint16_t *order;		     /* first: as in the file */

	/* A reference, and a reference to the count of each rule; NULL: all
	 * clients may come in. */
	struct access_rules *access;
	struct rule_count **rule_count;

	struct pins *pins;		 /* owned; NULL without pin-on-change */
	const _Atomic uint64_t *changes; /* the tables' */

	struct hash_key seed;
	uint64_t checksum;	     /* checksum.h */
	struct service_route *route; /* owned; in the file's order */
	size_t routes;
	struct service_check *check; /* owned; one per backend */

	struct service_settings settings; /* timeout_queue_ms is never 0 */
	struct terms *terms; /* referenced; new conns begin with them */
};

/* The first of its routes that matches, or NULL: the client stays. */
const struct service_route *service_find_route(const struct service *service,
    const struct route_facts *facts);

/* Judges a client by the access rules, which the service has, and counts it for
 * the rule that decides.  The address is the socket's, or the one that a
 * trusted peer has named.  Returns whether it may come in. */
bool service_admits(const struct service *service,
    const struct endpoint *client);

/* Whether its conns begin with a PROXY header. */
static inline bool
service_expects_header(const struct service *service)
{
	return service->settings.accept_proxy.count > 0 ||
	    service->settings.accept_proxy.local;
}

/* Whether the backend at that index is checked, or has the health of one that
 * is. */
static inline bool
service_checks(const struct service *service, size_t index)
{
	return service->settings.check.kind != CHECK_NONE ||
	    service->check[index].track[0] != '\0';
}

/* How many of its backends take conns. */
size_t service_available(const struct service *service);

/* Makes one with one reference; NULL without memory.  The caller (table.c)
 * keeps the id unique. */
struct service_state *service_state_new(uint32_t id, const char *name,
    unsigned workers);

/* Frees at once; for control's sweep.  NULL is allowed. */
void service_state_free(struct service_state *state);

/* Whether nothing holds it: no reference and no conn (acquire). */
bool service_state_is_unused(const struct service_state *state);

/* The service's terms with these settings, with a reference for the caller;
 * made if there are none.  NULL without memory.  Control only. */
struct terms *service_state_terms(struct service_state *state,
    const struct conn_settings *settings);

/* Marks the terms that nothing uses; returns how many there are.  After a grace
 * period service_state_bury_terms() frees them.  Control only. */
size_t service_state_retire_terms(struct service_state *state);
void service_state_bury_terms(struct service_state *state);

void service_state_ref(struct service_state *state);
void service_state_unref(struct service_state *state);

#endif
