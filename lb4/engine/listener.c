/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Listening sockets of a worker: see listener.h.  Called by worker.c. */
#include "lb4/engine/listener.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "lb4/engine/conn.h"
#include "lb4/engine/worker.h"

/* Conns accepted at once: between these, as the load asks for it.  More would
 * keep the conns that are there waiting. */
#define BATCH_MIN 1
#define BATCH_MAX 16

/* ... and of a listener that is about to be closed. */
#define DRAIN_BATCH 256

/* How long a listener rests when descriptors or memory are lacking. */
#define RESOURCE_PAUSE_MS 100

static int
poll_on(struct worker *worker, struct listener *listener)
{
	uint32_t events = EPOLLIN | (listener->exclusive ? EPOLLEXCLUSIVE : 0);
	int error;

	if (listener->polled)
		return 0;
	error = loop_add(worker->epfd, listener->socket->fd, events,
	    loop_tag(TAG_LISTENER, slots_index(&worker->listeners, listener),
		slots_generation(&worker->listeners, listener)));
	listener->polled = error == 0;
	return error;
}

static void
poll_off(struct worker *worker, struct listener *listener)
{
	if (listener->polled)
		(void)loop_remove(worker->epfd, listener->socket->fd);
	listener->polled = false;
}

struct listen_socket *
listen_socket_new(int fd, uint16_t port)
{
	struct listen_socket *socket = malloc(sizeof(*socket));

	if (socket == NULL)
		return NULL;
	atomic_init(&socket->refs, 1);
	socket->fd = fd;
	socket->port = port;
	return socket;
}

void
listen_socket_ref(struct listen_socket *socket)
{
	(void)atomic_fetch_add_explicit(&socket->refs, 1, memory_order_relaxed);
}

void
listen_socket_unref(struct listen_socket *socket)
{
	if (atomic_fetch_sub_explicit(&socket->refs, 1, memory_order_acq_rel) !=
	    1)
		return;
	(void)close(socket->fd);
	free(socket);
}

int
listener_add(struct worker *worker, struct listen_socket *socket,
    struct service_state *state, bool exclusive)
{
	struct listener *listener = slots_take(&worker->listeners);
	int error;

	if (listener == NULL)
		return -ENOSPC;
	listener->socket = socket;
	listener->exclusive = exclusive;
	listener->batch = BATCH_MIN;
	listener->state = state;
	if ((error = poll_on(worker, listener)) != 0) {
		slots_release(&worker->listeners, listener);
		return error;
	}
	listen_socket_ref(socket);
	service_state_ref(state);
	return 0;
}

static void
listener_close(struct worker *worker, struct listener *listener)
{
	/* others may share the socket: closing alone would leave it in epoll */
	poll_off(worker, listener);
	listen_socket_unref(listener->socket);
	timer_disarm(&worker->timers, &listener->retry);
	/* its mark in the gate stays: another listener may wait there */
	service_state_unref(listener->state);
	if (listener->leaving)
		(void)atomic_fetch_sub_explicit(&worker->shared->leaving, 1,
		    memory_order_release);
	slots_release(&worker->listeners, listener);
}

static struct listener *
find(struct worker *worker, const struct listen_socket *socket)
{
	struct listener *listener;
	uint32_t i = 0;

	while ((listener = slots_each(&worker->listeners, &i)) != NULL)
		if (listener->socket == socket)
			break;
	return listener;
}

void
listener_forget(struct worker *worker, const struct listen_socket *socket)
{
	struct listener *listener = find(worker, socket);

	if (listener != NULL)
		listener_close(worker, listener);
}

/* Goes through both gates.  Returns the one that is shut, or NULL. */
static struct gate *
enter(struct worker *worker, struct listener *listener,
    const struct service *service)
{
	struct gate *mine = &listener->state->gate;
	struct gate *all = &worker->shared->gate;

	if (!gate_enter(all,
		atomic_load_explicit(&worker->shared->maxconn,
		    memory_order_relaxed)))
		return all;
	if (gate_enter(mine, service->maxconn))
		return NULL;
	if (gate_leave(all))
		worker_wake_waiters(worker->shared, all);
	return mine;
}

static void
leave(struct worker *worker, struct listener *listener)
{
	if (gate_leave(&listener->state->gate))
		worker_wake_waiters(worker->shared, &listener->state->gate);
	if (gate_leave(&worker->shared->gate))
		worker_wake_waiters(worker->shared, &worker->shared->gate);
}

/* A shut gate gets a mark, then is tried once more: whoever leaves after the
 * mark was set will wake us. */
static bool
enter_or_wait(struct worker *worker, struct listener *listener,
    const struct service *service)
{
	struct gate *shut = enter(worker, listener, service), *before = NULL;

	while (shut != NULL && shut != before) {
		gate_wait(shut, worker->index);
		before = shut;
		shut = enter(worker, listener, service);
	}
	if (shut == NULL)
		return true;
	poll_off(worker, listener);
	listener->waits_for_room = true;
	return false;
}

static void
rest(struct worker *worker, struct listener *listener, int error)
{
	if (worker_may_warn(worker))
		log_warning("service %s: cannot accept now: %s",
		    listener->state->name, strerror(error));
	poll_off(worker, listener);
	timer_arm(&worker->timers, &listener->retry,
	    worker->now_ms + RESOURCE_PAUSE_MS);
}

enum accepted { ACCEPTED, QUEUE_EMPTY, CANNOT };

static enum accepted
accept_one(struct worker *worker, struct listener *listener,
    const struct service *service)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct endpoint client;
	int fd, error;

	if (!enter_or_wait(worker, listener, service))
		return CANNOT;
	fd = accept4(listener->socket->fd, (struct sockaddr *)&sa, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		endpoint_from_sockaddr(&client, (struct sockaddr *)&sa, len);
		conn_open(worker, service, listener->socket->port, fd, &client);
		return ACCEPTED;
	}
	error = errno;
	leave(worker, listener);
	switch (error) {
	case EAGAIN:
		return QUEUE_EMPTY;
	case ECONNABORTED:
	case EINTR:
		return ACCEPTED; /* it has gone; the next may be fine */
	default:
		/* nothing left to accept with, or it is not allowed: what does
		 * not pass must not be asked again at once */
		rest(worker, listener, error);
		return CANNOT;
	}
}

/* A full batch in two turns in a row doubles it, an empty queue shrinks it to
 * what there was: a lone client costs one accept4(2), a crowd few turns. */
static void
adapt_batch(struct worker *worker, struct listener *listener, unsigned taken,
    enum accepted last)
{
	if (last == QUEUE_EMPTY)
		listener->batch = (uint16_t)(taken < BATCH_MIN ? BATCH_MIN
							       : taken);
	else if (last == ACCEPTED && listener->turn + 1 == worker->turn &&
	    listener->batch < BATCH_MAX)
		listener->batch *= 2;
	if (listener->batch > BATCH_MAX)
		listener->batch = BATCH_MAX;
	listener->turn = worker->turn;
}

/* Accepts what there is, within bounds: what is left over epoll reports again.
 * True when the queue is empty.  Without a service nobody can be served: the
 * table comes only after the queues of a service that goes. */
static bool
drain_one(struct worker *worker, struct listener *listener)
{
	const struct service *service = table_service_of(worker->table,
	    listener->state);
	enum accepted last = ACCEPTED;

	if (service == NULL)
		return true;
	for (int i = 0; i < DRAIN_BATCH && last == ACCEPTED; i++)
		last = accept_one(worker, listener, service);
	return last == QUEUE_EMPTY;
}

static void
drain_and_close(struct worker *worker, struct listener *listener)
{
	if (drain_one(worker, listener))
		listener_close(worker, listener);
}

void
listener_leave(struct worker *worker, const struct listen_socket *socket)
{
	struct listener *listener = find(worker, socket);

	if (listener == NULL) {
		(void)atomic_fetch_sub_explicit(&worker->shared->leaving, 1,
		    memory_order_release);
		return;
	}
	listener->leaving = true;
	drain_and_close(worker, listener);
}

static void
accept_batch(struct worker *worker, struct listener *listener,
    const struct service *service)
{
	enum accepted last = ACCEPTED;
	unsigned taken = 0;

	while (taken < listener->batch && last == ACCEPTED) {
		last = accept_one(worker, listener, service);
		if (last == ACCEPTED)
			taken++;
	}
	adapt_batch(worker, listener, taken, last);
}

void
on_listener_ready(struct worker *worker, struct listener *listener)
{
	const struct service *service = table_service_of(worker->table,
	    listener->state);

	if (worker->draining || listener->leaving) {
		drain_and_close(worker, listener);
	} else if (service == NULL) {
		/* what becomes of it is on its way to us; meanwhile epoll
		 * would report it without end */
		poll_off(worker, listener);
		listener->waits_for_room = true;
	} else {
		accept_batch(worker, listener, service);
	}
}

void
on_listener_timer(struct worker *worker, struct listener *listener)
{
	if (poll_on(worker, listener) != 0)
		timer_arm(&worker->timers, &listener->retry,
		    worker->now_ms + RESOURCE_PAUSE_MS);
	else if (worker->draining || listener->leaving)
		drain_and_close(worker, listener);
}

void
listeners_drain(struct worker *worker)
{
	struct listener *listener;
	uint32_t i = 0;

	while ((listener = slots_each(&worker->listeners, &i)) != NULL)
		drain_and_close(worker, listener);
}

void
listeners_resume(struct worker *worker)
{
	struct listener *listener;
	uint32_t i = 0;

	while ((listener = slots_each(&worker->listeners, &i)) != NULL) {
		if (!listener->waits_for_room)
			continue;
		listener->waits_for_room = false;
		on_listener_timer(worker, listener);
	}
}

void
listeners_close(struct worker *worker)
{
	struct listener *listener;
	uint32_t i = 0;

	while ((listener = slots_each(&worker->listeners, &i)) != NULL)
		listener_close(worker, listener);
}
