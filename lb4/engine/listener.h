/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A listener: one listening socket of a service, in one worker.  TCP sockets
 * are one per worker (SO_REUSEPORT); a unix socket is shared by all and wakes
 * one at a time (EPOLLEXCLUSIVE).  Closing one of a SO_REUSEPORT group resets
 * the clients in its queue: with fewer workers the others accept from it, and a
 * socket is closed only when nobody is to listen there any more.
 *
 * Level-triggered, so that what a small batch leaves in the kernel's queue is
 * reported again.  While maxconn is reached or descriptors are lacking the
 * listener is taken out of epoll and the kernel's backlog holds the clients.
 *
 * Before a shut gate listeners stand in line, each with a ticket of the process
 * that it keeps until it has accepted one conn: so freed places go round, from
 * listener to listener, service to service and worker to worker (gate.h).
 */
#ifndef LB4_ENGINE_LISTENER_H
#define LB4_ENGINE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/timer.h"

/* How many a worker may have.  With fewer workers than there were each has more
 * of them. */
#define LISTENERS_MAX 65536

struct gate;
struct listen_socket;
struct service_state;
struct worker;

struct listener {
	struct timer retry;	      /* armed while descriptors are lacking */
	struct listen_socket *socket; /* referenced */
	struct service_state *state;  /* referenced */
	uint64_t turn;		      /* last turn in which it was ready */
	uint16_t batch;		      /* how many to accept at once */
	bool exclusive;	      /* other workers accept from the socket, too */
	bool polled;	      /* in epoll now */
	bool leaving;	      /* to be closed once its queue is empty */
	bool without_service; /* waits for its service to be in the table */
	struct gate *gate;    /* waits before this one, of the process or of its
			    * service, in the worker's line; NULL: does not */
	uint64_t ticket;      /* while it does */
	TAILQ_ENTRY(listener) entry;
};

/* Has a worker accept from the socket, with references of its own.  Before the
 * worker's thread starts, or from it.  0 or -errno. */
int listener_add(struct worker *worker, struct listen_socket *socket,
    struct service_state *state, bool exclusive);

/* The worker's listener on that socket: lets go of it, since others accept from
 * it now, or takes what waits in its queue before it does, since nobody will.
 */
void listener_forget(struct worker *worker, const struct listen_socket *socket);
void listener_leave(struct worker *worker, const struct listen_socket *socket);

/* epoll says that somebody may be waiting. */
void on_listener_ready(struct worker *worker, struct listener *listener);

/* The retry timer has fired. */
void on_listener_timer(struct worker *worker, struct listener *listener);

/* Tries the listeners of the worker that wait, each for one conn, by turns. */
void listeners_resume(struct worker *worker);

/* Takes what waits in the queues, then closes.  Those whose queues cannot be
 * emptied now, because a gate is shut, stay until listeners_resume(). */
void listeners_drain(struct worker *worker);

/* Closes all at once. */
void listeners_close(struct worker *worker);

#endif
