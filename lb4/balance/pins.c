/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Pins and pasts.
 *
 * The table of pins uses open addressing, with two words per entry:
 *
 *	tag	the client's hash; 0: never used; 1: being claimed
 *	value	the backend's id (0: given up) and when it was last used
 *
 * An entry goes from 0, or from an expired pin, to 1 by compare-and-swap, gets
 * its value, and then its tag (release; the reader's load is the acquire).  It
 * never becomes empty again, so a search ends at the first 0.  The value
 * changes only by compare-and-swap: a worker with a stale value changes
 * nothing.  Two workers may pin one client twice, to the same backend: the
 * first entry found counts, the other expires.
 */
#include "lb4/balance/pins.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/balance/activity.h"
#include "lb4/balance/maglev.h"
#include "lb4/balance/pins_parts.h"
#include "lb4/balance/placing.h"
#include "lb4/model/service.h"

#define PLACES_MIN 1024
#define PROBES_MAX 64

/* ---- the table of pins ----------------------------------------------- */

static uint32_t
places_for(uint32_t clients)
{
	uint32_t places = PLACES_MIN;

	while (places < clients)
		places *= 2;
	return places;
}

struct pin_table *
pin_table_new(uint32_t places)
{
	struct pin_table *table = calloc(1,
	    sizeof(*table) + places * sizeof(table->entry[0]));

	if (table == NULL)
		return NULL;
	table->refs = 1;
	table->places = places;
	return table;
}

void
pin_table_unref(struct pin_table *table)
{
	if (table != NULL && --table->refs == 0)
		free(table);
}

static uint64_t
tag_of(uint64_t hash)
{
	return hash > PIN_TAG_BUSY ? hash : hash + PIN_TAG_BUSY + 1;
}

/* How long ago it was used; a worker's clock may be behind another's. */
static uint64_t
value_age_ms(uint64_t value, uint64_t now_ms)
{
	int32_t age = (int32_t)((uint32_t)(now_ms >> PIN_UNIT_SHIFT) -
	    (uint32_t)value);

	return age > 0 ? (uint64_t)age << PIN_UNIT_SHIFT : 0;
}

/* The pin's entry, and its value; NULL if there is none. */
static struct pin_entry *
table_find(struct pin_table *table, uint64_t tag, uint64_t *value)
{
	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct pin_entry *entry =
		    &table->entry[(tag + i) & (table->places - 1)];
		uint64_t found = atomic_load_explicit(&entry->tag,
		    memory_order_acquire);

		if (found == PIN_TAG_NONE)
			return NULL;
		if (found != tag)
			continue;
		*value = atomic_load_explicit(&entry->value,
		    memory_order_relaxed);
		return entry;
	}
	return NULL;
}

/* Makes an entry the caller's, if it is free or has expired. */
static bool
entry_claim(struct pin_entry *entry, uint64_t now_ms, unsigned time_ms)
{
	uint64_t tag = atomic_load_explicit(&entry->tag, memory_order_acquire);
	uint64_t value = atomic_load_explicit(&entry->value,
	    memory_order_relaxed);

	if (tag == PIN_TAG_BUSY)
		return false;
	if (tag != PIN_TAG_NONE && value_age_ms(value, now_ms) <= time_ms)
		return false;
	return atomic_compare_exchange_strong_explicit(&entry->tag, &tag,
	    PIN_TAG_BUSY, memory_order_acquire, memory_order_relaxed);
}

void
pin_table_put(struct pin_table *table, uint64_t tag, uint64_t value,
    uint64_t now_ms, unsigned time_ms)
{
	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct pin_entry *entry =
		    &table->entry[(tag + i) & (table->places - 1)];

		if (!entry_claim(entry, now_ms, time_ms))
			continue;
		atomic_store_explicit(&entry->value, value,
		    memory_order_relaxed);
		atomic_store_explicit(&entry->tag, tag, memory_order_release);
		return;
	}
	(void)atomic_fetch_add_explicit(&table->refused, 1,
	    memory_order_relaxed);
}

/* Gives a pin that is there another value, unless another worker has. */
static void
table_change(struct pin_table *table, uint64_t tag, uint32_t id,
    uint64_t now_ms)
{
	uint64_t value;
	struct pin_entry *entry = table_find(table, tag, &value);

	if (entry == NULL ||
	    (pin_value_id(value) == id && value_age_ms(value, now_ms) == 0))
		return;
	(void)atomic_compare_exchange_strong_explicit(&entry->value, &value,
	    pin_value_of(id, now_ms), memory_order_relaxed,
	    memory_order_relaxed);
}

/* A table of another size takes over the pins that have not expired. */
static void
table_copy(struct pin_table *to, struct pin_table *from, uint64_t now_ms,
    unsigned time_ms)
{
	for (uint32_t i = 0; i < from->places; i++) {
		uint64_t tag = atomic_load_explicit(&from->entry[i].tag,
		    memory_order_acquire);
		uint64_t value = atomic_load_explicit(&from->entry[i].value,
		    memory_order_relaxed);

		if (tag > PIN_TAG_BUSY &&
		    value_age_ms(value, now_ms) <= time_ms)
			pin_table_put(to, tag, value, now_ms, time_ms);
	}
}

/* ---- pasts ----------------------------------------------------------- */

void
past_unref(struct past *past)
{
	if (past == NULL || --past->refs > 0)
		return;
	activity_unref(past->activity);
	for (int set = 0; set < BACKEND_SETS; set++)
		free(past->service.maglev[set]);
	free(past->service.backend);
	free(past->backends);
	free(past);
}

static struct maglev *
maglev_copy(const struct maglev *maglev)
{
	size_t size = sizeof(*maglev) + maglev->size * sizeof(maglev->slot[0]);
	struct maglev *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, maglev, size);
	return copy;
}

/* The backends with their states at this moment. */
static int
past_set_backends(struct past *past, const struct service *old)
{
	size_t count = old->backends;

	past->backends = aligned_alloc(_Alignof(struct backend),
	    count * sizeof(*past->backends));
	past->service.backend = calloc(count, sizeof(*past->service.backend));
	if (past->backends == NULL || past->service.backend == NULL)
		return -ENOMEM;
	memset(past->backends, 0, count * sizeof(*past->backends));
	for (size_t i = 0; i < count; i++) {
		const struct backend *from = old->backend[i].backend;
		struct backend *to = &past->backends[i];
		const struct backend_parts parts = backend_parts(from);

		to->id = from->id;
		to->addr = from->addr;
		backend_copy_parts(to, &parts,
		    atomic_load_explicit(&from->agent_said,
			memory_order_acquire));
		past->service.backend[i] = old->backend[i];
		past->service.backend[i].backend = to;
	}
	past->service.backends = count;
	return 0;
}

/* Its places: everything that a pick by hash reads. */
static int
past_set_places(struct past *past, const struct service *old)
{
	struct service *service = &past->service;

	service->settings.balance = old->settings.balance;
	service->zones = old->zones;
	service->agents = old->agents;
	service->seed = old->seed;
	service->settings.source_prefix4 = old->settings.source_prefix4;
	service->settings.source_prefix6 = old->settings.source_prefix6;
	memcpy(service->members, old->members, sizeof(service->members));
	for (int set = 0; set < BACKEND_SETS; set++) {
		if (old->maglev[set] == NULL)
			continue;
		service->maglev[set] = maglev_copy(old->maglev[set]);
		if (service->maglev[set] == NULL)
			return -ENOMEM;
	}
	return past_set_backends(past, old);
}

static struct past *
past_new(const struct service *old, unsigned time_ms, uint64_t now_ms)
{
	struct past *past = calloc(1, sizeof(*past));

	if (past == NULL)
		return NULL;
	past->refs = 1;
	past->at_ms = now_ms;
	past->until_ms = now_ms + time_ms;
	past->time_ms = old->pins->time_ms;
	past->activity = activity_ref(old->pins->activity);
	if (past_set_places(past, old) == 0)
		return past;
	past_unref(past);
	return NULL;
}

/* The id of the client's backend then; 0 if it was not active, or had none. */
static uint32_t
past_backend(const struct past *past, const struct pick *pick)
{
	const struct pick again = { .client = pick->client };
	struct scope scope = {
		.hash = placing_hash(&past->service, &again),
		.check_health = true,
	};
	uint32_t limit;
	int index;

	if (!activity_has(past->activity, scope.hash, past->at_ms,
		past->time_ms))
		return 0;
	index = placing_choose(&past->service, &again, &scope, &limit);
	return index >= 0 ? past->backends[index].id : 0;
}

static size_t
past_memory(const struct past *past)
{
	size_t bytes = sizeof(*past) + activity_memory(past->activity) +
	    past->service.backends *
		(sizeof(*past->backends) + sizeof(*past->service.backend));

	for (int set = 0; set < BACKEND_SETS; set++)
		if (past->service.maglev[set] != NULL)
			bytes += past->service.maglev[set]->size *
			    sizeof(past->service.maglev[set]->slot[0]);
	return bytes;
}

/* ---- control's part -------------------------------------------------- */

static int
by_id_compare(const void *a, const void *b)
{
	const struct by_id *x = a;
	const struct by_id *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int
set_by_id(struct pins *pins, const struct service *service)
{
	pins->by_id = calloc(service->backends, sizeof(*pins->by_id));
	if (pins->by_id == NULL)
		return -ENOMEM;
	pins->backends = service->backends;
	for (size_t i = 0; i < pins->backends; i++) {
		pins->by_id[i].id = service->backend[i].backend->id;
		pins->by_id[i].index = (uint16_t)i;
	}
	qsort(pins->by_id, pins->backends, sizeof(*pins->by_id), by_id_compare);
	return 0;
}

/* Whether every client has the same place, whichever backends are up. */
static bool
same_places(const struct service *a, const struct service *b)
{
	if (a->checksum != b->checksum || a->zones != b->zones ||
	    a->backends != b->backends)
		return false;
	for (size_t i = 0; i < a->backends; i++)
		if (a->backend[i].set != b->backend[i].set)
			return false;
	return true;
}

/* The old service's pasts follow the new one, as many as there is room for. */
static void
inherit_pasts(struct pins *pins, unsigned from, const struct pins *old,
    uint64_t now_ms)
{
	for (unsigned i = 0; i < PINS_PASTS_MAX && from < PINS_PASTS_MAX; i++) {
		struct past *past = atomic_load_explicit(&old->past[i],
		    memory_order_relaxed);

		if (past == NULL || now_ms >= past->until_ms)
			continue;
		past->refs++;
		atomic_init(&pins->past[from++], past);
	}
}

/* The table of pins: the old one if its size is right, or a copy of its
 * pins. */
static int
inherit_table(struct pins *pins, struct pin_table *old, uint32_t places,
    uint64_t now_ms)
{
	if (old != NULL && old->places == places) {
		old->refs++;
		pins->table = old;
		return 0;
	}
	if (old == NULL &&
	    atomic_load_explicit(&pins->past[0], memory_order_relaxed) == NULL)
		return 0;
	pins->table = pin_table_new(places);
	if (pins->table == NULL)
		return -ENOMEM;
	if (old != NULL)
		table_copy(pins->table, old, now_ms, pins->time_ms);
	return 0;
}

static int
inherit(struct pins *pins, const struct service *service,
    const struct service *old, uint64_t now_ms)
{
	bool same = same_places(service, old) &&
	    activity_is_for(old->pins->activity, service->settings.pin_clients);
	struct past *past;

	if (same) {
		pins->activity = activity_ref(old->pins->activity);
	} else {
		pins->activity = activity_new(service->settings.pin_clients,
		    now_ms);
		past = past_new(old, pins->time_ms, now_ms);
		atomic_init(&pins->past[0], past);
		if (pins->activity == NULL || past == NULL)
			return -ENOMEM;
	}
	inherit_pasts(pins, same ? 0 : 1, old->pins, now_ms);
	return inherit_table(pins, old->pins->table,
	    places_for(service->settings.pin_clients), now_ms);
}

int
pins_build(struct service *service, const struct service *old, uint64_t now_ms)
{
	struct pins *pins;

	if (service->settings.pin_on_change_ms == 0)
		return 0;
	assert(service->settings.balance == BALANCE_SOURCE);
	pins = calloc(1, sizeof(*pins));
	if (pins == NULL)
		return -ENOMEM;
	service->pins = pins;
	pins->time_ms = service->settings.pin_on_change_ms;
	if (set_by_id(pins, service) < 0)
		return -ENOMEM;
	if (old != NULL && old->pins != NULL)
		return inherit(pins, service, old, now_ms);
	pins->activity = activity_new(service->settings.pin_clients, now_ms);
	return pins->activity != NULL ? 0 : -ENOMEM;
}

void
pins_free(struct pins *pins)
{
	if (pins == NULL)
		return;
	pins_bury(pins);
	for (unsigned i = 0; i < PINS_PASTS_MAX; i++)
		past_unref(atomic_load_explicit(&pins->past[i],
		    memory_order_relaxed));
	activity_unref(pins->activity);
	pin_table_unref(pins->table);
	free(pins->by_id);
	free(pins);
}

size_t
pins_expire(struct pins *pins, uint64_t now_ms)
{
	size_t count = 0;

	for (unsigned i = 0; pins != NULL && i < PINS_PASTS_MAX; i++) {
		struct past *past = atomic_load_explicit(&pins->past[i],
		    memory_order_relaxed);

		if (past == NULL || now_ms < past->until_ms)
			continue;
		assert(pins->buried[i] == NULL);
		pins->buried[i] = past;
		atomic_store_explicit(&pins->past[i], NULL,
		    memory_order_release);
		count++;
	}
	return count;
}

void
pins_bury(struct pins *pins)
{
	for (unsigned i = 0; pins != NULL && i < PINS_PASTS_MAX; i++) {
		past_unref(pins->buried[i]);
		pins->buried[i] = NULL;
	}
}

static void
report_table(const struct pins *pins, uint64_t now_ms,
    struct pins_report *report)
{
	const struct pin_table *table = pins->table;

	report->places = table->places;
	report->refused = atomic_load_explicit(&table->refused,
	    memory_order_relaxed);
	report->memory += sizeof(*table) +
	    table->places * sizeof(table->entry[0]);
	for (uint32_t i = 0; i < table->places; i++) {
		uint64_t tag = atomic_load_explicit(&table->entry[i].tag,
		    memory_order_acquire);
		uint64_t value = atomic_load_explicit(&table->entry[i].value,
		    memory_order_relaxed);

		if (tag <= PIN_TAG_BUSY ||
		    value_age_ms(value, now_ms) > pins->time_ms)
			continue;
		if (pin_value_id(value) != 0)
			report->pinned++;
		else
			report->given_up++;
	}
}

void
pins_report(const struct pins *pins, uint64_t now_ms,
    struct pins_report *report)
{
	memset(report, 0, sizeof(*report));
	if (pins == NULL)
		return;
	report->memory = sizeof(*pins) + activity_memory(pins->activity) +
	    pins->backends * sizeof(*pins->by_id);
	if (pins->table != NULL)
		report_table(pins, now_ms, report);
	for (unsigned i = 0; i < PINS_PASTS_MAX; i++) {
		const struct past *past = atomic_load_explicit(&pins->past[i],
		    memory_order_acquire);

		if (past == NULL)
			continue;
		report->memory += past_memory(past);
		if (now_ms >= past->until_ms)
			continue;
		report->pasts++;
		if (past->until_ms > report->until_ms)
			report->until_ms = past->until_ms;
	}
}

/* ---- the workers' part ----------------------------------------------- */

/* The service's backend of that id, or -1. */
static int
index_of(const struct pins *pins, uint32_t id)
{
	size_t low = 0, high = pins->backends;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pins->by_id[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == pins->backends || pins->by_id[low].id != id)
		return -1;
	return pins->by_id[low].index;
}

static bool
is_available(const struct service *service, int index)
{
	return index >= 0 && service_backend_takes(&service->backend[index]);
}

/*
 * Where the client was when a table was replaced, or -1.  The oldest past
 * decides: a client that was active then, and in later pasts too, has not moved
 * since, or has a pin.  A later past would be wrong, by its filters' false
 * positives, about some clients that were not active.  If that backend cannot
 * be used, though, the client has moved on, and a later past knows where.
 */
static int
find_in_pasts(const struct service *service, const struct pick *pick)
{
	const struct pins *pins = service->pins;

	for (unsigned i = PINS_PASTS_MAX; i-- > 0;) {
		const struct past *past = atomic_load_explicit(&pins->past[i],
		    memory_order_acquire);
		uint32_t id;
		int index;

		if (past == NULL || pick->now_ms >= past->until_ms)
			continue;
		id = past_backend(past, pick);
		index = id != 0 ? index_of(pins, id) : -1;
		if (is_available(service, index))
			return index;
	}
	return -1;
}

/* A unix client is a new one each time. */
static bool
has_address(const struct pick *pick)
{
	return pick->client.family == AF_INET ||
	    pick->client.family == AF_INET6;
}

void
pins_find(const struct service *service, const struct pick *pick, uint64_t hash,
    struct pin *pin)
{
	const struct pins *pins = service->pins;
	uint64_t value;

	*pin = (struct pin){ .index = -1, .hash = hash };
	if (pins->table == NULL || !has_address(pick))
		return;
	if (table_find(pins->table, tag_of(hash), &value) != NULL &&
	    value_age_ms(value, pick->now_ms) <= pins->time_ms) {
		pin->stored = pin->moved = true;
		if (pin_value_id(value) != 0)
			pin->index = index_of(pins, pin_value_id(value));
		return;
	}
	pin->index = find_in_pasts(service, pick);
}

void
pins_note(const struct service *service, const struct pick *pick,
    const struct pin *pin, int index)
{
	const struct pins *pins = service->pins;
	uint64_t now_ms = pick->now_ms;
	uint64_t tag = tag_of(pin->hash);
	uint32_t id;

	if (!has_address(pick))
		return;
	activity_add(pins->activity, pin->hash, now_ms, pins->time_ms);
	if (pin->index < 0)
		return;
	id = service->backend[pin->index].backend->id;
	if (pin->stored)
		table_change(pins->table, tag, pin->lost ? 0 : id, now_ms);
	else if (pin->moved && index == pin->index)
		pin_table_put(pins->table, tag, pin_value_of(id, now_ms),
		    now_ms, pins->time_ms);
}
