/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Control's list of where the services listen, and of the sockets there.
 *
 * A place is an address of the configuration; a range of ports is one for each
 * port, one after another, and `bound.ahead` tells how many follow.
 *
 * A TCP place has a socket for each worker, in one SO_REUSEPORT group.  Socket
 * k belongs to worker k, or with fewer workers than sockets to worker k modulo
 * their number: no socket of a group is closed while a service listens there,
 * since that would reset the clients in its queue.  A place is common when all
 * workers accept from all of its sockets: unix sockets, and TCP places where
 * lb4 can open no further socket because it is no longer root.
 *
 * A change of the configuration makes a new list.  Places that stay share their
 * sockets with the old list.  Then the workers are told what is different.
 * Control thread only.
 *
 * Addresses may overlap: the kernel binds 127.0.0.1:80 beside 0.0.0.0:80 and
 * ":80" when all have SO_REUSEPORT and one owner (inet_csk_bind_conflict in
 * inet_connection_sock.c), and gives a client to the narrowest.  So a place
 * that widens keeps its old sockets: closing them would reset the clients in
 * their queues, and the new place gets their clients anyway.  Where a place
 * becomes narrower, its new socket gets the clients from its first moment, and
 * the old socket is emptied and closed.
 */
#ifndef LB4_ENGINE_PLACES_H
#define LB4_ENGINE_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/attr.h"
#include "common/sockfile.h"
#include "lb4/config/settings.h"
#include "lb4/engine/listen_socket.h"

struct inherited;
struct port_set;
struct service_state;
struct table;
struct why;
struct worker_shared;

struct place;

/* A socket in a place's list. */
struct place_socket {
	struct listen_socket *socket; /* referenced */
	struct addr bound;	      /* the place's, or within its reach */
	const struct place *before;   /* its place in the old list, */
	unsigned before_k;	      /* and its index there; NULL: it is new */
	bool kept;  /* only for its queue: narrower than the place */
	bool bare;  /* bound; listen(2) follows */
	bool stays; /* in the next list too */
};

struct place {
	struct addr addr;	     /* as configured */
	struct addr bound;	     /* with the port that the kernel chose */
	struct service_state *state; /* referenced */
	const struct place *before;  /* in the old list; NULL: it is new */
	bool stays;		     /* in the next list too */
	bool common;
	bool inherited;		     /* passed to lb4: the file is not lb4's */
	struct sockfile_id file;     /* of a unix socket that lb4 made */
	struct place_socket *socket; /* owned; `sockets` of them */
	unsigned sockets;
	unsigned dropped; /* of them: places_drop() */
};

/* The workers that run, and the list for them. */
struct places {
	struct place *place; /* owned; `count` of them */
	size_t count;
	unsigned workers;
};

/* What a list is made for. */
struct places_plan {
	const struct config *config;
	const struct table *table; /* the config's, published or not */
	unsigned workers;
	struct inherited *inherited; /* NULL: nothing */
};

/*
 * Makes the list.  Takes over what `old` has (except a unix socket whose file
 * has gone or belongs to another program, which is opened anew), then what was
 * inherited, and opens the rest.  Returns 0, or -errno with nothing left open
 * and "service web: cannot listen on 0.0.0.0:80: Address already in use" in
 * `why`.  After places_done() of one list the other stays valid: they share
 * sockets by reference.
 */
must_check int places_prepare(struct places *next, struct places *old,
    const struct places_plan *plan, struct why *why);

/* Starts to listen on the new sockets of the list; clients wait there from now
 * on. 0 or -errno. */
must_check int places_begin(struct places *next, const struct config *config);

/* Has the workers leave the sockets that are not in the next list.  Call it
 * after that list was prepared and listens, while the table still has the old
 * services.  Waits a short time until the queues there are empty. */
void places_leave(struct places *old, struct worker_shared *shared,
    unsigned started);

/* The same in an upgrade: what the new process does not take, whose list the
 * old process does not have. */
struct places_drop {
	uint32_t place, socket; /* indexes */
};

/* In the new process: lists the sockets of the old list that are not in the
 * next one; the caller owns the list.  0 or -ENOMEM. */
must_check int places_dropped(const struct places *old,
    struct places_drop **out, size_t *count);

/* In the old process: has the workers leave those sockets, and waits as
 * places_leave() does.  The files stay until places_keep_files(). */
void places_drop(struct places *places, struct worker_shared *shared,
    unsigned started, const struct places_drop *drop, size_t count);

/* The upgrade has failed: nothing is dropped. */
void places_drop_nothing(struct places *places);

/* It has succeeded: places_unlink() will remove the files of the places that
 * were dropped, and no others. */
void places_keep_files(struct places *places);

/* Has the workers take up what is different in the next list, whose table is
 * published.  Workers from `started` on have no thread yet.  Returns 0, or
 * -errno for one of those. */
int places_take_up(const struct places *next, const struct places *old,
    struct worker_shared *shared, unsigned started);

/* Sets the options of the sockets and the access of their files to those of
 * `config`, which is the list's. */
void places_set_options(const struct places *places,
    const struct config *config);

/* The TCP ports of the list's sockets. */
void places_ports(const struct places *places, struct port_set *ports);

/* Calls `visit` for each socket of the list that lb4 opened and would open at
 * the same address again: not for those of a service manager, nor for a port
 * that the kernel chose. */
void places_each_socket(const struct places *places,
    listen_socket_visit_fn *visit, void *owner);

/* Removes the files of the unix sockets.  Call it once. */
void places_unlink(struct places *places);

/* Discards a prepared list that is not taken up. */
void places_abandon(struct places *places);

/* Drops the list's references. */
void places_done(struct places *places);

#endif
