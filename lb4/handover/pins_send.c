/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What the old process tells of its pins: see pins.h. */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "common/timer.h"
#include "lb4/balance/activity.h"
#include "lb4/balance/maglev.h"
#include "lb4/balance/pins_parts.h"
#include "lb4/handover/link.h"
#include "lb4/handover/pins.h"
#include "lb4/handover/records.h"
#include "lb4/table/table.h"

static int
send_backends(struct link *link, const struct service *service)
{
	int error = 0;

	for (size_t first = 0; error == 0 && first < service->backends;
	     first += HANDOVER_BACKENDS) {
		struct handover_past_backends record = { .first = first };

		for (size_t i = first;
		     i < service->backends && record.count < HANDOVER_BACKENDS;
		     i++) {
			const struct service_backend *entry =
			    &service->backend[i];
			const struct backend *backend = entry->backend;
			const size_t n = record.count++;

			record.id[n] = backend->id;
			record.weight[n] = entry->weight;
			record.set[n] = entry->set;
			record.health[n] = atomic_load(&backend->health);
			record.admin[n] = atomic_load(&backend->admin) |
			    (backend_is_joining(backend) ? HANDOVER_JOINING
							 : 0);
		}
		error = link_send(link, &handover_past_backends_kind, &record);
	}
	return error;
}

static int
send_slots(struct link *link, const struct maglev *maglev, uint32_t set)
{
	int error = 0;

	for (uint32_t first = 0; error == 0 && first < maglev->size;
	     first += HANDOVER_SLOTS) {
		struct handover_past_slots record = {
			.set = set,
			.first = first,
		};

		for (uint32_t i = first;
		     i < maglev->size && record.count < HANDOVER_SLOTS; i++) {
			const size_t n = record.count++;

			record.slot[2 * n] = (uint8_t)maglev->slot[i];
			record.slot[2 * n + 1] = (uint8_t)(maglev->slot[i] >>
			    8);
		}
		error = link_send(link, &handover_past_slots_kind, &record);
	}
	return error;
}

static int
send_filter(struct link *link, const struct activity *activity, bool before)
{
	static const uint64_t none[HANDOVER_WORDS];
	struct handover_past_active record = { .before = before };
	int error = 0;

	while (error == 0 &&
	    (record.count = activity_read(activity, before, record.first,
		 record.word, HANDOVER_WORDS)) > 0) {
		/* most of a filter with few clients is empty */
		if (memcmp(record.word, none, record.count * sizeof(none[0])) !=
		    0)
			error = link_send(link, &handover_past_active_kind,
			    &record);
		record.first += record.count;
	}
	return error;
}

/* Sends places and active clients of one table, whose times are in `record`. */
static int
send_places(struct link *link, struct handover_past *record,
    const struct service *service, const struct activity *activity)
{
	struct activity_shape shape;
	int error;

	activity_describe(activity, &shape);
	record->bits = shape.bits;
	record->active_begun_ms = shape.begun_ms;
	record->zones = service->zones;
	memcpy(record->seed, &service->seed, sizeof(record->seed));
	record->prefix4 = (uint8_t)service->settings.source_prefix4;
	record->prefix6 = (uint8_t)service->settings.source_prefix6;
	record->checksum = service->checksum;
	record->backends = service->backends;
	for (int set = 0; set < BACKEND_SETS; set++)
		if (service->maglev[set] != NULL)
			record->slots[set] = service->maglev[set]->size;
	error = link_send(link, &handover_past_kind, record);
	if (error == 0)
		error = send_backends(link, service);
	for (int set = 0; error == 0 && set < BACKEND_SETS; set++)
		if (service->maglev[set] != NULL)
			error = send_slots(link, service->maglev[set],
			    (uint32_t)set);
	if (error == 0)
		error = send_filter(link, activity, false);
	return error == 0 ? send_filter(link, activity, true) : error;
}

/* The oldest first. */
static int
send_pasts(struct link *link, const struct service *service)
{
	int error = 0;

	for (unsigned i = PINS_PASTS_MAX; error == 0 && i-- > 0;) {
		const struct past *past = atomic_load(&service->pins->past[i]);
		struct handover_past record = { .service = service->state->id };

		if (past == NULL || timer_now_ms() >= past->until_ms)
			continue;
		record.at_ms = past->at_ms;
		record.until_ms = past->until_ms;
		record.time_ms = past->time_ms;
		error = send_places(link, &record, &past->service,
		    past->activity);
	}
	return error;
}

static int
send_table(struct link *link, const struct service *service)
{
	const struct pin_table *table = service->pins->table;
	struct handover_pins record = {
		.service = service->state->id,
		.places = table->places,
		.refused = atomic_load(&table->refused),
	};
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < table->places; i++) {
		const uint64_t tag = atomic_load(&table->entry[i].tag);

		if (tag > PIN_TAG_BUSY) {
			record.tag[record.count] = tag;
			record.value[record.count++] =
			    atomic_load(&table->entry[i].value);
		}
		if (record.count == HANDOVER_PINS || i + 1 == table->places) {
			error = link_send(link, &handover_pins_kind, &record);
			record.count = 0;
		}
	}
	return error;
}

static int
send_present(struct link *link, const struct service *service)
{
	const uint64_t now_ms = timer_now_ms();
	struct handover_past record = {
		.service = service->state->id,
		.present = 1,
		.at_ms = now_ms,
		.until_ms = now_ms + service->pins->time_ms,
		.time_ms = service->pins->time_ms,
	};
	int error = send_places(link, &record, service,
	    service->pins->activity);

	if (error == 0 && service->pins->table != NULL)
		error = send_table(link, service);
	return error;
}

static int
each_service(struct link *link, const struct tables *tables,
    int (*send)(struct link *link, const struct service *service))
{
	const struct table *table = table_current(tables);
	int error = 0;

	for (size_t i = 0; error == 0 && i < table->ids; i++)
		if (table->service[i] != NULL && table->service[i]->pins)
			error = send(link, table->service[i]);
	return error;
}

int
describe_pasts(struct link *link, const struct tables *tables)
{
	return each_service(link, tables, send_pasts);
}

int
describe_pins(struct link *link, const struct tables *tables)
{
	return each_service(link, tables, send_present);
}
