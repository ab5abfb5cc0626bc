/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The observed backends: see passive.h. */
#include "lb4/health/passive.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "lb4/health/observe.h"
#include "lb4/model/backend.h"
#include "lb4/table/table.h"

/* Fewer backends cannot tell whether lb4 is at fault. */
#define CROWD_MIN 3

/* A service with observe = on. */
struct crowd {
	size_t members;
	size_t ejected;
	unsigned fall, time_ms, max_eject;
	unsigned round_ms;	/* how long a failure counts as present */
	uint64_t held_until_ms; /* a round after many have failed at once */
};

/* An observed backend. */
struct watch {
	struct backend *backend; /* referenced */
	size_t crowd;
	struct observe observe;
	bool spared; /* told that it is not ejected, and why */
};

struct passive {
	struct watch *watch; /* owned; sorted by the backend's id */
	size_t count;
	struct crowd *crowd; /* owned */
	size_t crowds;
	void (*news)(void *owner, uint32_t backend);
	void *owner;
	uint64_t next_ms; /* no ejection is over before; may be too early */
};

struct passive *
passive_new(void (*news)(void *owner, uint32_t backend), void *owner)
{
	struct passive *passive = calloc(1, sizeof(*passive));

	if (passive == NULL)
		return NULL;
	passive->news = news;
	passive->owner = owner;
	return passive;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct watch *x = a, *y = b;

	return (x->backend->id > y->backend->id) -
	    (x->backend->id < y->backend->id);
}

static struct watch *
find(const struct passive *passive, uint32_t backend)
{
	size_t low = 0, high = passive->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		struct watch *watch = &passive->watch[middle];

		if (watch->backend->id == backend)
			return watch;
		if (watch->backend->id < backend)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- the set ------------------------------------------------------------- */

/* Publishes what is known, for readers and for an upgrade. */
static void
publish(const struct watch *watch, uint64_t now_ms)
{
	struct backend *backend = watch->backend;

	atomic_store_explicit(&backend->ejected_until_ms,
	    watch->observe.until_ms, memory_order_relaxed);
	atomic_store_explicit(&backend->ejections, watch->observe.ejections,
	    memory_order_relaxed);
	backend_set_passive(backend, observe_word(&watch->observe), now_ms);
}

/* What the process before this one knew is in the backend. */
static void
watch_begin(struct watch *watch, struct backend *backend)
{
	struct observe *observe = &watch->observe;
	struct backend_sums sums;
	uint32_t word;

	backend_ref(backend);
	watch->backend = backend;
	backend_sum(backend, &sums);
	observe_begin(observe, &sums);
	word = atomic_load_explicit(&backend->passive, memory_order_relaxed);
	observe->ejected = health_is_down(word);
	observe->last = health_result(word);
	observe->failed_connects = health_detail(word);
	observe->until_ms = atomic_load_explicit(&backend->ejected_until_ms,
	    memory_order_relaxed);
	observe->ejections = atomic_load_explicit(&backend->ejections,
	    memory_order_relaxed);
}

static void
watch_end(struct watch *watch, uint64_t now_ms)
{
	backend_set_passive(watch->backend, 0, now_ms);
	backend_unref(watch->backend);
}

void
passive_free(struct passive *passive, uint64_t now_ms)
{
	if (passive == NULL)
		return;
	for (size_t i = 0; i < passive->count; i++)
		watch_end(&passive->watch[i], now_ms);
	free(passive->watch);
	free(passive->crowd);
	free(passive);
}

static bool
is_observed(const struct service *service)
{
	return service != NULL && service->settings.observe == OBSERVE_ON;
}

/* Makes room for the table's observed backends.  0 or -ENOMEM. */
static int
make_room(struct passive *room, const struct table *table)
{
	size_t watches = 0, crowds = 0;

	for (size_t id = 0; id < table->ids; id++)
		if (is_observed(table->service[id])) {
			watches += table->service[id]->backends;
			crowds++;
		}
	room->watch = calloc(watches + 1, sizeof(*room->watch));
	room->crowd = calloc(crowds + 1, sizeof(*room->crowd));
	if (room->watch != NULL && room->crowd != NULL)
		return 0;
	free(room->watch);
	free(room->crowd);
	return -ENOMEM;
}

static void
add_service(const struct passive *before, struct passive *after,
    const struct service *service)
{
	const struct service_settings *settings = &service->settings;
	struct crowd *crowd = &after->crowd[after->crowds];

	*crowd = (struct crowd){
		.members = service->backends,
		.fall = settings->observe_fall,
		.time_ms = settings->eject_time_ms,
		.max_eject = settings->max_eject,
		.round_ms = settings->check.inter_ms,
	};
	for (size_t i = 0; i < service->backends; i++) {
		struct backend *backend = service->backend[i].backend;
		struct watch *watch = &after->watch[after->count++];
		struct watch *known = find(before, backend->id);

		if (known != NULL) {
			*watch = *known;
			known->crowd = SIZE_MAX; /* taken over */
		} else {
			watch_begin(watch, backend);
		}
		watch->crowd = after->crowds;
		watch->spared = false;
		crowd->ejected += watch->observe.ejected;
	}
	after->crowds++;
}

int
passive_follow(struct passive *passive, const struct table *table,
    uint64_t now_ms)
{
	struct passive after = *passive;

	if (make_room(&after, table) < 0)
		return -ENOMEM;
	after.count = after.crowds = 0;
	for (size_t id = 0; id < table->ids; id++)
		if (is_observed(table->service[id]))
			add_service(passive, &after, table->service[id]);
	for (size_t i = 0; i < passive->count; i++)
		if (passive->watch[i].crowd != SIZE_MAX)
			watch_end(&passive->watch[i], now_ms);
	free(passive->watch);
	free(passive->crowd);
	*passive = after;
	passive->next_ms = 0;
	if (passive->count > 0)
		qsort(passive->watch, passive->count, sizeof(*passive->watch),
		    compare_ids);
	return 0;
}

/* ---- ejecting ------------------------------------------------------------ */

static void
tell(const struct passive *passive, const struct watch *watch)
{
	if (passive->news != NULL)
		passive->news(passive->owner, watch->backend->id);
}

static const char *
reason(const struct watch *watch, char *buf, size_t size)
{
	return passive_text(observe_word(&watch->observe), buf, size);
}

/* Whether more than half of the service's backends fail at present. */
static bool
many_fail(const struct passive *passive, const struct watch *watch,
    uint64_t now_ms)
{
	const struct crowd *crowd = &passive->crowd[watch->crowd];
	size_t failing = 0;

	if (crowd->members < CROWD_MIN)
		return false;
	for (size_t i = 0; i < passive->count; i++) {
		const struct watch *one = &passive->watch[i];
		const struct observe *observe = &one->observe;

		if (one->crowd != watch->crowd || observe->ejected)
			continue;
		failing += observe->failed_connects + observe->early_resets >
			0 &&
		    now_ms - observe->failed_ms <= crowd->round_ms;
	}
	return failing * 2 > crowd->members;
}

/* Says once why a backend whose conns fail is not ejected. */
static void
spare(struct watch *watch, const char *why)
{
	char text[HEALTH_TEXT_MAX];

	if (watch->spared)
		return;
	watch->spared = true;
	log_warning("%s/%s is not ejected (%s): %s", watch->backend->service,
	    watch->backend->name, reason(watch, text, sizeof(text)), why);
}

static void
eject(struct passive *passive, struct watch *watch, uint64_t now_ms)
{
	struct crowd *crowd = &passive->crowd[watch->crowd];
	const uint64_t for_ms = observe_eject(&watch->observe, crowd->time_ms,
	    now_ms);
	char text[HEALTH_TEXT_MAX];

	crowd->ejected++;
	watch->spared = false;
	if (watch->observe.until_ms < passive->next_ms)
		passive->next_ms = watch->observe.until_ms;
	publish(watch, now_ms);
	log_warning("%s/%s is ejected for %" PRIu64 ".%" PRIu64 " s: %s",
	    watch->backend->service, watch->backend->name, for_ms / 1000,
	    for_ms / 100 % 10, reason(watch, text, sizeof(text)));
	tell(passive, watch);
}

static void
bring_back(struct passive *passive, struct watch *watch, const char *why,
    uint64_t now_ms)
{
	observe_return(&watch->observe, now_ms);
	passive->crowd[watch->crowd].ejected--;
	publish(watch, now_ms);
	log_notice("%s/%s is no longer ejected: %s", watch->backend->service,
	    watch->backend->name, why);
	tell(passive, watch);
}

/* Its conns have failed often enough. */
static void
judge(struct passive *passive, struct watch *watch, uint64_t now_ms)
{
	struct crowd *crowd = &passive->crowd[watch->crowd];

	if (now_ms < crowd->held_until_ms)
		return;
	/* one round, not one after the other */
	if (now_ms - crowd->held_until_ms > 2 * (uint64_t)crowd->round_ms &&
	    many_fail(passive, watch, now_ms)) {
		crowd->held_until_ms = now_ms + crowd->round_ms;
		spare(watch,
		    "most backends of the service fail at once, so "
		    "lb4's own network may be at fault");
	} else if ((crowd->ejected + 1) * 100 >
	    crowd->members * crowd->max_eject) {
		spare(watch, "max-eject of the service's backends are ejected");
	} else {
		eject(passive, watch, now_ms);
	}
}

void
passive_on_failure(struct passive *passive, uint32_t backend, uint64_t now_ms)
{
	struct watch *watch = find(passive, backend);
	struct backend_sums sums;
	unsigned row;

	if (watch == NULL)
		return;
	backend_sum(watch->backend, &sums);
	row = observe_look(&watch->observe, &sums, now_ms);
	if (watch->observe.ejected)
		return; /* conns from before */
	if (row >= passive->crowd[watch->crowd].fall)
		judge(passive, watch, now_ms);
	else if (row == 0)
		watch->spared = false;
}

void
passive_on_up(struct passive *passive, uint32_t backend, uint64_t now_ms)
{
	struct watch *watch = find(passive, backend);

	if (watch != NULL && watch->observe.ejected)
		bring_back(passive, watch, "its checks pass again", now_ms);
}

uint64_t
passive_turn(struct passive *passive, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	if (now_ms < passive->next_ms)
		return passive->next_ms;
	for (size_t i = 0; i < passive->count; i++) {
		struct watch *watch = &passive->watch[i];

		if (!watch->observe.ejected)
			continue;
		if (now_ms >= watch->observe.until_ms)
			bring_back(passive, watch, "its time is over", now_ms);
		else if (watch->observe.until_ms < next_ms)
			next_ms = watch->observe.until_ms;
	}
	passive->next_ms = next_ms;
	return next_ms;
}
