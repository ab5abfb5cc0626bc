/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Tells the workers which sockets to accept from: see places.h.  Called by
 * engine.c.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/timer.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/engine/listener.h"
#include "lb4/engine/places.h"
#include "lb4/engine/types.h"
#include "lb4/engine/worker_post.h"
#include "lb4/model/service.h"

/* How long emptying the queues of sockets that are left may take.  When conns
 * are at their limit, the remaining clients are reset then. */
#define LEAVE_MS 1000

/* Whether worker `w` accepts from socket `k` of the place. */
static bool
holds(const struct places *places, const struct place *place, unsigned k,
    unsigned w)
{
	return place != NULL && k < place->sockets && w < places->workers &&
	    (place->common || k % places->workers == w);
}

static void
tell(struct worker_shared *shared, unsigned w, enum worker_message_kind kind,
    struct listen_socket *socket)
{
	const struct worker_message message = {
		.kind = kind,
		.socket = socket,
	};

	worker_post(&shared->workers[w], &message);
}

static int
tell_listen(struct worker_shared *shared, unsigned w, const struct place *place,
    struct listen_socket *socket, bool started)
{
	const struct worker_message message = {
		.kind = WORKER_LISTEN,
		.socket = socket,
		.state = place->state,
		.exclusive = place->common,
	};

	if (!started)
		return listener_add(&shared->workers[w], socket, place->state,
		    place->common);
	listen_socket_ref(socket);
	service_state_ref(place->state);
	worker_post(&shared->workers[w], &message);
	return 0;
}

/* Has the workers leave the place's sockets that are not in the next list. */
static void
leave(const struct places *old, const struct place *place,
    struct worker_shared *shared, unsigned started)
{
	for (unsigned k = 0; k < place->sockets; k++)
		for (unsigned w = 0; w < started; w++)
			if (!place->socket[k].stays &&
			    holds(old, place, k, w)) {
				(void)atomic_fetch_add(&shared->leaving, 1);
				tell(shared, w, WORKER_LEAVE,
				    place->socket[k].socket);
			}
}

/* What there is to say about a place. */
typedef bool says_fn(const struct place *place);

static bool
is_new(const struct place *place)
{
	return place->before == NULL && !place->inherited;
}

static bool
is_left(const struct place *place)
{
	return !place->stays;
}

static bool
is_dropped(const struct place *place)
{
	return place->sockets > 0 && place->dropped == place->sockets;
}

/* Logs it of each of these places, in one line for the ports of a range. */
static void
say(const struct places *places, says_fn *is_one, const char *what)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < places->count; i++) {
		const struct place *first = &places->place[i];
		struct addr addr = first->bound;

		if (!is_one(first))
			continue;
		while (places->place[i].bound.ahead > 0 &&
		    i + 1 < places->count && is_one(&places->place[i + 1]))
			i++;
		addr.ahead = (uint16_t)(&places->place[i] - first);
		log_info("service %s: %s %s", first->state->name, what,
		    addr_format_range(&addr, text, sizeof(text)));
	}
}

/* Returns false if the workers have not left all of them in time. */
static bool
wait_for_leaving(const struct worker_shared *shared)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	struct loop_clock clock;
	uint64_t until_ms;

	/* time in which no thread ran does not make the workers late */
	loop_clock_start(&clock, timer_now_ms());
	until_ms = clock.own_ms + LEAVE_MS;
	while (atomic_load_explicit(&shared->leaving, memory_order_acquire) >
	    0) {
		if (clock.own_ms >= until_ms)
			return false;
		(void)nanosleep(&pause, NULL);
		(void)loop_clock_look(&clock, timer_now_ms(), 0);
	}
	return true;
}

/* Has the workers close the place's sockets that they were to leave. */
static void
close_left(const struct places *old, const struct place *place,
    struct worker_shared *shared, unsigned started)
{
	for (unsigned k = 0; k < place->sockets; k++)
		for (unsigned w = 0; w < started; w++)
			if (!place->socket[k].stays && holds(old, place, k, w))
				tell(shared, w, WORKER_UNLISTEN,
				    place->socket[k].socket);
}

void
places_leave(struct places *old, struct worker_shared *shared, unsigned started)
{
	for (size_t i = 0; i < old->count; i++) {
		struct place *place = &old->place[i];

		leave(old, place, shared, started);
		if (place->stays)
			continue;
		sockfile_unlink(&place->bound, &place->file);
	}
	say(old, is_left, "no longer listening on");
	if (wait_for_leaving(shared))
		return;
	for (size_t i = 0; i < old->count; i++)
		close_left(old, &old->place[i], shared, started);
	(void)wait_for_leaving(shared);
}

int
places_dropped(const struct places *old, struct places_drop **out,
    size_t *count)
{
	size_t sockets = 0, n = 0;
	struct places_drop *drop;

	for (size_t i = 0; i < old->count; i++)
		sockets += old->place[i].sockets;
	drop = calloc(sockets + 1, sizeof(*drop));
	if (drop == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < old->count; i++)
		for (unsigned k = 0; k < old->place[i].sockets; k++)
			if (!old->place[i].socket[k].stays)
				drop[n++] = (struct places_drop){
					.place = (uint32_t)i,
					.socket = k,
				};
	*out = drop;
	*count = n;
	return 0;
}

void
places_drop(struct places *places, struct worker_shared *shared,
    unsigned started, const struct places_drop *drop, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const unsigned k = drop[i].socket;
		struct place *place;

		if (drop[i].place >= places->count ||
		    k >= places->place[drop[i].place].sockets)
			continue; /* who said that? */
		place = &places->place[drop[i].place];
		for (unsigned w = 0; w < started; w++)
			if (holds(places, place, k, w)) {
				(void)atomic_fetch_add(&shared->leaving, 1);
				tell(shared, w, WORKER_LEAVE,
				    place->socket[k].socket);
			}
		place->dropped++;
	}
	say(places, is_dropped, "no longer listening on");
	wait_for_leaving(shared);
}

void
places_drop_nothing(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		places->place[i].dropped = 0;
}

void
places_keep_files(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].dropped < places->place[i].sockets)
			places->place[i].file = (struct sockfile_id){ 0 };
}

/* From one list to the next. */
struct taking_up {
	const struct places *next;
	const struct places *old;
	struct worker_shared *shared;
	unsigned started; /* workers from this one on have no thread yet */
};

/* Tells workers to accept from socket `k`, and then others to stop: there is
 * always a worker that accepts. */
static int
take_up_socket(const struct taking_up *up, const struct place *place,
    unsigned k)
{
	const struct places *next = up->next, *old = up->old;
	const struct place_socket *socket = &place->socket[k];
	const struct place *before = socket->before;
	const bool renamed = before != NULL && before->state != place->state;
	const unsigned workers = next->workers > old->workers ? next->workers
							      : old->workers;
	int error = 0;

	for (unsigned w = 0; error == 0 && w < next->workers; w++) {
		bool had = holds(old, before, socket->before_k, w);

		if (!holds(next, place, k, w) || (had && !renamed))
			continue;
		if (had)
			tell(up->shared, w, WORKER_UNLISTEN, socket->socket);
		error = tell_listen(up->shared, w, place, socket->socket,
		    w < up->started);
	}
	for (unsigned w = 0; w < workers; w++)
		if (holds(old, before, socket->before_k, w) &&
		    !holds(next, place, k, w))
			tell(up->shared, w, WORKER_UNLISTEN, socket->socket);
	return error;
}

/* The old list ends. */
static void
forget_old(const struct places *next)
{
	for (size_t i = 0; i < next->count; i++) {
		struct place *place = &next->place[i];

		for (unsigned k = 0; k < place->sockets; k++)
			place->socket[k].before = NULL;
		place->before = NULL;
	}
}

int
places_take_up(const struct places *next, const struct places *old,
    struct worker_shared *shared, unsigned started)
{
	const struct taking_up up = { next, old, shared, started };
	int error = 0;

	for (size_t i = 0; error == 0 && i < next->count; i++) {
		struct place *place = &next->place[i];

		for (unsigned k = 0; error == 0 && k < place->sockets; k++)
			error = take_up_socket(&up, place, k);
	}
	if (error == 0)
		say(next, is_new, "listening on");
	forget_old(next);
	return error;
}
