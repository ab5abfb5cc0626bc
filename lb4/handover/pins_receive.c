/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the new process learns of pins: see pins.h. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/timer.h"
#include "lb4/balance/activity.h"
#include "lb4/balance/maglev.h"
#include "lb4/balance/pins.h"
#include "lb4/balance/pins_parts.h"
#include "lb4/handover/pins.h"
#include "lb4/handover/receive_parts.h"
#include "lb4/table/table.h"

/* More than any table has (maglev.c). */
#define SLOTS_MAX (UINT64_C(1) << 22)
#define BACKENDS_MAX UINT16_MAX
#define PLACES_MAX (UINT32_C(1) << 31)

struct received_past {
	uint32_t service; /* id in the old process */
	bool present;
	struct past *past;	 /* owned; NULL: it made no sense */
	struct pin_table *table; /* owned; the present one's; may be NULL */
	uint64_t backends;	 /* received so far */
	uint64_t slots[BACKEND_SETS];
};

/* ---- receiving ----------------------------------------------------------- */

static bool
is_sound(const struct handover_past *record)
{
	if (record->backends == 0 || record->backends > BACKENDS_MAX ||
	    record->time_ms == 0 || record->time_ms > UINT32_MAX ||
	    record->prefix4 > 32 || record->prefix6 > 128)
		return false;
	for (int set = 0; set < BACKEND_SETS; set++)
		if (record->slots[set] > SLOTS_MAX)
			return false;
	return true;
}

static int
make_service(struct past *past, const struct handover_past *record)
{
	struct service *service = &past->service;
	const size_t count = record->backends;

	service->settings.balance = BALANCE_SOURCE;
	service->settings.source_prefix4 = record->prefix4;
	service->settings.source_prefix6 = record->prefix6;
	service->zones = record->zones;
	memcpy(&service->seed, record->seed, sizeof(service->seed));
	service->checksum = record->checksum;
	service->backends = count;
	service->backend = calloc(count, sizeof(*service->backend));
	past->backends = aligned_alloc(_Alignof(struct backend),
	    count * sizeof(*past->backends));
	if (service->backend == NULL || past->backends == NULL)
		return -ENOMEM;
	memset(past->backends, 0, count * sizeof(*past->backends));
	for (size_t i = 0; i < count; i++)
		service->backend[i].backend = &past->backends[i];
	for (int set = 0; set < BACKEND_SETS; set++) {
		struct maglev *maglev;

		if (record->slots[set] == 0)
			continue;
		maglev = calloc(1,
		    sizeof(*maglev) +
			record->slots[set] * sizeof(maglev->slot[0]));
		if (maglev == NULL)
			return -ENOMEM;
		maglev->size = (uint32_t)record->slots[set];
		service->maglev[set] = maglev;
	}
	return 0;
}

static struct past *
make_past(const struct handover_past *record)
{
	const struct activity_shape shape = {
		.bits = record->bits,
		.begun_ms = record->active_begun_ms,
	};
	struct past *past = calloc(1, sizeof(*past));

	if (past == NULL)
		return NULL;
	past->refs = 1;
	past->at_ms = record->at_ms;
	past->until_ms = record->until_ms;
	past->time_ms = (unsigned)record->time_ms;
	past->activity = activity_restore(&shape);
	if (past->activity != NULL && make_service(past, record) == 0)
		return past;
	past_unref(past);
	return NULL;
}

static int
on_past(struct receive *receive)
{
	struct received_past *list, *received;
	struct handover_past record;
	int error = link_read(&receive->link, &handover_past_kind, &record);

	if (error < 0)
		return error;
	list = receive_append(receive->past, &receive->pasts, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	receive->past = list;
	received = &list[receive->pasts - 1];
	received->service = record.service;
	received->present = record.present != 0;
	received->past = is_sound(&record) ? make_past(&record) : NULL;
	return 0;
}

/* The past that the messages are about now; NULL: there is none. */
static struct received_past *
latest(const struct receive *receive)
{
	return receive->pasts > 0 ? &receive->past[receive->pasts - 1] : NULL;
}

static void
drop(struct received_past *received)
{
	past_unref(received->past);
	received->past = NULL;
}

/* Whether `count` elements from `first` on follow the `have` that have come,
 * and are in a list of `all`. */
static bool
follows(uint64_t first, uint64_t count, uint64_t have, uint64_t all)
{
	return first == have && count <= all - have;
}

/* The id here of a backend of the old process; 0: it is not here. */
static uint32_t
id_here(const struct receive *receive, uint64_t id)
{
	const struct received_backend *found = id <= UINT32_MAX
	    ? receive_backend(receive, (uint32_t)id)
	    : NULL;

	return found != NULL ? found->backend->id : 0;
}

static int
on_backends(struct receive *receive, struct received_past *received)
{
	struct past *past = received->past;
	struct handover_past_backends record;
	int error = link_read(&receive->link, &handover_past_backends_kind,
	    &record);

	if (error < 0)
		return error;
	if (record.count > HANDOVER_BACKENDS ||
	    !follows(record.first, record.count, received->backends,
		past->service.backends)) {
		drop(received);
		return 0;
	}
	for (size_t n = 0; n < record.count; n++) {
		const size_t i = received->backends++;
		struct service_backend *entry = &past->service.backend[i];

		if (record.set[n] >= BACKEND_SETS) {
			drop(received);
			return 0;
		}
		entry->weight = (unsigned)record.weight[n];
		entry->set = (enum backend_set)record.set[n];
		past->service.members[entry->set]++;
		/* as yet the old process's */
		past->backends[i].id = (uint32_t)record.id[n];
		/* any address: one without gets no clients */
		past->backends[i].addr.len = sizeof(struct sockaddr_in);
		atomic_init(&past->backends[i].health,
		    (uint32_t)record.health[n]);
		atomic_init(&past->backends[i].admin,
		    (uint32_t)record.admin[n] & ~(uint32_t)HANDOVER_JOINING);
		atomic_init(&past->backends[i].joining,
		    (record.admin[n] & HANDOVER_JOINING) != 0);
	}
	return 0;
}

static int
on_slots(struct receive *receive, struct received_past *received)
{
	struct handover_past_slots record;
	struct maglev *maglev = NULL;
	int error = link_read(&receive->link, &handover_past_slots_kind,
	    &record);

	if (error < 0)
		return error;
	if (record.set < BACKEND_SETS)
		maglev = received->past->service.maglev[record.set];
	if (maglev == NULL || record.count > HANDOVER_SLOTS ||
	    !follows(record.first, record.count, received->slots[record.set],
		maglev->size)) {
		drop(received);
		return 0;
	}
	for (size_t n = 0; n < record.count; n++) {
		const unsigned slot = record.slot[2 * n] |
		    (unsigned)record.slot[2 * n + 1] << 8;

		if (slot >= received->past->service.backends) {
			drop(received);
			return 0;
		}
		maglev->slot[received->slots[record.set]++] = (uint16_t)slot;
	}
	return 0;
}

static int
on_active(struct receive *receive, struct received_past *received)
{
	struct handover_past_active record;
	int error = link_read(&receive->link, &handover_past_active_kind,
	    &record);

	if (error == 0 &&
	    (record.count > HANDOVER_WORDS ||
		!activity_write(received->past->activity, record.before != 0,
		    record.first, record.word, record.count)))
		drop(received);
	return error;
}

/* Pins of the table that came last. */
static int
on_pins(struct receive *receive, struct received_past *received)
{
	struct handover_pins record;
	uint64_t now_ms = timer_now_ms();
	int error = link_read(&receive->link, &handover_pins_kind, &record);

	if (error < 0 || !received->present ||
	    record.service != received->service ||
	    record.count > HANDOVER_PINS || record.places > PLACES_MAX ||
	    record.places == 0 || (record.places & (record.places - 1)) != 0)
		return error;
	if (received->table == NULL) {
		received->table = pin_table_new((uint32_t)record.places);
		if (received->table == NULL)
			return -ENOMEM;
		atomic_init(&received->table->refused, record.refused);
	}
	for (size_t i = 0; i < record.count; i++) {
		const uint64_t value = record.value[i];
		const uint32_t id = id_here(receive, pin_value_id(value));

		if (record.tag[i] <= PIN_TAG_BUSY ||
		    (id == 0 && pin_value_id(value) != 0))
			continue;
		pin_table_put(received->table, record.tag[i],
		    (uint64_t)id << 32 | (uint32_t)value, now_ms,
		    received->past->time_ms);
	}
	return 0;
}

int
receive_pins(struct receive *receive)
{
	const struct link *link = &receive->link;
	struct received_past *received;

	if (link_is(link, &handover_past_kind))
		return on_past(receive);
	received = latest(receive);
	if (received == NULL || received->past == NULL)
		return 0;
	if (link_is(link, &handover_past_backends_kind))
		return on_backends(receive, received);
	if (link_is(link, &handover_past_slots_kind))
		return on_slots(receive, received);
	if (link_is(link, &handover_past_active_kind))
		return on_active(receive, received);
	if (link_is(link, &handover_pins_kind))
		return on_pins(receive, received);
	return 0;
}

/* ---- giving them to the services ----------------------------------------- */

static bool
is_whole(const struct received_past *received)
{
	const struct past *past = received->past;

	if (past == NULL || received->backends != past->service.backends)
		return false;
	for (int set = 0; set < BACKEND_SETS; set++)
		if (past->service.maglev[set] != NULL &&
		    received->slots[set] != past->service.maglev[set]->size)
			return false;
	return true;
}

/* From here on the ids of its backends are those of this process. */
static void
use_ids_here(const struct receive *receive, struct past *past)
{
	for (size_t i = 0; i < past->service.backends; i++)
		past->backends[i].id = id_here(receive, past->backends[i].id);
}

/* The pins that the old process's table had: its pasts, the newest first. */
static struct pins *
make_pins(const struct receive *receive, struct received_past *present)
{
	struct pins *pins = calloc(1, sizeof(*pins));
	unsigned pasts = 0;

	if (pins == NULL)
		return NULL;
	pins->time_ms = present->past->time_ms;
	pins->activity = activity_ref(present->past->activity);
	pins->table = present->table;
	present->table = NULL;
	for (size_t i = receive->pasts; i-- > 0 && pasts < PINS_PASTS_MAX;) {
		struct received_past *received = &receive->past[i];

		if (received->present || !is_whole(received) ||
		    received->service != present->service)
			continue;
		use_ids_here(receive, received->past);
		received->past->refs++;
		atomic_init(&pins->past[pasts++], received->past);
	}
	return pins;
}

/* The table of the old process is what the service has replaced. */
static int
replace(const struct receive *receive, struct received_past *present,
    struct service *service)
{
	struct service *old = &present->past->service;
	int error;

	use_ids_here(receive, present->past);
	old->pins = make_pins(receive, present);
	if (old->pins == NULL)
		return -ENOMEM;
	pins_free(service->pins);
	service->pins = NULL;
	error = pins_build(service, old, timer_now_ms());
	pins_free(old->pins);
	old->pins = NULL;
	return error;
}

int
receive_set_pins(struct receive *receive, const struct tables *tables)
{
	const struct table *table = table_current(tables);
	int error = 0;

	for (size_t i = 0; error == 0 && i < receive->pasts; i++) {
		struct received_past *received = &receive->past[i];
		const struct received_service *from = receive_service(receive,
		    received->service);

		if (!received->present || !is_whole(received) || from == NULL)
			continue;
		if (table_service_of(table, from->state) != NULL &&
		    table->service[from->state->id]->pins != NULL)
			error = replace(receive, received,
			    table->service[from->state->id]);
	}
	return error;
}

void
received_pasts_free(struct received_past *past, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		past_unref(past[i].past);
		pin_table_unref(past[i].table);
	}
	free(past);
}
