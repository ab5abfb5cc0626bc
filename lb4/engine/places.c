/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Where the services listen: see places.h.  Makes a list and sets options;
 * places_tell.c tells the workers.  Called by engine.c.
 */
#include "lb4/engine/places.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"
#include "common/sockfile.h"
#include "common/user.h"
#include "common/why.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/engine/listener.h"
#include "lb4/engine/ownconns.h"
#include "lb4/model/service.h"
#include "lb4/process/inherited.h"
#include "lb4/table/table.h"

/* The state of making a list. */
struct making {
	const struct places_plan *plan;
	struct places *next;
	struct places *old;
	const struct config_service *service; /* in turn */
	struct sockfile_access access;	      /* of its unix sockets */
	bool mptcp;			      /* its TCP sockets are of MPTCP */
	uid_t owner;	 /* of new sockets: who lb4 is to become */
	bool gives_away; /* or it stays who it is */
};

static struct sock_options
client_options(const struct config_service *service)
{
	return (struct sock_options){
		.nodelay = service->settings.nodelay,
		.keepalive = service->settings.keepalive == KEEPALIVE_CLIENT ||
		    service->settings.keepalive == KEEPALIVE_BOTH,
		.oobinline = true,
		.freebind = service->settings.freebind,
		.mptcp = service->settings.mptcp == MPTCP_CLIENT ||
		    service->settings.mptcp == MPTCP_YES,
		.user_timeout_ms = service->settings.user_timeout_ms,
		.sndbuf = service->settings.sndbuf_client,
		.rcvbuf = service->settings.rcvbuf_client,
		.notsent_lowat = service->settings.notsent_lowat_client,
		.tuning = &service->settings.tuning,
	};
}

/* ---- making a list ------------------------------------------------------ */

static void
place_done(struct place *place)
{
	for (unsigned k = 0; k < place->sockets; k++)
		listen_socket_unref(place->socket[k].socket);
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

void
places_abandon(struct places *places)
{
	for (size_t i = 0; i < places->count; i++) {
		struct place *place = &places->place[i];

		if (place->before == NULL)
			sockfile_unlink(&place->bound, &place->file);
	}
	places_done(places);
}

/* Appends the socket and takes its reference, unless memory has run out. */
static int
append(struct place *place, const struct place_socket *socket)
{
	struct place_socket *more = reallocarray(place->socket,
	    place->sockets + 1, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	place->socket = more;
	place->socket[place->sockets++] = *socket;
	return 0;
}

/* Takes over socket `k` of a place of the old list. */
static int
take_over(struct place *place, struct place *before, unsigned k, bool kept)
{
	struct place_socket *old = &before->socket[k];
	const struct place_socket socket = {
		.socket = old->socket,
		.bound = old->bound,
		.before = before,
		.before_k = k,
		.kept = kept,
	};
	int error = append(place, &socket);

	if (error != 0)
		return error;
	listen_socket_ref(old->socket);
	old->stays = true;
	return 0;
}

/* Opens one more socket of the place. */
static int
open_one(struct making *making, struct place *place)
{
	const bool tcp = !addr_is_unix(&place->bound);
	struct sock_options options = client_options(making->service);
	struct place_socket socket = { .bare = tcp };
	int fd, error;

	options.owner = making->gives_away ? &making->owner : NULL;
	options.access = &making->access;
	options.file = &place->file;
	fd = sock_listen(&place->bound, tcp,
	    tcp ? SOCK_BIND_ONLY : (int)making->service->settings.backlog,
	    &options);
	if (fd < 0)
		return fd;
	socket.socket = listen_socket_new(fd, addr_port(&place->bound));
	socket.bound = place->bound;
	error = socket.socket == NULL ? -ENOMEM : append(place, &socket);
	if (error == 0)
		return 0;
	if (socket.socket != NULL)
		listen_socket_unref(socket.socket);
	else
		(void)close(fd);
	return error;
}

/* Opens sockets of the place until each worker has one.  When lb4 may not open
 * them, the workers share those that the place has. */
static int
open_rest(struct making *making, struct place *place)
{
	int error = 0;

	while (error == 0 && !place->common &&
	    place->sockets < making->next->workers)
		error = open_one(making, place);
	if (error != -EACCES && error != -EPERM && error != -EADDRINUSE)
		return error;
	place->common = true;
	return 0;
}

/* What lb4 had stored is its own: a group with a socket for each worker, and a
 * file to remove.  Other sockets are the service manager's. */
static int
take_inherited(struct making *making, struct place *place,
    struct inherited_socket *from)
{
	const struct config_service *service = making->service;
	const struct sock_options options = client_options(service);
	char text[ADDR_TEXT_MAX], name[ADDR_TEXT_MAX];
	struct place_socket socket = { .bound = from->addr };
	int error = sock_adopt(from->fd, (int)service->settings.backlog,
	    &options);

	if (error != 0)
		return error;
	socket.socket = listen_socket_new(from->fd, addr_port(&from->addr));
	if (socket.socket == NULL)
		return -ENOMEM;
	from->fd = -1;
	error = append(place, &socket);
	if (error != 0) {
		listen_socket_unref(socket.socket);
		return error;
	}
	place->bound = from->addr;
	if (from->stored != NULL) {
		place->common |= addr_is_unix(&from->addr);
		place->file = from->file;
		return sockfile_set_access(&place->bound, &place->file,
		    &making->access);
	}
	place->common = true;
	place->inherited = true;
	log_info("service %s: listening on %s, inherited as %s", service->name,
	    addr_format(&from->addr, text, sizeof(text)),
	    addr_format(&from->named, name, sizeof(name)));
	return 0;
}

/* Takes the inherited sockets for that address or name.  Returns how many there
 * are, or -errno. */
static int
inherit(struct making *making, struct place *place)
{
	const struct inherited *inherited = making->plan->inherited;
	struct inherited_socket *socket;
	unsigned stored;
	size_t i = 0;
	int error = 0;

	while (error == 0 && inherited != NULL &&
	    (socket = inherited_find(inherited, &place->addr, &i)) != NULL)
		error = take_inherited(making, place, socket);
	if (error != 0)
		return error;
	if (place->sockets == 0 && addr_is_inherited(&place->addr))
		return -ENOENT;
	if (place->sockets == 0 || place->inherited)
		return (int)place->sockets;
	stored = place->sockets;
	error = open_rest(making, place);
	if (error == 0)
		log_info("service %s: %u of %u sockets were stored in the "
			 "service manager",
		    making->service->name, stored, place->sockets);
	return error < 0 ? error : (int)place->sockets;
}

static bool
is_overlapped_in(const struct places *places, const struct addr *addr)
{
	for (size_t i = 0; i < places->count; i++)
		for (unsigned k = 0; k < places->place[i].sockets; k++) {
			const struct addr *bound =
			    &places->place[i].socket[k].bound;

			if (addr_covers(bound, addr) ||
			    addr_covers(addr, bound))
				return true;
		}
	return false;
}

/* Whether the socket speaks what the service in turn is to speak.  If not, it
 * is emptied and closed, and a new one gets the clients.  One of the service
 * manager stays as it is. */
static bool
is_of_protocol(const struct making *making, const struct place *place,
    unsigned k)
{
	return addr_is_unix(&place->bound) || place->inherited ||
	    place->socket[k].socket->mptcp == making->mptcp;
}

/* Takes over sockets left in the old list that are bound to exactly this
 * address: they were kept for their queues, or have the port that the kernel
 * chose. */
static int
take_over_bound(struct making *making, struct place *place)
{
	for (size_t i = 0; i < making->old->count; i++) {
		struct place *before = &making->old->place[i];

		for (unsigned k = 0; k < before->sockets; k++) {
			int error;

			if (addr_is_unix(&place->addr) ||
			    before->socket[k].stays ||
			    !is_of_protocol(making, before, k) ||
			    addr_port(&place->addr) == 0 ||
			    !addr_equal(&before->socket[k].bound, &place->addr))
				continue;
			error = take_over(place, before, k, false);
			if (error != 0)
				return error;
			place->common |= before->common;
		}
	}
	return 0;
}

/* Opens a new place.  No other program may listen there.  That can only be
 * probed where lb4 has no socket itself.  Next to lb4's own sockets the kernel
 * admits lb4, and no other program except one of the same user with
 * SO_REUSEPORT. */
static int
open_new(struct making *making, struct place *place)
{
	const struct sock_options options = client_options(making->service);
	unsigned workers = making->next->workers;
	int error;

	place->common = addr_is_unix(&place->bound);
	if (place->common)
		return open_one(making, place);
	if (!is_overlapped_in(making->old, &place->bound) &&
	    !is_overlapped_in(making->next, &place->bound))
		error = sock_probe_free(&place->bound, &options);
	else
		error = take_over_bound(making, place);
	while (error == 0 && !place->common && place->sockets < workers)
		error = open_one(making, place);
	return error;
}

/* Opens a place that stays: with the sockets it has, and new ones for further
 * workers.  keep_rest() deals with those that it kept for their queues. */
static int
open_more(struct making *making, struct place *place, struct place *before)
{
	int error = 0;

	place->bound = before->bound;
	place->common = before->common;
	place->inherited = before->inherited;
	place->file = before->file;
	for (unsigned k = 0; error == 0 && k < before->sockets; k++)
		if (!before->socket[k].kept)
			error = take_over(place, before, k, false);
	/* lb4 may no longer be root, which opened it */
	return error < 0 ? error : open_rest(making, place);
}

/* The place with that address in the old list that has not been taken over yet;
 * preferably one of the same service, since with port 0 there may be several.
 */
static struct place *
find_old(const struct making *making, const struct addr *addr,
    const struct service_state *state)
{
	struct place *found = NULL;

	for (size_t i = 0; i < making->old->count; i++) {
		struct place *place = &making->old->place[i];

		if (place->stays || !addr_equal(&place->addr, addr) ||
		    !sockfile_is_there(&place->bound, &place->file) ||
		    (place->sockets > 0 && !is_of_protocol(making, place, 0)))
			continue;
		if (place->state == state)
			return place;
		found = found == NULL ? place : found;
	}
	return found;
}

static int
add(struct making *making, const struct addr *addr, struct service_state *state)
{
	struct places *next = making->next;
	struct place *before = find_old(making, addr, state);
	struct place *place = &next->place[next->count];
	int error;

	*place = (struct place){
		.addr = *addr,
		.bound = *addr,
		.before = before,
	};
	service_state_ref(state);
	place->state = state;
	next->count++;
	if (before != NULL) {
		before->stays = true;
		error = open_more(making, place, before);
	} else {
		error = inherit(making, place);
		if (error == 0)
			error = open_new(making, place);
	}
	place->bound.ahead = addr->ahead;
	return error < 0 ? error : 0;
}

/* The place that would get a socket's clients if the socket were closed, by the
 * kernel's rule: the narrowest one.  NULL if no single place would get them
 * all. */
static struct place *
find_heir(const struct places *next, const struct addr *bound)
{
	struct place *heir = NULL, *v4 = NULL, *v6 = NULL;

	assert(next->place != NULL || next->count == 0);
	for (size_t i = 0; i < next->count; i++) {
		struct place *place = &next->place[i];

		if (addr_port(&place->bound) != addr_port(bound))
			continue;
		if (addr_covers(&place->bound, bound) &&
		    (heir == NULL || addr_covers(&heir->bound, &place->bound)))
			heir = place;
		if (bound->dual && addr_is_wildcard(&place->bound)) {
			if (place->bound.sa.sa_family == AF_INET)
				v4 = place;
			else
				v6 = place;
		}
	}
	if (heir == NULL && v4 != NULL && v6 != NULL && v4->state == v6->state)
		heir = v6;
	return heir;
}

/* Whether the place is the same one with another protocol: the kernel spreads
 * clients over all of its sockets, so that the old ones must go. */
static bool
replaces(const struct place *place, const struct place_socket *old)
{
	return addr_equal(&place->bound, &old->bound) && place->sockets > 0 &&
	    place->socket[0].socket->mptcp != old->socket->mptcp;
}

/* Keeps sockets left in the old list whose clients have a place in the new one.
 */
static int
keep_rest(struct making *making)
{
	for (size_t i = 0; i < making->old->count; i++) {
		struct place *before = &making->old->place[i];

		for (unsigned k = 0; k < before->sockets; k++) {
			struct place_socket *socket = &before->socket[k];
			struct place *heir = socket->stays
			    ? NULL
			    : find_heir(making->next, &socket->bound);
			int error = heir == NULL || replaces(heir, socket)
			    ? 0
			    : take_over(heir, before, k, true);

			if (error != 0)
				return error;
		}
	}
	return 0;
}

static int
complain(const struct config_service *service, const struct addr *addr,
    int error, struct why *why)
{
	char text[ADDR_TEXT_MAX];

	return why_fail(why, error, "service %s: cannot listen on %s: %s",
	    service->name, addr_format(addr, text, sizeof(text)),
	    addr_is_inherited(addr) && error == -ENOENT
		? "the service manager passed no such socket"
		: strerror(-error));
}

static int
add_service(struct making *making, const struct config_service *service,
    struct why *why)
{
	struct service_state *state = table_state(making->plan->table,
	    service->name);
	struct why reason = { "" };
	int error = state == NULL ? -ENOENT : 0;

	making->service = service;
	making->mptcp = client_options(service).mptcp && sock_has_mptcp() == 0;
	if (error == 0) {
		error = sockfile_access_find(&making->access,
		    service->settings.listen_owner,
		    service->settings.listen_group,
		    service->settings.listen_mode, &reason);
		if (error != 0) {
			return why_fail(why, error, "service %s: %s",
			    service->name, reason.text);
		}
	}
	for (size_t l = 0; l < service->listens; l++) {
		if (error == 0)
			error = add(making, &service->listen[l], state);
		if (error != 0)
			return complain(service, &service->listen[l], error,
			    why);
	}
	return 0;
}

/* A single worker may have to take all of them. */
static int
check_count(const struct places *next, struct why *why)
{
	size_t sockets = 0;

	for (size_t i = 0; i < next->count; i++)
		sockets += next->place[i].sockets;
	if (sockets <= LISTENERS_MAX)
		return 0;
	return why_fail(why, -ENOSPC,
	    "%zu listening sockets (one for each worker and address) are too "
	    "many: at most %d are possible",
	    sockets, LISTENERS_MAX);
}

static void
forget_stays(struct places *old)
{
	for (size_t i = 0; i < old->count; i++) {
		old->place[i].stays = false;
		for (unsigned k = 0; k < old->place[i].sockets; k++)
			old->place[i].socket[k].stays = false;
	}
}

/* While lb4 is root its sockets are made those of the user to come: the kernel
 * lets only sockets of one user into a SO_REUSEPORT group. */
static void
find_owner(struct making *making, const char *name)
{
	struct user user;
	struct why why;

	if (name[0] == '\0' || geteuid() != 0 ||
	    user_find(&user, name, &why) < 0 || user.uid == 0)
		return;
	making->owner = user.uid;
	making->gives_away = true;
}

/* Fills the list, service by service. */
static int
add_services(struct making *making, struct why *why)
{
	const struct config *config = making->plan->config;
	int error = 0;

	for (size_t i = 0; error == 0 && i < config->services; i++)
		error = add_service(making, &config->service[i], why);
	if (error != 0)
		return error;
	error = keep_rest(making);
	if (error != 0) {
		return why_fail(why, error, "listeners: %s", strerror(-error));
	}
	return check_count(making->next, why);
}

int
places_prepare(struct places *next, struct places *old,
    const struct places_plan *plan, struct why *why)
{
	struct making making = { .plan = plan, .next = next, .old = old };
	const struct config *config = plan->config;
	size_t count = 0;
	int error;

	for (size_t i = 0; i < config->services; i++)
		count += config->service[i].listens;
	forget_stays(old);
	find_owner(&making, config->user);
	*next = (struct places){
		.place = calloc(count + 1, sizeof(*next->place)),
		.workers = plan->workers,
	};
	if (next->place == NULL) {
		return why_fail(why, -ENOMEM, "listeners: out of memory");
	}
	error = add_services(&making, why);
	if (error != 0)
		places_abandon(next);
	return error;
}

int
places_begin(struct places *next, const struct config *config)
{
	struct place *place = next->place;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];

		for (size_t l = 0; l < service->listens; l++, place++)
			for (unsigned k = 0; k < place->sockets; k++) {
				struct place_socket *socket = &place->socket[k];

				if (!socket->bare)
					continue;
				if (listen(socket->socket->fd,
					(int)service->settings.backlog) < 0)
					return -errno;
				socket->bare = false;
			}
	}
	return 0;
}

/* A file may have a new owner, group or mode by now.  The next list opens a
 * file anew that has gone. */
static void
set_access(const struct place *place, const struct config_service *service)
{
	struct sockfile_access access;
	struct why why = { "" };
	int error = sockfile_access_find(&access,
	    service->settings.listen_owner, service->settings.listen_group,
	    service->settings.listen_mode, &why);

	if (error == 0) {
		error = sockfile_set_access(&place->bound, &place->file,
		    &access);
		(void)why_fail(&why, error, "%s", strerror(-error));
	}
	if (error < 0)
		log_warning("service %s: cannot change owner, group or mode of "
			    "%s: %s",
		    service->name, place->bound.un.sun_path, why.text);
}

void
places_set_options(const struct places *places, const struct config *config)
{
	const struct place *place = places->place;

	for (size_t i = 0; i < config->services; i++) {
		const struct config_service *service = &config->service[i];
		const struct sock_options options = client_options(service);

		for (size_t l = 0; l < service->listens; l++, place++) {
			if (place->file.ino != 0)
				set_access(place, service);
			for (unsigned k = 0; k < place->sockets; k++) {
				int error = sock_set_listener(place->socket[k]
								  .socket->fd,
				    !addr_is_unix(&place->bound),
				    (int)service->settings.backlog, &options);

				if (error < 0)
					log_warning("service %s: cannot change "
						    "its listener: %s",
					    service->name, strerror(-error));
			}
		}
	}
}

void
places_each_socket(const struct places *places, listen_socket_visit_fn *visit,
    void *owner)
{
	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->place[i];

		if (place->inherited ||
		    (!addr_is_unix(&place->addr) &&
			addr_port(&place->addr) == 0))
			continue;
		for (unsigned k = 0; k < place->sockets; k++)
			visit(owner, &place->socket[k].bound, &place->file,
			    place->socket[k].socket->fd);
	}
}

void
places_ports(const struct places *places, struct port_set *ports)
{
	memset(ports, 0, sizeof(*ports));
	for (size_t i = 0; i < places->count; i++)
		for (unsigned k = 0; k < places->place[i].sockets; k++) {
			const uint16_t port =
			    addr_port(&places->place[i].socket[k].bound);

			if (port != 0)
				ports->word[port / 64] |= UINT64_C(1)
				    << port % 64;
		}
}

void
places_unlink(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		sockfile_unlink(&places->place[i].bound,
		    &places->place[i].file);
}
