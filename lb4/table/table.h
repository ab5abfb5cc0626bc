/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table: all that a worker reads to place a conn.  Immutable once
 * published, replaced whole.  Made, published and freed by the control thread.
 *
 *	struct tables	the process's current table, and every backend and
 *			service state that is not freed yet
 *	struct table	one generation: services by id
 *	struct service	one service of one table: policy, backends, limits
 *	struct service_state
 *			what a service keeps over tables: counts.  By name.
 *
 * Reading: a worker is an RCU reader (rcu.h).  It loads the table once in each
 * turn of its loop with table_current() and forgets it at the turn's end.  A
 * conn that outlives tables keeps its service_state and its backend, nothing
 * of the table itself.
 */
#ifndef LB4_TABLE_TABLE_H
#define LB4_TABLE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "lb4/config/settings.h"
#include "lb4/model/backend.h"
#include "lb4/model/gate.h"
#include "lb4/model/waitqueue.h"

#define TABLE_WORKERS_MAX GATE_WORKERS_MAX

struct loads;
struct maglev;
struct pins;
struct turns;

/*
 * Each backend of a service is in one set, and a pick chooses a set first.
 * Where zones mean nothing (the node has none, none of the backends has one,
 * or the policy goes without), every backend but the backups is near.
 */
enum backend_set {
	SET_NEAR,   /* in the node's zone */
	SET_FAR,    /* in another one, or in none */
	SET_BACKUP, /* serves when no other can */
	BACKEND_SETS,
};

/* Counts of one worker with one service; as struct backend_stats. */
struct service_stats {
	_Alignas(64) _Atomic uint64_t accepted;
	_Atomic uint64_t closed;
	_Atomic uint64_t failed; /* reset without ever reaching a backend */
	_Atomic uint64_t retries;
	_Atomic uint64_t discarded_bytes; /* received, could not be delivered */
	_Atomic uint64_t stalled;	  /* ended by timeout-stall */
	_Atomic uint64_t shed;		  /* stalled, ended by stalled-memory */
};

/*
 * What outlives tables.  Life: as a backend's, with the gate counting its
 * conns; the tables and the listeners' owner hold references.
 */
struct service_state {
	/* set before any other thread sees it */
	uint32_t id; /* index into a table's services; reused after the end */
	char name[CONFIG_NAME_MAX];
	unsigned workers;
	struct service_stats *stats; /* owned; one per worker */

	bool retired; /* control's own: unused, to be freed */

	_Atomic uint32_t refs;

	/* Owned; NULL until a backend of the service has a maxconn.  Writer:
	 * control, once.  Readers: workers. */
	_Atomic(struct waitqueue *) waitqueue;

	struct gate gate; /* conns of this service, in any state */

	/* Turns taken by round robin in each set.  Writers: workers,
	 * fetch-and-add. */
	_Alignas(64) _Atomic uint64_t turns[BACKEND_SETS];
};

struct service_backend {
	struct backend *backend; /* referenced */
	unsigned weight;	 /* 0: no new conns */
	unsigned maxconn;	 /* most conns there at a time; 0: no limit */
	enum backend_set set;
};

struct service {
	struct service_state *state; /* referenced */
	enum balance balance;
	size_t backends;		 /* at least one */
	struct service_backend *backend; /* owned; sorted by name */

	size_t members[BACKEND_SETS]; /* how many are in each */
	unsigned zones; /* in which they are; 0: zones mean nothing here */

	/* Each is owned, and there only for the policies that need it, and for
	 * sets with a weight above 0.  Indexes are those of `backend`. */
	struct maglev *maglev[BACKEND_SETS]; /* 4tuple, source */
	struct turns *turns[BACKEND_SETS];   /* roundrobin, random */
	struct loads *loads[BACKEND_SETS];   /* leastconn, of many backends */
	uint16_t *order;		     /* first: as in the file */

	struct pins *pins;		 /* owned; NULL without pin-on-change */
	const _Atomic uint64_t *changes; /* the tables' */

	struct hash_key seed;
	uint64_t checksum;	 /* checksum.h */
	unsigned source_prefix4; /* bits */
	unsigned source_prefix6;
	unsigned max_load; /* percent; 0: no bound */
	unsigned slowstart_ms;
	unsigned pin_on_change_ms; /* 0: off */
	uint32_t pin_clients;

	/* as configured; check.kind tells the prober what to do */
	struct config_check check;
	struct addr *check_addr; /* owned; one per backend; len 0: its own */
	unsigned retries;
	uint64_t maxconn; /* 0: no limit */
	bool limited;	  /* a backend has a maxconn: there is a waitqueue */
	uint64_t queue;	  /* conns that may wait for a backend */
	bool nodelay;
	enum keepalive keepalive;
	unsigned user_timeout_ms;
	unsigned timeout_connect_ms;
	unsigned timeout_queue_ms;
	unsigned timeout_idle_ms;
	unsigned timeout_half_close_ms;
	unsigned timeout_stall_ms; /* 0: none */
	bool abort_on_close;
	unsigned sndbuf_backend; /* bytes; 0: the kernel's way */
	unsigned rcvbuf_backend;
	unsigned notsent_lowat_backend;
	unsigned reset_linger_ms;
	unsigned max_lifetime_ms; /* 0: none */
	enum on_down on_down;
	unsigned on_down_rate; /* conns a second */
};

struct table {
	uint64_t generation;	  /* 1, 2, ...: one more with each publishing */
	size_t ids;		  /* one more than the highest service id */
	struct service **service; /* owned; by id; NULL where there is none */
};

struct tables {
	/* Writer: control (release).  Readers: workers, prober (acquire). */
	_Atomic(struct table *) current;

	/* Changes of any backend's health or administrative state, and new
	 * tables.  Writers: prober, control.  Readers: workers. */
	_Atomic uint64_t changes;

	/* control's own */
	unsigned workers; /* at most so many ever: what the counts are for */
	uint64_t generation;
	uint32_t last_backend_id;
	struct backend **backends; /* every one not freed yet; sorted by service
				    * and name */
	size_t backends_count;
	size_t backends_room;
	struct service_state **states; /* every one not freed yet; by id, NULL
					* where there is none */
	size_t states_count;
};

void tables_init(struct tables *tables, unsigned workers);

/* Frees everything: no reader may be left. */
void tables_done(struct tables *tables);

/*
 * Builds the table that `config` describes and makes it the current one; what
 * it shares by name with the one before is carried over; a backend that is new
 * to it is ready (ADMIN_READY), even if conns still have it.  `seed` keys the
 * hashes.  Waits for a grace period, then frees the table before and sweeps.
 * Returns 0, or -errno with nothing changed: -ENOMEM, or -E2BIG when a
 * service's weights need a larger Maglev table than there is (maglev.h).
 * Control thread only, and not as an RCU reader.
 */
int tables_publish(struct tables *tables, const struct config *config,
    const struct hash_key *seed);

/*
 * The two halves of tables_publish(), for whoever has more to prepare: a table
 * that nobody sees yet goes by one of the other two, and there is at most one
 * of them.  Returns as tables_publish(); tables_commit() waits and sweeps.
 */
int tables_prepare(struct tables *tables, const struct config *config,
    const struct hash_key *seed, struct table **table);
void tables_commit(struct tables *tables, struct table *table);
void tables_discard(struct tables *tables, struct table *table);

/* Frees the backends and service states that nothing holds any more, after a
 * grace period if there are any; control calls it now and then.  Returns how
 * many it freed. */
size_t tables_sweep(struct tables *tables);

/* The current table.  Readers: valid until the next quiescent state. */
static inline const struct table *
table_current(const struct tables *tables)
{
	return atomic_load_explicit(&tables->current, memory_order_acquire);
}

/* The service of that id, or NULL when this table has none. */
static inline const struct service *
table_service(const struct table *table, uint32_t id)
{
	return id < table->ids ? table->service[id] : NULL;
}

/* The service whose state that is, or NULL when this table has it no more. */
static inline const struct service *
table_service_of(const struct table *table, const struct service_state *state)
{
	const struct service *service = table_service(table, state->id);

	return service != NULL && service->state == state ? service : NULL;
}

/* The state of that name in a table (NULL: has none), or in the current one;
 * NULL when it is not there.  Control thread. */
struct service_state *table_state(const struct table *table, const char *name);
struct service_state *tables_state(const struct tables *tables,
    const char *name);

void service_state_ref(struct service_state *state);
void service_state_unref(struct service_state *state);

#endif
