/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Building, publishing and retiring tables.  Everything here runs in the
 * control thread; table.h has the readers' part.
 *
 * tables_publish(), step by step (tables_prepare() is step 1, tables_commit()
 * the rest):
 *
 *	1. build the new table; it references backends and states that exist
 *	   already, and makes the others.  A failure undoes all of it.
 *	2. one release store: readers see the new table, complete.
 *	3. rcu_wait(): every reader has let go of the old one.  A worker that
 *	   picked a backend from it did so within one turn of its loop, and
 *	   so has counted its conn in `active` by now.
 *	4. free the old table, dropping its references.
 *	5. tables_sweep(): only workers in the turn in which they counted down
 *	   can still know an object without references and conns (release;
 *	   the sweep's load is the acquire).  After one more grace period it
 *	   is freed.
 */
#include "lb4/table/table.h"

#include <assert.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/timer.h"
#include "lb4/balance/loads.h"
#include "lb4/balance/maglev.h"
#include "lb4/balance/pins.h"
#include "lb4/balance/policy.h"
#include "lb4/balance/turns.h"
#include "lb4/config/names.h"
#include "lb4/model/rcu.h"
#include "lb4/model/terms.h"
#include "lb4/table/checksum.h"
#include "lb4/table/routes.h"
#include "lb4/table/table_access.h"

struct service_state *
tables_state_get(struct tables *tables, const char *name)
{
	return states_get(&tables->states, name);
}

static int
backend_compare(const struct backend *backend, const char *service,
    const char *name)
{
	int order = strcmp(backend->service, service);

	return order != 0 ? order : strcmp(backend->name, name);
}

static int
backend_pointer_compare(const void *a, const void *b)
{
	const struct backend *x = *(struct backend *const *)a;
	const struct backend *y = *(struct backend *const *)b;

	return backend_compare(x, y->service, y->name);
}

/* The backend of that identity among the first `sorted` ones, or NULL. */
static struct backend *
tables_backend_find(const struct tables *tables, size_t sorted,
    const char *service, const struct config_backend *config)
{
	size_t low = 0;
	size_t high = sorted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (backend_compare(tables->backends[middle], service,
			config->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* There may be several backends of that name with different addresses:
	 * removed ones that still have conns. */
	for (; low < sorted; low++) {
		struct backend *backend = tables->backends[low];

		if (backend_compare(backend, service, config->name) != 0)
			break;
		if (addr_equal(&backend->addr, &config->addr))
			return backend;
	}
	return NULL;
}

/* Whether a service (NULL: none) names this backend. */
static bool
names(const struct service *service, const struct backend *backend)
{
	for (size_t i = 0; service != NULL && i < service->backends; i++)
		if (service->backend[i].backend == backend)
			return true;
	return false;
}

/* Makes a backend with a reference for the caller, at the end of the list. NULL
 * without memory. */
static struct backend *
backend_add(struct tables *tables, const char *service, const char *name,
    const struct addr *addr)
{
	struct backend *backend;

	if (tables->backends_count == tables->backends_room) {
		size_t room = 2 * tables->backends_room + 16;
		struct backend **backends = reallocarray(tables->backends, room,
		    sizeof(*backends));

		if (backends == NULL)
			return NULL;
		tables->backends = backends;
		tables->backends_room = room;
	}
	backend = backend_new(tables->last_backend_id + 1, service, name, addr,
	    tables->workers);
	if (backend == NULL)
		return NULL;
	backend->changes = &tables->changes;
	tables->last_backend_id++;
	tables->backends[tables->backends_count++] = backend;
	return backend;
}

/* The backend of that identity with a reference for the caller, made if there
 * is none among the first `sorted`.  NULL without memory. */
static struct backend *
tables_backend_get(struct tables *tables, size_t sorted, const char *service,
    const struct config_backend *config)
{
	struct backend *backend;

	backend = tables_backend_find(tables, sorted, service, config);
	if (backend != NULL) {
		backend_ref(backend);
		return backend;
	}
	backend = backend_add(tables, service, config->name, &config->addr);
	if (backend != NULL && tables->generation > 0)
		atomic_init(&backend->ready_ms, timer_now_ms());
	return backend;
}

/* The context in which the services of one table are built. */
struct building {
	struct tables *tables;
	size_t sorted; /* its first backends, which are in order */
	const char *zone;
	const struct hash_key *seed;
};

static void
service_free(struct service *service)
{
	if (service == NULL)
		return;
	if (service->backend != NULL)
		for (size_t i = 0; i < service->backends; i++)
			backend_unref(service->backend[i].backend);
	if (service->terms != NULL)
		service->terms->refs--;
	table_access_drop(service);
	service_state_unref(service->state);
	routes_drop(service);
	pins_free(service->pins);
	free(service->backend);
	free(service->check);
	for (int set = 0; set < BACKEND_SETS; set++) {
		free(service->maglev[set]);
		free(service->turns[set]);
		loads_free(service->loads[set]);
	}
	free(service->order);
	free(service);
}

/* The number of zones that the backends are in, not counting backups. */
static unsigned
count_zones(const struct config_service *config)
{
	unsigned zones = 0;

	for (size_t i = 0; i < config->backends; i++) {
		const struct config_backend *one = &config->backend[i];
		bool is_new = one->zone[0] != '\0' && !one->backup;

		for (size_t j = 0; is_new && j < i; j++)
			is_new = config->backend[j].backup ||
			    strcmp(config->backend[j].zone, one->zone) != 0;
		zones += is_new;
	}
	return zones;
}

/* The node's zone if it matters to the service; else "". */
static const char *
service_zone(struct service *service, const struct config_service *config,
    const char *zone)
{
	if (zone[0] == '\0' ||
	    (balance_hashes(config->settings.balance) &&
		!config->settings.zone_affinity))
		return "";
	service->zones = count_zones(config);
	return service->zones > 0 ? zone : "";
}

static enum backend_set
set_of(const struct config_backend *config, const char *zone)
{
	if (config->backup)
		return SET_BACKUP;
	return zone[0] == '\0' || strcmp(config->zone, zone) == 0 ? SET_NEAR
								  : SET_FAR;
}

/* Records the order in the file of the backends, which are sorted by name. */
static int
service_set_order(struct service *service,
    const struct config_backend *const *sorted)
{
	service->order = calloc(service->backends, sizeof(*service->order));
	if (service->order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < service->backends; i++) {
		assert(sorted[i]->order < service->backends);
		service->order[sorted[i]->order] = (uint16_t)i;
	}
	return 0;
}

/* Sorts a service's backends by name. */
static int
config_backend_compare(const void *a, const void *b)
{
	const struct config_backend *const *x = a;
	const struct config_backend *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The service that it will replace, or NULL. */
static const struct service *
service_before(const struct tables *tables, const struct service *service)
{
	const struct table *table = atomic_load_explicit(&tables->current,
	    memory_order_relaxed);

	return table != NULL ? table_service_of(table, service->state) : NULL;
}

/* A backend that joins a running service is checked first, and with `init` all
 * backends of a new service are.  A removed backend that still has conns is the
 * same object when it comes back, and its health is unknown as well. */
static void
let_join(const struct service *service, const struct service *before,
    struct backend *backend)
{
	if (service->settings.check.kind == CHECK_NONE)
		backend_set_joining(backend, false);
	else if (before == NULL ? service->settings.check.init != CHECK_INIT_UP
				: !names(before, backend))
		backend_set_joining(backend, true);
}

static int
service_set_backends(struct service *service, const struct building *building,
    const struct config_service *config)
{
	struct tables *tables = building->tables;
	const char *zone = service_zone(service, config, building->zone);
	size_t count = config->backends;
	const struct config_backend **order = calloc(count, sizeof(*order));
	const struct service *before = service_before(tables, service);
	int rc = -ENOMEM;

	assert(count > 0);
	service->backend = calloc(count, sizeof(*service->backend));
	service->check = calloc(count, sizeof(*service->check));
	if (!order || !service->backend || !service->check)
		goto out;
	service->backends = count;
	for (size_t i = 0; i < count; i++)
		order[i] = &config->backend[i];
	qsort(order, count, sizeof(*order), config_backend_compare);
	for (size_t i = 0; i < count; i++) {
		enum backend_set set = set_of(order[i], zone);

		service_check_set(&service->check[i], order[i],
		    &config->settings.agent);
		service->backend[i].agent = service->check[i].agent.len != 0;
		service->agents |= service->backend[i].agent;
		service->backend[i].weight = order[i]->weight;
		service->backend[i].maxconn = order[i]->maxconn;
		service->limited |= order[i]->maxconn != 0 ||
		    service->backend[i].agent;
		service->backend[i].send_proxy = config_send_proxy(config,
		    order[i]);
		service->backend[i].set = set;
		service->backend[i].has_host = order[i]->of_name != 0;
		service->members[set]++;
		service->backend[i].backend = tables_backend_get(tables,
		    building->sorted, config->name, order[i]);
		if (service->backend[i].backend == NULL)
			goto out;
		let_join(service, before, service->backend[i].backend);
	}
	rc = service->settings.balance == BALANCE_FIRST
	    ? service_set_order(service, order)
	    : 0;
out:
	free(order);
	return rc;
}

/* Gives the service's state a queue if it needs one and has none. */
static int
service_set_waitqueue(const struct service *service)
{
	struct service_state *state = service->state;
	struct waitqueue *queue;

	if (!service->queues || atomic_load(&state->waitqueue) != NULL)
		return 0;
	if ((queue = waitqueue_new(state->workers)) == NULL)
		return -ENOMEM;
	atomic_store(&state->waitqueue, queue);
	return 0;
}

static int
service_new(struct service **out, const struct building *building,
    const struct config_service *config)
{
	struct tables *tables = building->tables;
	struct service *service = calloc(1, sizeof(*service));
	const struct policy *policy = policy_of(config->settings.balance);
	int rc = -ENOMEM;

	if (service == NULL)
		return rc;
	service->settings = config->settings;
	if (config->settings.conn.timeout_queue_ms == 0)
		service->settings.conn.timeout_queue_ms =
		    config->settings.conn.timeout_connect_ms;
	service->seed = *building->seed;
	service->changes = &tables->changes;
	service->state = tables_state_get(tables, config->name);
	if (service->state == NULL)
		goto fail;
	service->terms = service_state_terms(service->state,
	    &service->settings.conn);
	if (service->terms == NULL)
		goto fail;
	rc = routes_build(&tables->states, service, config);
	if (rc == 0)
		rc = service_set_backends(service, building, config);
	service->queues = service->limited ||
	    service->settings.conn.wait_for_backend_ms > 0 ||
	    service->settings.over_limit == OVER_LIMIT_WAIT;
	if (rc == 0)
		rc = service_set_waitqueue(service);
	if (rc == 0)
		rc = table_access_set(service, config->access);
	if (rc < 0)
		goto fail;
	rc = policy->build != NULL ? policy->build(service) : 0;
	if (rc < 0)
		goto fail;
	service->checksum = checksum_service(service);
	rc = pins_build(service, service_before(tables, service),
	    timer_now_ms());
	if (rc < 0)
		goto fail;
	*out = service;
	return 0;
fail:
	service_free(service);
	return rc;
}

static void
table_free(struct table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->ids; i++)
		service_free(table->service[i]);
	free(table->service);
	free(table);
}

/* Puts the service at its id. */
static int
table_add(struct table *table, struct service *service)
{
	size_t id = service->state->id;
	struct service **services;

	if (id >= table->ids) {
		services = reallocarray(table->service, id + 1,
		    sizeof(*services));
		if (services == NULL)
			return -ENOMEM;
		memset(services + table->ids, 0,
		    (id + 1 - table->ids) * sizeof(*services));
		table->service = services;
		table->ids = id + 1;
	}
	assert(table->service[id] == NULL);
	table->service[id] = service;
	return 0;
}

static int
table_new(struct table **out, struct tables *tables,
    const struct config *config, const struct hash_key *seed)
{
	/* New backends are appended unsorted: names are unique within one
	 * configuration, so they need not be found. */
	const struct building building = {
		.tables = tables,
		.sorted = tables->backends_count,
		.zone = config->zone,
		.seed = seed,
	};
	struct table *table = calloc(1, sizeof(*table));
	int rc = 0;

	if (table == NULL)
		return -ENOMEM;
	table->generation = tables->generation + 1;
	for (size_t i = 0; i < config->services; i++) {
		struct service *service;

		rc = service_new(&service, &building, &config->service[i]);
		if (rc < 0)
			break;
		rc = table_add(table, service);
		if (rc < 0) {
			service_free(service);
			break;
		}
	}
	if (tables->backends_count > building.sorted)
		qsort(tables->backends, tables->backends_count,
		    sizeof(struct backend *), backend_pointer_compare);
	if (rc < 0) {
		table_free(table);
		return rc;
	}
	*out = table;
	return 0;
}

void
tables_init(struct tables *tables, unsigned workers)
{
	assert(workers > 0 && workers <= TABLE_WORKERS_MAX);
	memset(tables, 0, sizeof(*tables));
	tables->workers = workers;
	states_init(&tables->states, workers);
	atomic_init(&tables->current, NULL);
}

void
tables_done(struct tables *tables)
{
	table_free(atomic_load_explicit(&tables->current,
	    memory_order_acquire));
	atomic_store_explicit(&tables->current, NULL, memory_order_release);
	for (size_t i = 0; i < tables->backends_count; i++)
		backend_free(tables->backends[i]);
	states_done(&tables->states);
	free(tables->backends);
	tables->backends = NULL;
	tables->backends_count = tables->backends_room = 0;
}

struct backend *
tables_restore_backend(struct tables *tables, const char *service,
    const char *name, const struct addr *addr)
{
	struct backend *backend = backend_add(tables, service, name, addr);
	size_t i = tables->backends_count;

	if (backend == NULL)
		return NULL;
	for (i--; i > 0 &&
	     backend_compare(tables->backends[i - 1], service, name) > 0;
	     i--)
		tables->backends[i] = tables->backends[i - 1];
	tables->backends[i] = backend;
	return backend;
}

int
tables_prepare(struct tables *tables, const struct config *config,
    const struct hash_key *seed, struct table **table)
{
	int rc = table_new(table, tables, config, seed);

	if (rc < 0)
		tables_sweep(tables);
	return rc;
}

void
tables_discard(struct tables *tables, struct table *table)
{
	table_free(table);
	tables_sweep(tables);
}

/* Records in each backend which table it is in, and where.  A worker that still
 * sees the old table does not count in the trees (loads.h), so they are read
 * again once all workers see the new one. */
static void
mark_backends(const struct table *table)
{
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		for (size_t i = 0; service != NULL && i < service->backends;
		     i++) {
			struct backend *backend = service->backend[i].backend;

			backend->generation = table->generation;
			atomic_store_explicit(&backend->place, (uint32_t)i,
			    memory_order_relaxed);
		}
	}
}

/* The backend of that name in the table before, or NULL. */
static const struct backend *
predecessor(const struct table *before, const struct service *service,
    const struct backend *backend)
{
	const struct service *was = before != NULL
	    ? table_service_of(before, service->state)
	    : NULL;

	for (size_t i = 0; was != NULL && i < was->backends; i++)
		if (strcmp(was->backend[i].backend->name, backend->name) == 0)
			return was->backend[i].backend;
	return NULL;
}

/* A backend that was not in the table before.  One that was removed and is
 * added again is new to an operator, even if conns have kept its object: drain
 * and maint are over.  One whose host name has another address now is as the
 * operator has set it. */
static void
welcome(struct backend *backend, const struct backend *before)
{
	const uint32_t now = atomic_load_explicit(&backend->admin,
	    memory_order_relaxed);
	const uint32_t admin = before != NULL ? atomic_load(&before->admin)
					      : ADMIN_READY;

	if (now == admin)
		return;
	atomic_store_explicit(&backend->admin_cause,
	    before != NULL ? atomic_load(&before->admin_cause)
			   : ADMIN_CAUSE_RELOAD,
	    memory_order_relaxed);
	backend_set_admin(backend, (enum admin_state)admin, timer_now_ms());
	backend->admin_since_ms = before != NULL ? before->admin_since_ms
						 : timer_now_ms();
}

static void
welcome_all(const struct table *table, const struct table *before,
    uint64_t generation)
{
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *service = table->service[id];

		for (size_t i = 0; service != NULL && i < service->backends;
		     i++) {
			struct backend *backend = service->backend[i].backend;

			if (backend->generation != generation)
				welcome(backend,
				    service->backend[i].has_host
					? predecessor(before, service, backend)
					: NULL);
		}
	}
}

void
tables_commit(struct tables *tables, struct table *table)
{
	struct table *old = atomic_load_explicit(&tables->current,
	    memory_order_relaxed);

	welcome_all(table, old, tables->generation);
	tables->generation = table->generation;
	mark_backends(table);
	atomic_store_explicit(&tables->current, table, memory_order_release);
	rcu_wait();
	atomic_fetch_add(&tables->changes, 1);
	table_free(old);
	tables_sweep(tables);
}

int
tables_publish(struct tables *tables, const struct config *config,
    const struct hash_key *seed)
{
	struct table *table;
	int rc = tables_prepare(tables, config, seed, &table);

	if (rc == 0)
		tables_commit(tables, table);
	return rc;
}

/* Marks the objects that nothing uses; returns how many there are. */
static size_t
retire(struct tables *tables)
{
	const struct table *table = table_current(tables);
	size_t count = 0;

	for (size_t i = 0; i < tables->backends_count; i++) {
		struct backend *backend = tables->backends[i];

		backend->retired = backend_is_unused(backend);
		count += backend->retired;
	}
	count += states_retire(&tables->states);
	for (size_t i = 0; table != NULL && i < table->ids; i++)
		if (table->service[i] != NULL)
			count += pins_expire(table->service[i]->pins,
			    timer_now_ms());
	return count;
}

static void
bury(struct tables *tables)
{
	const struct table *table = table_current(tables);
	size_t kept = 0;

	for (size_t i = 0; i < tables->backends_count; i++) {
		if (tables->backends[i]->retired)
			backend_free(tables->backends[i]);
		else
			tables->backends[kept++] = tables->backends[i];
	}
	tables->backends_count = kept;
	states_bury(&tables->states);
	for (size_t i = 0; table != NULL && i < table->ids; i++)
		if (table->service[i] != NULL)
			pins_bury(table->service[i]->pins);
}

size_t
tables_sweep(struct tables *tables)
{
	size_t count = retire(tables);

	if (count > 0) {
		rcu_wait();
		bury(tables);
	}
	return count;
}

struct service_state *
table_state(const struct table *table, const char *name)
{
	for (size_t i = 0; table != NULL && i < table->ids; i++)
		if (table->service[i] != NULL &&
		    strcmp(table->service[i]->state->name, name) == 0)
			return table->service[i]->state;
	return NULL;
}

struct service_state *
tables_state(const struct tables *tables, const char *name)
{
	return table_state(table_current(tables), name);
}
