/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A listener: one listening socket of a service in one worker.  Each worker has
 * TCP sockets of its own (SO_REUSEPORT).  All workers share a unix socket,
 * which wakes one of them at a time (EPOLLEXCLUSIVE).  Closing one socket of a
 * SO_REUSEPORT group resets the clients in its queue.  With fewer workers, the
 * remaining ones therefore accept from it, and a socket is closed only when no
 * service listens there any more.
 *
 * Level-triggered, so that epoll reports again what a small batch leaves in the
 * kernel's queue.  While maxconn is reached or descriptors have run out, the
 * listener is not in epoll, and clients wait in the kernel's backlog.
 *
 * Before a shut gate, listeners wait in line.  Each has a ticket of the
 * process, which it keeps until it has accepted one conn.  So freed places go
 * round among listeners, services and workers (gate.h).
 */
#ifndef LB4_ENGINE_LISTENER_H
#define LB4_ENGINE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/attr.h"
#include "common/timer.h"

/* The most listeners a worker may have.  When workers retire, the others take
 * over their listeners. */
#define LISTENERS_MAX 65536

struct gate;
struct listen_socket;
struct service_state;
struct worker;

struct listener {
	struct timer retry;	      /* armed when resources have run out */
	struct listen_socket *socket; /* referenced */
	struct service_state *state;  /* referenced */
	uint64_t turn;		      /* last turn in which it was ready */
	uint16_t batch;		      /* how many to accept at once */
	bool exclusive;		      /* other workers accept from it too */
	bool polled;		      /* in epoll now */
	bool leaving;		      /* to be closed once its queue is empty */
	bool without_service; /* waits for its service to be in the table */
	struct gate *gate;    /* waits before this one, of the process or of its
			    * service, in the worker's line; NULL: does not */
	uint64_t ticket;      /* while it waits */
	TAILQ_ENTRY(listener) entry;
};

/* Has a worker accept from the socket.  Takes references of its own.  Called
 * before the worker's thread starts, or from that thread.  0 or -errno. */
must_check int listener_add(struct worker *worker, struct listen_socket *socket,
    struct service_state *state, bool exclusive);

/* The worker's listener on that socket.  listener_forget() drops it, since
 * others accept from the socket now.  listener_leave() first accepts what waits
 * in its queue, since nobody else will. */
void listener_forget(struct worker *worker, const struct listen_socket *socket);
void listener_leave(struct worker *worker, const struct listen_socket *socket);

/* epoll reports that clients may be waiting. */
void on_listener_ready(struct worker *worker, struct listener *listener);

/* The retry timer has fired. */
void on_listener_timer(struct worker *worker, struct listener *listener);

/* Lets each waiting listener of the worker try for one conn, in turn. */
void listeners_resume(struct worker *worker);

/* Accepts what waits in the queues, then closes.  Listeners whose queues cannot
 * be emptied now, because a gate is shut, stay until listeners_resume(). */
void listeners_drain(struct worker *worker);

/* Closes all listeners at once. */
void listeners_close(struct worker *worker);

#endif
