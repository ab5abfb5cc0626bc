/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A listener: one listening socket of a service, in one worker.  TCP sockets
 * are one per worker (SO_REUSEPORT); a unix socket is shared by all, each with
 * a descriptor of its own, and wakes one at a time (EPOLLEXCLUSIVE).
 *
 * Level-triggered, so that what a small batch leaves in the kernel's queue is
 * reported again.  While maxconn is reached or descriptors are lacking the
 * listener is taken out of epoll and the kernel's backlog holds the clients.
 */
#ifndef LB4_ENGINE_LISTENER_H
#define LB4_ENGINE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/timer.h"

struct service_state;
struct worker;

struct listener {
	struct timer retry;	     /* armed while descriptors are lacking */
	struct service_state *state; /* referenced */
	uint64_t turn;		     /* last turn in which it was ready */
	int fd;
	uint16_t port;	     /* host byte order; 0: unix */
	uint16_t batch;	     /* how many to accept at once */
	bool shared;	     /* with other workers: unix */
	bool polled;	     /* in epoll now */
	bool waits_for_room; /* before the gate of the process or service */
};

/* Adds a listening socket to a worker, which owns the descriptor from now on.
 * Before the worker's thread starts, or from it.  0 or -errno (the descriptor
 * stays the caller's then). */
int listener_add(struct worker *worker, int fd, bool shared, uint16_t port,
    struct service_state *state);

/* epoll says that somebody may be waiting. */
void on_listener_ready(struct worker *worker, struct listener *listener);

/* The retry timer has fired. */
void on_listener_timer(struct worker *worker, struct listener *listener);

/* Tries all listeners of the worker that wait for room. */
void listeners_resume(struct worker *worker);

/* Takes what waits in the queues, then closes.  Those whose queues cannot be
 * emptied now, because a gate is shut, stay until listeners_resume(). */
void listeners_drain(struct worker *worker);

/* Closes all at once. */
void listeners_close(struct worker *worker);

#endif
