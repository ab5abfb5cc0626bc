/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Where the services listen: see places.h.  Called by engine.c. */
#include "lb4/engine/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"
#include "common/timer.h"
#include "lb4/engine/listener.h"
#include "lb4/engine/worker.h"
#include "lb4/process/inherited.h"

/* How long the queues of what is left may take to empty.  Where conns are at
 * their limit the rest is reset. */
#define LEAVE_MS 1000

static struct sock_options
client_options(const struct config_service *service)
{
	return (struct sock_options){
		.nodelay = service->nodelay,
		.keepalive = service->keepalive == KEEPALIVE_CLIENT ||
		    service->keepalive == KEEPALIVE_BOTH,
		.oobinline = true,
		.freebind = service->freebind,
		.user_timeout_ms = service->user_timeout_ms,
		.sndbuf = service->sndbuf_client,
		.rcvbuf = service->rcvbuf_client,
		.notsent_lowat = service->notsent_lowat_client,
	};
}

/* ---- making a list ------------------------------------------------------ */

static void
place_done(struct place *place)
{
	for (unsigned k = 0; k < place->sockets; k++)
		listen_socket_unref(place->socket[k]);
	free(place->socket);
	service_state_unref(place->state);
}

void
places_done(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		place_done(&places->place[i]);
	free(places->place);
	*places = (struct places){ .place = NULL };
}

static void
unlink_place(const struct place *place)
{
	if (place->sockets > 0 && !place->inherited &&
	    addr_is_unix(&place->bound) && place->bound.un.sun_path[0] != '\0')
		(void)unlink(place->bound.un.sun_path);
}

void
places_abandon(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->place[i].before == NULL)
			unlink_place(&places->place[i]);
	places_done(places);
}

/* Opens one more socket of the place. */
static int
open_one(struct place *place, const struct config_service *service)
{
	const struct sock_options options = client_options(service);
	int fd = sock_listen(&place->bound, !addr_is_unix(&place->bound),
	    (int)service->backlog, &options);
	struct listen_socket *socket;

	if (fd < 0)
		return fd;
	socket = listen_socket_new(fd, addr_port(&place->bound));
	if (socket == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	place->socket[place->sockets++] = socket;
	return 0;
}

static int
take_inherited(struct place *place, const struct config_service *service,
    struct inherited_socket *from)
{
	const struct sock_options options = client_options(service);
	char text[ADDR_TEXT_MAX], name[ADDR_TEXT_MAX];
	struct listen_socket **more = reallocarray(place->socket,
	    place->sockets + 1, sizeof(struct listen_socket *));
	struct listen_socket *socket;
	int error;

	if (more == NULL)
		return -ENOMEM;
	place->socket = more;
	error = sock_adopt(from->fd, (int)service->backlog, &options);
	if (error != 0)
		return error;
	socket = listen_socket_new(from->fd, addr_port(&from->addr));
	if (socket == NULL)
		return -ENOMEM;
	from->fd = -1;
	place->socket[place->sockets++] = socket;
	place->bound = from->addr;
	place->common = true;
	place->inherited = true;
	log_info("service %s: listening on %s, inherited as %s", service->name,
	    addr_format(&from->addr, text, sizeof(text)),
	    addr_format(&from->named, name, sizeof(name)));
	return 0;
}

/* Takes the sockets that were handed down for that address or name.  Returns
 * how many they are, or -errno. */
static int
inherit(struct place *place, const struct config_service *service,
    struct inherited *inherited)
{
	struct inherited_socket *socket;
	size_t i = 0;
	int error = 0;

	while (error == 0 && inherited != NULL &&
	    (socket = inherited_find(inherited, &place->addr, &i)) != NULL)
		error = take_inherited(place, service, socket);
	if (error != 0)
		return error;
	if (place->sockets == 0 && addr_is_inherited(&place->addr))
		return -ENOENT;
	return (int)place->sockets;
}

/* A new place: nobody else may be there. */
static int
open_new(struct place *place, const struct config_service *service,
    unsigned workers)
{
	const struct sock_options options = client_options(service);
	int error = sock_probe_free(&place->bound, &options);

	place->common = addr_is_unix(&place->bound);
	if (place->common)
		workers = 1;
	while (error == 0 && place->sockets < workers)
		error = open_one(place, service);
	return error;
}

/* A place that stays, with the sockets it has and those for further workers. */
static int
open_more(struct place *place, const struct config_service *service,
    unsigned workers)
{
	const struct place *before = place->before;
	int error = 0;

	place->bound = before->bound;
	place->common = before->common;
	place->inherited = before->inherited;
	while (place->sockets < before->sockets) {
		struct listen_socket *socket = before->socket[place->sockets];

		listen_socket_ref(socket);
		place->socket[place->sockets++] = socket;
	}
	while (error == 0 && !place->common && place->sockets < workers)
		error = open_one(place, service);
	if (error != -EACCES && error != -EPERM && error != -EADDRINUSE)
		return error;
	place->common = true; /* what was opened by root is so no more */
	return 0;
}

/* The place of that address in the old list that is not taken over yet: one of
 * the same service if there is one, since with port 0 there may be several. */
static struct place *
find_old(struct places *old, const struct addr *addr,
    const struct service_state *state)
{
	struct place *found = NULL;

	for (size_t i = 0; i < old->count; i++) {
		struct place *place = &old->place[i];

		if (place->stays || !addr_equal(&place->addr, addr))
			continue;
		if (place->state == state)
			return place;
		found = found == NULL ? place : found;
	}
	return found;
}

static int
add(struct places *next, struct places *old, struct inherited *inherited,
    const struct config_service *service, const struct addr *addr,
    struct service_state *state)
{
	struct place *before = find_old(old, addr, state);
	struct place *place = &next->place[next->count];
	unsigned room = next->workers;
	int error;

	if (before != NULL && before->sockets > room)
		room = before->sockets;
	*place = (struct place){
		.addr = *addr,
		.bound = *addr,
		.before = before,
		.socket = calloc(room, sizeof(struct listen_socket *)),
	};
	if (place->socket == NULL)
		return -ENOMEM;
	service_state_ref(state);
	place->state = state;
	next->count++;
	if (before != NULL)
		before->stays = true;
	if (before != NULL)
		return open_more(place, service, next->workers);
	error = inherit(place, service, inherited);
	if (error != 0)
		return error < 0 ? error : 0;
	return open_new(place, service, next->workers);
}

static int
complain(const struct config_service *service, const struct addr *addr,
    int error, char *why, size_t size)
{
	char text[ADDR_TEXT_MAX];

	(void)snprintf(why, size, "service %s: cannot listen on %s: %s",
	    service->name, addr_format(addr, text, sizeof(text)),
	    addr_is_inherited(addr) && error == -ENOENT
		? "no such socket was handed down"
		: strerror(-error));
	return error;
}

static int
add_service(struct places *next, struct places *old,
    struct inherited *inherited, const struct config_service *service,
    const struct table *table, char *why, size_t size)
{
	struct service_state *state = table_state(table, service->name);
	int error = state == NULL ? -ENOENT : 0;

	for (size_t l = 0; l < service->listens; l++) {
		if (error == 0)
			error = add(next, old, inherited, service,
			    &service->listen[l], state);
		if (error != 0)
			return complain(service, &service->listen[l], error,
			    why, size);
	}
	return 0;
}

/* One worker may have to take all of them. */
static int
check_count(const struct places *next, char *why, size_t size)
{
	size_t sockets = 0;

	for (size_t i = 0; i < next->count; i++)
		sockets += next->place[i].sockets;
	if (sockets <= WORKER_LISTENERS_MAX)
		return 0;
	(void)snprintf(why, size,
	    "%zu listening sockets, one for each worker and address, are more "
	    "than %d",
	    sockets, WORKER_LISTENERS_MAX);
	return -ENOSPC;
}

int
places_prepare(struct places *next, struct places *old,
    const struct config *config, const struct table *table, unsigned workers,
    struct inherited *inherited, char *why, size_t size)
{
	size_t count = 0;
	int error = 0;

	for (size_t i = 0; i < config->services; i++)
		count += config->service[i].listens;
	for (size_t i = 0; i < old->count; i++)
		old->place[i].stays = false;
	*next = (struct places){
		.place = calloc(count + 1, sizeof(*next->place)),
		.workers = workers,
	};
	if (next->place == NULL) {
		(void)snprintf(why, size, "listeners: out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; error == 0 && i < config->services; i++)
		error = add_service(next, old, inherited, &config->service[i],
		    table, why, size);
	if (error == 0)
		error = check_count(next, why, size);
	if (error != 0)
		places_abandon(next);
	return error;
}

/* ---- telling the workers ------------------------------------------------ */

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

static void
leave(const struct places *old, const struct place *place,
    struct worker_shared *shared, unsigned started)
{
	char text[ADDR_TEXT_MAX];

	unlink_place(place);
	for (unsigned k = 0; k < place->sockets; k++)
		for (unsigned w = 0; w < started; w++)
			if (holds(old, place, k, w)) {
				(void)atomic_fetch_add(&shared->leaving, 1);
				tell(shared, w, WORKER_LEAVE, place->socket[k]);
			}
	log_info("service %s: no longer listening on %s", place->state->name,
	    addr_format(&place->bound, text, sizeof(text)));
}

static void
wait_for_leaving(struct worker_shared *shared)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	const uint64_t deadline_ms = timer_now_ms() + LEAVE_MS;

	while (atomic_load_explicit(&shared->leaving, memory_order_acquire) >
		0 &&
	    timer_now_ms() < deadline_ms)
		(void)nanosleep(&pause, NULL);
}

void
places_leave(const struct places *old, struct worker_shared *shared,
    unsigned started)
{
	for (size_t i = 0; i < old->count; i++)
		if (!old->place[i].stays)
			leave(old, &old->place[i], shared, started);
	wait_for_leaving(shared);
}

/* Tells who is to accept from socket `k` now, and then who is not: there is
 * somebody at all times. */
static int
take_up_socket(const struct places *next, const struct place *place,
    const struct places *old, unsigned k, struct worker_shared *shared,
    unsigned started)
{
	const struct place *before = place->before;
	const bool renamed = before != NULL && before->state != place->state;
	const unsigned workers = next->workers > old->workers ? next->workers
							      : old->workers;
	int error = 0;

	for (unsigned w = 0; error == 0 && w < next->workers; w++) {
		bool had = holds(old, before, k, w);

		if (!holds(next, place, k, w) || (had && !renamed))
			continue;
		if (had)
			tell(shared, w, WORKER_UNLISTEN, place->socket[k]);
		error = tell_listen(shared, w, place, place->socket[k],
		    w < started);
	}
	for (unsigned w = 0; w < workers; w++)
		if (holds(old, before, k, w) && !holds(next, place, k, w))
			tell(shared, w, WORKER_UNLISTEN, place->socket[k]);
	return error;
}

int
places_take_up(const struct places *next, const struct places *old,
    struct worker_shared *shared, unsigned started)
{
	char text[ADDR_TEXT_MAX];
	int error = 0;

	for (size_t i = 0; error == 0 && i < next->count; i++) {
		struct place *place = &next->place[i];

		for (unsigned k = 0; error == 0 && k < place->sockets; k++)
			error = take_up_socket(next, place, old, k, shared,
			    started);
		if (error == 0 && place->before == NULL && !place->inherited)
			log_info("service %s: listening on %s",
			    place->state->name,
			    addr_format(&place->bound, text, sizeof(text)));
		place->before = NULL; /* it ends with the old list */
	}
	return error;
}

void
places_set_options(const struct places *places, const struct config *config)
{
	const struct place *place = places->place;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];
		const struct sock_options options = client_options(service);

		for (size_t l = 0; l < service->listens; l++, place++)
			for (unsigned k = 0; k < place->sockets; k++) {
				int error =
				    sock_set_listener(place->socket[k]->fd,
					!addr_is_unix(&place->bound),
					(int)service->backlog, &options);

				if (error < 0)
					log_warning("service %s: cannot change "
						    "its listener: %s",
					    service->name, strerror(-error));
			}
	}
}

void
places_unlink(struct places *places)
{
	for (size_t i = 0; i < places->count; i++) {
		unlink_place(&places->place[i]);
		/* from now on the name may be another process's */
		if (addr_is_unix(&places->place[i].bound))
			places->place[i].bound.un.sun_path[0] = '\0';
	}
}
