/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Listening sockets of a worker: see listener.h.  Called by worker.c. */
#include "lb4/engine/listener.h"

#include <errno.h>
#include <stddef.h>
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

/* How long a listener rests when descriptors or memory are lacking. */
#define RESOURCE_PAUSE_MS 100

static int
poll_on(struct worker *worker, struct listener *listener)
{
	uint32_t events = EPOLLIN | (listener->shared ? EPOLLEXCLUSIVE : 0);
	int error;

	if (listener->polled)
		return 0;
	error = loop_add(worker->epfd, listener->fd, events,
	    loop_tag(TAG_LISTENER, slots_index(&worker->listeners, listener),
		slots_generation(&worker->listeners, listener)));
	listener->polled = error == 0;
	return error;
}

static void
poll_off(struct worker *worker, struct listener *listener)
{
	if (listener->polled)
		(void)loop_remove(worker->epfd, listener->fd);
	listener->polled = false;
}

int
listener_add(struct worker *worker, int fd, bool shared, uint16_t port,
    struct service_state *state)
{
	struct listener *listener = slots_take(&worker->listeners);
	int error;

	if (listener == NULL)
		return -ENOSPC;
	listener->fd = fd;
	listener->shared = shared;
	listener->port = port;
	listener->batch = BATCH_MIN;
	listener->state = state;
	if ((error = poll_on(worker, listener)) != 0) {
		slots_release(&worker->listeners, listener);
		return error;
	}
	service_state_ref(state);
	return 0;
}

static void
listener_close(struct worker *worker, struct listener *listener)
{
	/* others may share the socket: closing alone would leave it in epoll */
	poll_off(worker, listener);
	(void)close(listener->fd);
	timer_disarm(&worker->timers, &listener->retry);
	gate_wait_no_more(&listener->state->gate, worker->index);
	service_state_unref(listener->state);
	slots_release(&worker->listeners, listener);
}

/* Goes through both gates.  Returns the one that is shut, or NULL. */
static struct gate *
enter(struct worker *worker, struct listener *listener,
    const struct service *service)
{
	struct gate *mine = &listener->state->gate;
	struct gate *all = &worker->shared->gate;

	if (!gate_enter(all, worker->shared->maxconn))
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
	fd = accept4(listener->fd, (struct sockaddr *)&sa, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		endpoint_from_sockaddr(&client, (struct sockaddr *)&sa, len);
		conn_open(worker, service, listener->port, fd, &client);
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

static const struct service *
service_of(const struct worker *worker, const struct listener *listener)
{
	const struct service *service = table_service(worker->table,
	    listener->state->id);

	return service != NULL && service->state == listener->state ? service
								    : NULL;
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

void
on_listener_ready(struct worker *worker, struct listener *listener)
{
	const struct service *service = service_of(worker, listener);
	enum accepted last = ACCEPTED;
	unsigned taken = 0;

	if (worker->draining)
		listeners_drain(worker);
	if (worker->draining || service == NULL)
		return; /* the latter: its closing is under way */
	while (taken < listener->batch && last == ACCEPTED) {
		last = accept_one(worker, listener, service);
		if (last == ACCEPTED)
			taken++;
	}
	adapt_batch(worker, listener, taken, last);
}

void
on_listener_timer(struct worker *worker, struct listener *listener)
{
	if (worker->draining)
		listeners_drain(worker);
	else if (poll_on(worker, listener) != 0)
		timer_arm(&worker->timers, &listener->retry,
		    worker->now_ms + RESOURCE_PAUSE_MS);
}

/* Accepts all there is; true when the queue is empty. */
static bool
drain_one(struct worker *worker, struct listener *listener)
{
	const struct service *service = service_of(worker, listener);
	enum accepted last;

	if (service == NULL)
		return true;
	do {
		last = accept_one(worker, listener, service);
	} while (last == ACCEPTED);
	return last == QUEUE_EMPTY;
}

void
listeners_drain(struct worker *worker)
{
	struct listener *listener;
	uint32_t i = 0;

	while ((listener = slots_each(&worker->listeners, &i)) != NULL)
		if (drain_one(worker, listener))
			listener_close(worker, listener);
}

void
listeners_resume(struct worker *worker)
{
	struct listener *listener;
	uint32_t i = 0;

	if (worker->draining) {
		listeners_drain(worker);
		return;
	}
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
