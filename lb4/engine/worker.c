/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The worker's thread and its main loop: see worker.h. */
#include "lb4/engine/worker.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "lb4/engine/access_lines.h"
#include "lb4/engine/conn.h"
#include "lb4/engine/conn_end.h"
#include "lb4/engine/conn_excuse.h"
#include "lb4/engine/conn_give.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/engine/gather.h"
#include "lb4/engine/listen_socket.h"
#include "lb4/engine/listener.h"
#include "lb4/engine/mirror.h"
#include "lb4/engine/moving.h"
#include "lb4/engine/preface.h"
#include "lb4/engine/spin.h"
#include "lb4/engine/tcpinfo.h"
#include "lb4/engine/throttle.h"
#include "lb4/engine/types.h"
#include "lb4/engine/waiting.h"
#include "lb4/engine/walk.h"
#include "lb4/engine/weigh.h"
#include "lb4/engine/worker_post.h"
#include "lb4/model/rcu.h"
#include "lb4/table/table.h"

#define EVENTS_MAX 128
#define MAILBOX_MESSAGES 1024
#define WARN_EVERY_MS 1000

static int
init_relays(struct worker *worker, const struct config *config,
    uint64_t maxpipes)
{
	uint32_t pipes;
	uint64_t big;
	int error;

	engine_pipes(config, maxpipes, &pipes, &big);
	error = relay_env_init(&worker->relays, config->relay, pipes,
	    (uint32_t)config->pipe_size, big);
	worker->relays.no_splice = worker->shared->no_splice;
	return error;
}

int
worker_init(struct worker *worker, struct worker_shared *shared, unsigned index,
    const struct config *config, const struct engine_limits *limits)
{
	const uint64_t maxconn = atomic_load_explicit(&shared->maxconn,
	    memory_order_relaxed);
	int error;

	*worker = (struct worker){
		.shared = shared,
		.index = index,
		.cpu = -1,
		.epfd = -1,
		.mailbox = { .fd = -1 },
		.last_conn = shared->last_conn,
	};
	TAILQ_INIT(&worker->ready);
	TAILQ_INIT(&worker->dead);
	TAILQ_INIT(&worker->line);
	TAILQ_INIT(&worker->gathering);
	TAILQ_INIT(&worker->to_look);
	waiting_init(&worker->waiting);
	timer_wheel_init(&worker->timers, timer_now_ms());
	limiter_init(&worker->warnings, 1, WARN_EVERY_MS);
	error = mailbox_init(&worker->mailbox, MAILBOX_MESSAGES,
	    sizeof(struct worker_message));
	if (error == 0)
		error = slots_init(&worker->conns,
		    (uint32_t)(shared->room > maxconn ? shared->room : maxconn),
		    sizeof(struct conn));
	if (error == 0)
		error = access_lines_init(worker);
	if (error == 0)
		error = tcpinfo_init(worker);
	if (error == 0)
		error = weigh_init(worker);
	if (error == 0)
		error = preface_init(worker);
	if (error == 0)
		error = mirrors_init(worker);
	if (error == 0)
		error = throttle_make(worker);
	if (error == 0)
		error = slots_init(&worker->listeners, LISTENERS_MAX,
		    sizeof(struct listener));
	if (error == 0)
		error = init_relays(worker, config, limits->maxpipes);
	if (error != 0)
		return error;
	if ((worker->epfd = loop_open()) < 0)
		return worker->epfd;
	return loop_add(worker->epfd, worker->mailbox.fd, EPOLLIN,
	    loop_tag(TAG_MAILBOX, 0, 0));
}

void
worker_done(struct worker *worker)
{
	if (worker->listeners.memory != NULL)
		listeners_close(worker);
	if (worker->relays.scratch != NULL)
		relay_env_done(&worker->relays);
	slots_done(&worker->conns);
	access_lines_done(worker);
	tcpinfo_done(worker);
	weigh_done(worker);
	preface_done(worker);
	mirrors_done(worker);
	throttle_unmake(worker);
	slots_done(&worker->listeners);
	mailbox_done(&worker->mailbox);
	if (worker->epfd >= 0)
		(void)close(worker->epfd);
	worker->epfd = -1;
}

static void
look_at_clock(struct worker *worker)
{
	worker->now_us = timer_now_us();
	worker->now_ms = worker->now_us / 1000;
}

/* The same, after a wait of `wait_ms`.  A longer gap is no silence of conns. */
static void
look_for_gap(struct worker *worker, int wait_ms)
{
	const uint64_t before_ms = worker->now_ms;

	look_at_clock(worker);
	if (loop_gap(before_ms, wait_ms, worker->now_ms) <= LOOP_GAP_MS)
		return;
	worker->behind = true;
	conns_excuse(worker, worker->now_ms - before_ms);
}

/* ---- messages ---------------------------------------------------------- */

static void
on_move(struct worker *worker, const struct worker_message *message)
{
	struct worker *to = &worker->shared->workers[message->to];
	struct conn *conn;
	uint32_t i = 0;

	while (to != worker && (conn = slots_each(&worker->conns, &i)) != NULL)
		if (conn->state != CONN_CLOSED &&
		    (message->id == 0 || message->id == conn->id))
			(void)conn_give(worker, conn, to);
}

/* Gives the conns to the remaining workers, in turn.  Conns that cannot go yet
 * are served and tried again in the next turn of the loop. */
static void
retire(struct worker *worker)
{
	struct conn *conn;
	uint32_t i = 0;
	bool going = true;

	listeners_close(worker);
	while (going && (conn = slots_each(&worker->conns, &i)) != NULL)
		if (conn->state != CONN_CLOSED)
			going = conn_give(worker, conn,
			    &worker->shared->workers[i % worker->retiring]);
}

static void
kill_all(struct worker *worker)
{
	struct conn *conn;
	uint32_t i = 0;

	listeners_close(worker);
	while ((conn = slots_each(&worker->conns, &i)) != NULL)
		if (conn->state != CONN_CLOSED)
			conn_kill(worker, conn);
}

/* As kill_all(), but delivers first what the conns have received. */
static void
cut_all(struct worker *worker)
{
	struct conn *conn;
	uint32_t i = 0;

	listeners_close(worker);
	while ((conn = slots_each(&worker->conns, &i)) != NULL)
		if (conn->state == CONN_RELAYING)
			conn_cut(worker, conn, REASON_KILLED);
		else if (conn->state != CONN_CLOSED &&
		    conn->state != CONN_RESETTING)
			conn_kill(worker, conn);
}

static void
on_listen(struct worker *worker, const struct worker_message *message)
{
	int error = listener_add(worker, message->socket, message->state,
	    message->exclusive);

	if (error != 0)
		log_error("service %s: worker %u cannot listen: %s",
		    message->state->name, worker->index, strerror(-error));
	listen_socket_unref(message->socket);
	service_state_unref(message->state);
}

static void
on_message(struct worker *worker, const struct worker_message *message)
{
	switch (message->kind) {
	case WORKER_ATTACH:
		/* its times may be later than the beginning of our turn, and
		 * the next turn would not see a gap in this one */
		look_for_gap(worker, 0);
		conn_attach(worker, message->conn);
		atomic_store_explicit(&worker->drained, false,
		    memory_order_relaxed);
		break;
	case WORKER_ADOPT:
		look_for_gap(worker, 0);
		moving_on_adopt(worker, message->conn);
		break;
	case WORKER_MOVE:
		on_move(worker, message);
		break;
	case WORKER_WALK:
		message->walk->run(worker, message->walk);
		break;
	case WORKER_LISTEN:
		on_listen(worker, message);
		break;
	case WORKER_UNLISTEN:
		listener_forget(worker, message->socket);
		break;
	case WORKER_LEAVE:
		listener_leave(worker, message->socket);
		break;
	case WORKER_PIPES:
		pipes_resize(&worker->relays.pipes, message->pipes,
		    message->big_pipes);
		access_lines_change(worker);
		break;
	case WORKER_RETIRE:
		worker->retiring = message->to;
		break;
	case WORKER_DRAIN:
		worker->draining = true;
		listeners_drain(worker);
		break;
	case WORKER_CUT:
		worker->draining = true;
		cut_all(worker);
		break;
	case WORKER_KILL:
		worker->draining = true;
		kill_all(worker);
		break;
	case WORKER_STOP:
		worker->stopping = true;
		break;
	}
}

static void
on_mailbox(struct worker *worker)
{
	struct worker_message message;

	mailbox_open(&worker->mailbox);
	while (mailbox_take(&worker->mailbox, &message))
		on_message(worker, &message);
	listeners_resume(worker);
	on_waiting_bell(worker, conn_admit);
}

/* ---- the loop ---------------------------------------------------------- */

static void
on_event(struct worker *worker, const struct epoll_event *event)
{
	const uint64_t tag = event->data.u64;
	const uint32_t index = loop_tag_index(tag);
	const uint32_t generation = loop_tag_generation(tag);
	void *object;

	switch ((enum worker_tag)loop_tag_kind(tag)) {
	case TAG_MAILBOX:
		on_mailbox(worker);
		break;
	case TAG_LISTENER:
		object = slots_find(&worker->listeners, index, generation);
		if (object != NULL)
			on_listener_ready(worker, object);
		break;
	case TAG_CLIENT:
	case TAG_BACKEND:
		object = slots_find(&worker->conns, index, generation);
		if (object != NULL)
			on_conn_event(worker, object,
			    loop_tag_kind(tag) == TAG_CLIENT ? CLIENT : BACKEND,
			    event->events);
		break;
	case TAG_MIRROR:
		object = slots_find(&worker->mirrors.slots, index, generation);
		if (object != NULL)
			on_mirror_event(worker, object, event->events);
		break;
	}
}

/* Runs each conn that is ready now once.  What it leaves is for the next turn.
 */
static void
run_ready(struct worker *worker)
{
	struct conn_list now = TAILQ_HEAD_INITIALIZER(now);
	struct conn *conn;

	TAILQ_CONCAT(&now, &worker->ready, entry);
	while ((conn = TAILQ_FIRST(&now)) != NULL) {
		TAILQ_REMOVE(&now, conn, entry);
		conn->ready = false;
		on_conn_ready(worker, conn);
	}
}

/* Timers are embedded in a conn, in its mirror, in a listener, or in the worker
 * itself. */
static void
on_timer(struct worker *worker, struct timer *timer)
{
	const unsigned char *at = (const unsigned char *)timer;
	const unsigned char *begin = worker->conns.memory;
	const size_t size = worker->conns.stride * worker->conns.count;
	struct mirror *mirror = mirror_of_timer(worker, timer);

	if (at >= begin && at < begin + size)
		on_conn_timer(worker,
		    (struct conn *)((unsigned char *)timer -
			offsetof(struct conn, timer)));
	else if (mirror != NULL)
		on_mirror_timer(worker, mirror);
	else if (timer == &worker->waiting.look)
		on_waiting_look(worker);
	else if (timer == &worker->waiting.retry)
		on_throttled_retry(worker);
	else
		on_listener_timer(worker,
		    (struct listener *)((unsigned char *)timer -
			offsetof(struct listener, retry)));
}

/* How long the loop may wait for events. */
static int
sleep_ms(const struct worker *worker)
{
	if (!TAILQ_EMPTY(&worker->ready) || access_lines_pending(worker) ||
	    mirrors_pending(worker))
		return 0;
	/* the remaining conns are still to be given away */
	if (worker->retiring != 0)
		return 1;
	return timer_wheel_sleep(&worker->timers, worker->now_ms);
}

/* Waits for events.  Holds no table meanwhile. */
static int
wait_for_events(struct worker *worker, struct epoll_event *events,
    int timeout_ms)
{
	int timeout_us = gather_sleep_us(worker, timeout_ms);
	int n;

	worker->table = NULL;
	if (timeout_ms == 0 || timeout_us == 0) {
		rcu_quiescent();
		return loop_wait(worker->epfd, events, EVENTS_MAX, 0);
	}
	rcu_offline();
	n = spin_wait(worker, events, EVENTS_MAX, &timeout_us);
	if (n == 0)
		n = timeout_us >= 0
		    ? loop_wait_us(worker->epfd, events, EVENTS_MAX,
			  (unsigned)timeout_us)
		    : loop_wait(worker->epfd, events, EVENTS_MAX, timeout_ms);
	rcu_online();
	return n;
}

/* Tells control that nothing is left to drain: once, and again after each conn
 * that was still on its way here has come and ended. */
static void
report_drained(struct worker *worker)
{
	const struct control_message message = {
		.kind = CONTROL_DRAINED,
		.worker = worker->index,
	};
	struct mailbox *control = worker->shared->peers.control;

	if (!worker->draining || worker->conns.used != 0 ||
	    worker->listeners.used != 0 ||
	    atomic_load_explicit(&worker->drained, memory_order_relaxed))
		return;
	atomic_store_explicit(&worker->drained, true, memory_order_release);
	if (control != NULL && !mailbox_post(control, &message))
		atomic_store_explicit(&worker->drained, false,
		    memory_order_relaxed);
}

/* Serves events before deadlines: see worker.h.  `n` events were served in this
 * turn. */
static void
run_timers(struct worker *worker, int n)
{
	struct timer *timer;

	if (worker->behind && n == EVENTS_MAX)
		return; /* there may be more events */
	worker->behind = false;
	while ((timer = timer_wheel_next(&worker->timers, worker->now_ms)) !=
	    NULL)
		on_timer(worker, timer);
}

/* For the metrics: what this turn has changed, and how long it was. */
static void
publish_stats(struct worker *worker)
{
	const struct pipes *pipes = &worker->relays.pipes;
	struct worker_stats *stats = &worker->stats;

	atomic_store_explicit(&stats->spliced_bytes,
	    worker->relays.spliced_bytes, memory_order_relaxed);
	atomic_store_explicit(&stats->copied_bytes, worker->relays.copied_bytes,
	    memory_order_relaxed);
	atomic_store_explicit(&stats->pipes, pipes->open, memory_order_relaxed);
	atomic_store_explicit(&stats->pipes_max, pipes->max,
	    memory_order_relaxed);
	atomic_store_explicit(&stats->pipes_refused, pipes->refused,
	    memory_order_relaxed);
	atomic_store_explicit(&stats->moved_conns, worker->moved,
	    memory_order_relaxed);
	atomic_store_explicit(&stats->work, weigh_worker(worker),
	    memory_order_relaxed);
	histogram_observe(&stats->turn, &histogram_short,
	    timer_now_us() - worker->now_us);
}

static void
turn(struct worker *worker)
{
	struct epoll_event events[EVENTS_MAX];
	const int timeout_ms = sleep_ms(worker);
	int n = wait_for_events(worker, events, timeout_ms);
	struct conn *conn;

	worker->turn++;
	look_for_gap(worker, timeout_ms);
	atomic_store_explicit(&worker->turn_ms, worker->now_ms,
	    memory_order_relaxed);
	worker->relays.now_ms = worker->now_ms;
	worker->table = table_current(worker->shared->tables);

	for (int i = 0; i < n; i++)
		on_event(worker, &events[i]);
	run_ready(worker);
	if ((conn = gather_next(worker)) != NULL)
		on_conn_ready(worker, conn);
	if (access_lines_pending(worker))
		access_lines_run(worker);
	run_timers(worker, n);
	mirrors_run(worker);

	if (worker->retiring != 0)
		retire(worker);
	conns_bury(worker);
	if (worker->retiring != 0 && worker->conns.used == 0) {
		worker->stopping = true;
		pipes_resize(&worker->relays.pipes, 0, 0);
	}
	atomic_store_explicit(&worker->open, worker->conns.used,
	    memory_order_relaxed);
	report_drained(worker);
	publish_stats(worker);
	atomic_store_explicit(&worker->turn_ms, 0, memory_order_relaxed);
}

static void
pin(const struct worker *worker)
{
	cpu_set_t set;

	if (worker->cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(worker->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == -1)
		log_warning("cannot pin worker %u to CPU %d: %s", worker->index,
		    worker->cpu, strerror(errno));
}

void *
worker_main(void *argument)
{
	struct worker *worker = argument;
	char name[16];

	(void)snprintf(name, sizeof(name), "lb4-worker%u",
	    worker->index % 1000);
	(void)pthread_setname_np(pthread_self(), name);
	atomic_store_explicit(&worker->tid, gettid(), memory_order_relaxed);
	pin(worker);
	rcu_reader_start();
	look_at_clock(worker);
	access_lines_begin(worker);
	worker->stopping = false;
	worker->retiring = 0;
	while (!worker->stopping)
		turn(worker);
	mirrors_stop(worker);
	worker->table = NULL;
	rcu_reader_stop();
	return NULL;
}

void
worker_end(struct worker *worker)
{
	struct worker_message message;

	look_at_clock(worker);
	while (worker_take_undelivered(worker, &message))
		if (message.kind == WORKER_ADOPT)
			moving_on_adopt(worker, message.conn);
		else
			conn_attach(worker, message.conn);
	kill_all(worker);
	mirrors_stop(worker);
	conns_bury(worker);
}
