/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Listening sockets of a worker: see listener.h.  Called by worker.c. */
#include "lb4/engine/listener.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/sock.h"
#include "lb4/engine/conn.h"
#include "lb4/engine/entry.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/engine/types.h"
#include "lb4/engine/worker_post.h"
#include "lb4/engine/worker_warn.h"
#include "lb4/table/table.h"

/* Conns accepted at once vary between these with the load.  More would delay
 * the existing conns. */
#define BATCH_MIN 1
#define BATCH_MAX 16

/* The same for a listener that is about to be closed. */
#define DRAIN_BATCH 256

/* How long a listener rests when descriptors or memory have run out. */
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

/* Polls the listener again.  The next events report what else waits there. */
static void
resume_polling(struct worker *worker, struct listener *listener)
{
	if (poll_on(worker, listener) != 0)
		timer_arm(&worker->timers, &listener->retry,
		    worker->now_ms + RESOURCE_PAUSE_MS);
}

static void
poll_off(struct worker *worker, struct listener *listener)
{
	if (listener->polled)
		(void)loop_remove(worker->epfd, listener->socket->fd);
	listener->polled = false;
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

/* ---- before a gate ----------------------------------------------------- */

/* Shows the oldest ticket that waits at the gate in this worker. */
static void
show_oldest(struct worker *worker, struct gate *gate)
{
	const struct listener *listener;

	TAILQ_FOREACH(listener, &worker->line, entry)
		if (listener->gate == gate) {
			gate_show(gate, worker->index, listener->ticket);
			return;
		}
	gate_withdraw(gate, worker->index);
}

/* Nearly always inserts at the end, since the ticket has just been drawn. */
static void
stand_in_line(struct worker *worker, struct listener *listener)
{
	struct listener *before = TAILQ_LAST(&worker->line, listener_line);

	listener->ticket = atomic_fetch_add(&worker->shared->tickets, 1);
	while (before != NULL && before->ticket > listener->ticket)
		before = TAILQ_PREV(before, listener_line, entry);
	if (before != NULL)
		TAILQ_INSERT_AFTER(&worker->line, before, listener, entry);
	else
		TAILQ_INSERT_HEAD(&worker->line, listener, entry);
}

/* From now on waits before this gate, with the ticket it has. */
static void
wait_before(struct worker *worker, struct listener *listener, struct gate *gate)
{
	struct gate *other = listener->gate;

	if (other == NULL) {
		stand_in_line(worker, listener);
		poll_off(worker, listener);
	}
	listener->gate = gate;
	(void)atomic_fetch_add_explicit(&gate->waits, 1, memory_order_relaxed);
	show_oldest(worker, gate);
	if (other != NULL) {
		show_oldest(worker, other);
		worker_call_oldest(worker->shared, other);
	}
}

/* Stops waiting.  What is left at the gate is for the next one. */
static void
step_out(struct worker *worker, struct listener *listener)
{
	struct gate *gate = listener->gate;

	if (gate == NULL)
		return;
	TAILQ_REMOVE(&worker->line, listener, entry);
	listener->gate = NULL;
	show_oldest(worker, gate);
	if (gate_has_waiters(gate))
		worker_call_oldest(worker->shared, gate);
}

/* Enters both gates.  Returns the gate that is shut, or NULL. */
static struct gate *
enter(struct worker *worker, struct listener *listener,
    const struct service *service)
{
	struct gate *mine = &listener->state->gate;
	struct gate *all = &worker->shared->gate;
	const uint64_t ticket = listener->gate != NULL ? listener->ticket
						       : GATE_NO_TICKET;

	if (!gate_enter(all,
		atomic_load_explicit(&worker->shared->maxconn,
		    memory_order_relaxed),
		ticket))
		return all;
	if (gate_enter(mine, service->settings.maxconn, ticket))
		return NULL;
	worker_leave(worker->shared, all);
	return mine;
}

static void
leave(struct worker *worker, struct listener *listener)
{
	worker_leave(worker->shared, &listener->state->gate);
	worker_leave(worker->shared, &worker->shared->gate);
}

/* Before a shut gate, shows the ticket and then tries once more: whoever leaves
 * after that calls this worker. */
static bool
enter_or_wait(struct worker *worker, struct listener *listener,
    const struct service *service)
{
	struct gate *shut = enter(worker, listener, service), *before = NULL;

	while (shut != NULL && shut != before) {
		if (listener->gate != shut)
			wait_before(worker, listener, shut);
		before = shut;
		shut = enter(worker, listener, service);
	}
	if (shut != NULL)
		return false;
	if (listener->gate != NULL) {
		step_out(worker, listener);
		/* the other gate's place may have been meant for another
		 * listener */
		if (gate_has_waiters(&listener->state->gate))
			worker_call_oldest(worker->shared,
			    &listener->state->gate);
		resume_polling(worker, listener);
	}
	return true;
}

/* ---- leaving and accepting ---------------------------------------------- */

static void
listener_close(struct worker *worker, struct listener *listener)
{
	step_out(worker, listener);
	worker->without_service -= listener->without_service;
	/* others may share the socket, so closing it would not remove it from
	 * epoll */
	poll_off(worker, listener);
	listen_socket_unref(listener->socket);
	timer_disarm(&worker->timers, &listener->retry);
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
		if (listener->socket->mptcp)
			sock_set_plain(fd, service->settings.user_timeout_ms);
		if (entry_admits(worker, service, fd, &client))
			conn_open(worker, service, listener->socket->port, fd,
			    &client);
		else
			leave(worker, listener);
		return ACCEPTED;
	}
	error = errno;
	leave(worker, listener);
	switch (error) {
	case EAGAIN:
		return QUEUE_EMPTY;
	case ECONNABORTED:
	case EINTR:
		return ACCEPTED; /* this client has gone; try the next */
	default:
		/* No resource is left, or accepting is not allowed.  A lasting
		 * error must not be retried at once. */
		rest(worker, listener, error);
		return CANNOT;
	}
}

/* Two full batches in consecutive turns double the batch.  An empty queue
 * shrinks it to what was there.  So a lone client costs one accept4(2), and a
 * crowd takes few turns. */
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

/* Accepts what there is, up to a bound; epoll reports the rest again.  Returns
 * true when the queue is empty.  Without a service nothing can be accepted: the
 * table without it is published only after its queues have been emptied. */
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

void
listener_forget(struct worker *worker, const struct listen_socket *socket)
{
	struct listener *listener = find(worker, socket);

	if (listener == NULL)
		return;
	/* epoll woke one worker for each client: those that it woke this one
	 * for would wait until another client comes */
	if (listener->exclusive)
		(void)drain_one(worker, listener);
	listener_close(worker, listener);
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

static void
wait_for_service(struct worker *worker, struct listener *listener)
{
	poll_off(worker, listener);
	worker->without_service += !listener->without_service;
	listener->without_service = true;
}

void
on_listener_ready(struct worker *worker, struct listener *listener)
{
	const struct service *service = table_service_of(worker->table,
	    listener->state);

	if (worker->draining || listener->leaving) {
		drain_and_close(worker, listener);
	} else if (service == NULL) {
		/* a message about its future is on the way; meanwhile epoll
		 * would report it in every turn */
		wait_for_service(worker, listener);
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

/* Retries the listeners whose service may be in the table now. */
static void
try_services(struct worker *worker)
{
	struct listener *listener;
	uint32_t i = 0;

	while (worker->without_service > 0 &&
	    (listener = slots_each(&worker->listeners, &i)) != NULL) {
		if (!listener->without_service)
			continue;
		listener->without_service = false;
		worker->without_service--;
		on_listener_timer(worker, listener);
	}
}

/* Its turn may have come: accepts one conn, so that the others get their turns.
 * Returns false when the process is full, so that later ones have to wait too.
 */
static bool
try_turn(struct worker *worker, struct listener *listener)
{
	const struct service *service = table_service_of(worker->table,
	    listener->state);

	if (worker->draining || listener->leaving) {
		if (drain_one(worker, listener)) {
			listener_close(worker, listener);
			return true;
		}
	} else if (service == NULL) {
		step_out(worker, listener);
		wait_for_service(worker, listener);
	} else {
		(void)accept_one(worker, listener, service);
	}
	return listener->gate != &worker->shared->gate;
}

void
listeners_resume(struct worker *worker)
{
	struct listener *listener, *next;
	bool going = true;

	try_services(worker);
	for (listener = TAILQ_FIRST(&worker->line); going && listener != NULL;
	     listener = next) {
		next = TAILQ_NEXT(listener, entry);
		going = try_turn(worker, listener);
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
