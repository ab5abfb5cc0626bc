/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The table: everything that a worker reads to place a conn.  Immutable once
 * published, replaced as a whole.  The control thread makes, publishes and
 * frees it.
 *
 *	struct tables	the process's current table, and every backend and
 *			service state that is not freed yet
 *	struct table	one generation: services by id
 *
 * A worker reads it as an RCU reader (rcu.h): it loads the table once in each
 * turn of its loop with table_current() and forgets it at the end of the turn.
 * A conn may outlive tables: it keeps its service_state, its terms and its
 * backend, and nothing of the table itself.
 */
#ifndef LB4_TABLE_TABLE_H
#define LB4_TABLE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/hash.h"
#include "lb4/model/service.h"
#include "lb4/table/states.h"

#define TABLE_WORKERS_MAX GATE_WORKERS_MAX

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
	unsigned workers; /* most workers ever: the counts have room for them */
	uint64_t generation;
	uint32_t last_backend_id;
	struct backend **backends; /* every one not freed yet; sorted by service
				    * and name */
	size_t backends_count;
	size_t backends_room;
	struct states states;
};

void tables_init(struct tables *tables, unsigned workers);

/* Frees everything: no reader may be left. */
void tables_done(struct tables *tables);

/* The state of the service of that name, made if there is none.  The caller has
 * a reference.  NULL without memory. */
struct service_state *tables_state_get(struct tables *tables, const char *name);

/* Makes a backend that another process had (lb4/handover), before the first
 * tables_publish(), which carries it over by service, name and address.  The
 * caller has a reference.  NULL without memory. */
struct backend *tables_restore_backend(struct tables *tables,
    const char *service, const char *name, const struct addr *addr);

/*
 * Builds the table that `config` describes and makes it the current one.  What
 * it shares by name with the table before is carried over; a backend that is
 * new to it is ready (ADMIN_READY), even if conns from earlier still use it.
 * `seed` keys the hashes.  Waits for a grace period, then frees the table
 * before and sweeps.  Returns 0, or -errno with nothing changed: -ENOMEM, or
 * -E2BIG when a service's weights need a Maglev table larger than the largest
 * (maglev.h).  Control thread only, and not as an RCU reader.
 */
must_check int tables_publish(struct tables *tables,
    const struct config *config, const struct hash_key *seed);

/*
 * The two halves of tables_publish(), for a caller with more to prepare.  A
 * prepared table is visible to no thread; it ends in tables_commit() or
 * tables_discard(), and there is at most one at a time.  Returns as
 * tables_publish() does; tables_commit() waits and sweeps.
 */
must_check int tables_prepare(struct tables *tables,
    const struct config *config, const struct hash_key *seed,
    struct table **table);
void tables_commit(struct tables *tables, struct table *table);
void tables_discard(struct tables *tables, struct table *table);

/* Frees the backends, service states and terms that nothing uses any more,
 * after a grace period if there are any; control calls it from time to time.
 * Returns how many it freed. */
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

/* The service with that state, or NULL when this table no longer has it. */
static inline const struct service *
table_service_of(const struct table *table, const struct service_state *state)
{
	const struct service *service = table_service(table, state->id);

	return service != NULL && service->state == state ? service : NULL;
}

/* The state of that name in a table (NULL has none), or in the current one;
 * NULL when there is none.  For the control thread, or a reader (rcu.h) of the
 * table. */
struct service_state *table_state(const struct table *table, const char *name);
struct service_state *tables_state(const struct tables *tables,
    const char *name);

#endif
