/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backends that take over the health of others: see tracks.h.
 */
#include "lb4/health/tracks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "lb4/model/backend.h"
#include "lb4/model/service.h"
#include "lb4/table/table.h"

#define CHAIN_MAX 16 /* as in lb4/config/tracks.c */

/* ---- the list ------------------------------------------------------------ */

/* Whether `track`, "SERVICE/BACKEND", begins with the service's name. */
static bool
is_of(const char *track, const struct service *service)
{
	const char *name = service->state->name;
	const size_t len = strlen(name);

	return strncmp(track, name, len) == 0 && track[len] == '/';
}

/* Finds the place of a backend; false if there is none. */
static bool
find(const struct table *table, const char *track,
    const struct service **service, size_t *index)
{
	for (size_t id = 0; id < table->ids; id++) {
		const struct service *one = table->service[id];
		const char *name = strchr(track, '/') + 1;

		if (one == NULL || !is_of(track, one))
			continue;
		for (size_t i = 0; i < one->backends; i++)
			if (strcmp(one->backend[i].backend->name, name) == 0) {
				*service = one;
				*index = i;
				return true;
			}
	}
	return false;
}

/* The backend at the end of the chain, which the configuration has judged. */
static struct backend *
leader_of(const struct table *table, const char *track)
{
	const struct service *service;
	size_t index;

	for (int steps = 0; steps < CHAIN_MAX; steps++) {
		if (!find(table, track, &service, &index))
			return NULL;
		track = service->check[index].track;
		if (track[0] == '\0')
			return service->backend[index].backend;
	}
	return NULL;
}

static int
add(struct tracks *tracks, struct backend *leader, struct backend *backend)
{
	const size_t room = 2 * tracks->room + 16;
	struct track *grown;

	if (tracks->count == tracks->room) {
		grown = reallocarray(tracks->track, room, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		tracks->track = grown;
		tracks->room = room;
	}
	backend_ref(leader);
	backend_ref(backend);
	tracks->track[tracks->count++] = (struct track){ leader, backend };
	return 0;
}

static int
add_service(struct tracks *tracks, const struct table *table,
    const struct service *service)
{
	int error = 0;

	for (size_t i = 0; i < service->backends && error == 0; i++) {
		const char *track = service->check[i].track;
		struct backend *leader = track[0] != '\0'
		    ? leader_of(table, track)
		    : NULL;

		if (leader != NULL)
			error = add(tracks, leader,
			    service->backend[i].backend);
	}
	return error;
}

static int
compare(const void *left, const void *right)
{
	const struct track *a = left, *b = right;

	return (a->leader->id > b->leader->id) -
	    (a->leader->id < b->leader->id);
}

int
tracks_list(struct tracks *out, const struct table *table)
{
	int error = 0;

	for (size_t id = 0; id < table->ids && error == 0; id++)
		if (table->service[id] != NULL)
			error = add_service(out, table, table->service[id]);
	if (out->count > 1)
		qsort(out->track, out->count, sizeof(*out->track), compare);
	return error;
}

void
tracks_done(struct tracks *tracks)
{
	for (size_t i = 0; i < tracks->count; i++) {
		backend_unref(tracks->track[i].leader);
		backend_unref(tracks->track[i].backend);
	}
	free(tracks->track);
	*tracks = (struct tracks){ .track = NULL };
}

const struct backend *
tracks_leader(const struct tracks *tracks, uint32_t id)
{
	for (size_t i = 0; i < tracks->count; i++)
		if (tracks->track[i].backend->id == id)
			return tracks->track[i].leader;
	return NULL;
}

/* ---- their health -------------------------------------------------------- */

static void
copy_times(const struct backend *from, struct backend *to)
{
	const uint64_t checked_ms = atomic_load_explicit(&from->checked_ms,
	    memory_order_relaxed);

	atomic_store_explicit(&to->check_began_ms,
	    atomic_load_explicit(&from->check_began_ms, memory_order_relaxed),
	    memory_order_relaxed);
	atomic_store_explicit(&to->check_us,
	    atomic_load_explicit(&from->check_us, memory_order_relaxed),
	    memory_order_relaxed);
	atomic_store_explicit(&to->checked_ms, checked_ms,
	    memory_order_release);
}

/* Returns whether the backend went up or down. */
static bool
copy(const struct backend *from, struct backend *to, uint64_t now_ms)
{
	const uint32_t word = atomic_load_explicit(&from->health,
	    memory_order_relaxed);
	const bool was_down = health_is_down(atomic_load_explicit(&to->health,
	    memory_order_relaxed));
	const bool changes = was_down != health_is_down(word);
	char text[HEALTH_TEXT_MAX];

	if (!remark_get(&from->remark, word, text, sizeof(text)))
		text[0] = '\0';
	remark_set(&to->remark, word, text);
	backend_set_health(to, word, now_ms);
	if (health_result(word) != HEALTH_UNKNOWN)
		backend_joined(to, word, now_ms);
	atomic_store_explicit(&to->health_since_ms,
	    atomic_load_explicit(&from->health_since_ms, memory_order_relaxed),
	    memory_order_relaxed);
	copy_times(from, to);
	if (changes)
		log_at(was_down ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
		    "%s/%s is %s: it tracks %s/%s", to->service, to->name,
		    was_down ? "up" : "down", from->service, from->name);
	return changes;
}

static void
follow(const struct track *track, uint64_t now_ms,
    void (*news)(void *owner, uint32_t backend), void *owner)
{
	if (copy(track->leader, track->backend, now_ms) && news != NULL)
		news(owner, track->backend->id);
}

void
tracks_follow(const struct tracks *tracks, const struct backend *leader,
    uint64_t now_ms, void (*news)(void *owner, uint32_t backend), void *owner)
{
	size_t low = 0, high = tracks->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (tracks->track[middle].leader->id < leader->id)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < tracks->count && tracks->track[low].leader == leader;
	     low++)
		follow(&tracks->track[low], now_ms, news, owner);
}

void
tracks_follow_all(const struct tracks *tracks, uint64_t now_ms,
    void (*news)(void *owner, uint32_t backend), void *owner)
{
	for (size_t i = 0; i < tracks->count; i++)
		follow(&tracks->track[i], now_ms, news, owner);
}
