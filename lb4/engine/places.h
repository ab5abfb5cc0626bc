/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Control's list of where the services listen, and of the sockets there.
 *
 * A place is an address of the configuration.  A TCP place has a socket for
 * each worker, in one SO_REUSEPORT group; socket k belongs to worker k, or when
 * there are fewer workers than sockets, to worker k modulo their number: no
 * socket of a group is closed while anybody is to listen there, for that would
 * reset the clients in its queue.  A place is common when all workers accept
 * from all of its sockets: unix sockets, and TCP places where no further socket
 * can be opened since the right to do so was given up with root.
 *
 * A change of the configuration makes a new list, in which places that stay
 * share their sockets with the old one, and then tells the workers what is
 * different.  Control thread only.
 *
 * Addresses may overlap: the kernel binds 127.0.0.1:80 beside 0.0.0.0:80 and
 * ":80" when all have SO_REUSEPORT and one owner (inet_csk_bind_conflict in
 * inet_connection_sock.c), and gives a client to the narrowest that is there.
 * So a place that widens keeps its old sockets: closing them would reset who is
 * in their queues, or just about to be, and the new place has their clients
 * anyway.  Where a place becomes narrower, its new socket takes the clients
 * from its first moment, and the old one is emptied and closed.
 */
#ifndef LB4_ENGINE_PLACES_H
#define LB4_ENGINE_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/sockfile.h"
#include "lb4/config/settings.h"

struct inherited;
struct listen_socket;
struct port_set;
struct service_state;
struct table;
struct worker_shared;

struct place;

/* A socket in a place's list. */
struct place_socket {
	struct listen_socket *socket; /* referenced */
	struct addr bound;	      /* the place's, or within its reach */
	const struct place *before;   /* where it was in the old list, */
	unsigned before_k;	      /* and as which one; NULL: it is new */
	bool kept;  /* for its queue alone: narrower than the place */
	bool bare;  /* bound, and listen(2) is to come */
	bool stays; /* in the list to come, too */
};

struct place {
	struct addr addr;	     /* as configured */
	struct addr bound;	     /* with the port that the kernel chose */
	struct service_state *state; /* referenced */
	const struct place *before;  /* in the old list; NULL: it is new */
	bool stays;		     /* in the list to come, too */
	bool common;
	bool inherited;		 /* handed down to us: its file is not ours */
	struct sockfile_id file; /* of a unix socket that is ours */
	struct place_socket *socket; /* owned; `sockets` of them */
	unsigned sockets;
};

/* The workers that run, and the list for them. */
struct places {
	struct place *place; /* owned; `count` of them */
	size_t count;
	unsigned workers;
};

/* What a list is to be for. */
struct places_plan {
	const struct config *config;
	const struct table *table; /* the config's, published or not */
	unsigned workers;
	struct inherited *inherited; /* NULL: nothing */
};

/*
 * Makes the list.  Takes over what `old` has (but a unix socket whose file has
 * gone, or is no longer ours, is opened anew), then what was inherited, and
 * opens the rest.  Returns 0, or -errno with nothing left open and "service web:
 * cannot listen on 0.0.0.0:80: Address already in use" in `why`.  After
 * places_done() of the one, the other may go on: sockets are shared by
 * reference.
 */
int places_prepare(struct places *next, struct places *old,
    const struct places_plan *plan, char *why, size_t size);

/* Begins to listen where the list has new sockets: clients who come from now
 * on wait there.  0 or -errno. */
int places_begin(struct places *next, const struct config *config);

/* Has the workers leave what is not in the list to come, whose preparing has
 * just succeeded, and which listens by now: while its services are still in the
 * table.  Waits until the queues there are empty, but not for long. */
void places_leave(struct places *old, struct worker_shared *shared,
    unsigned started);

/* Has the workers take up what is different in the list to come, its table
 * being published now.  Workers from `started` on have no thread yet.  0 or
 * -errno: only of those. */
int places_take_up(const struct places *next, const struct places *old,
    struct worker_shared *shared, unsigned started);

/* Sets the options of the sockets, and the access of their files, as `config`,
 * the list's, has them. */
void places_set_options(const struct places *places,
    const struct config *config);

/* The TCP ports on which the sockets of the list listen. */
void places_ports(const struct places *places, struct port_set *ports);

/* Removes the files of the unix sockets, once. */
void places_unlink(struct places *places);

/* Throws a list away that was prepared and is not to be taken up. */
void places_abandon(struct places *places);

/* Gives its references up. */
void places_done(struct places *places);

#endif
