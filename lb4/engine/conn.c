/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The life of a conn: see conn.h.  Called by listener.c and worker.c.
 *
 * Here are the events.  They alone decide what comes next and change the state:
 * the functions named on_..., and those by which other modules open, admit, cut
 * and kill a conn.  The actions are in conn_connect.c, conn_relay.c and
 * conn_end.c; they return an outcome and change no state.  An event may close
 * the conn, so its caller must not touch the conn afterwards.
 */
#include "lb4/engine/conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "common/loop.h"
#include "lb4/balance/pick.h"
#include "lb4/engine/access_lines.h"
#include "lb4/engine/conn_connect.h"
#include "lb4/engine/conn_end.h"
#include "lb4/engine/conn_preread.h"
#include "lb4/engine/conn_relay.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/gather.h"
#include "lb4/engine/mirror.h"
#include "lb4/engine/preface.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/tcpinfo.h"
#include "lb4/engine/throttle.h"
#include "lb4/engine/waiting.h"
#include "lb4/table/table.h"

/* ---- relaying and resetting --------------------------------------------- */

static void
on_reset_step(struct worker *worker, struct conn *conn)
{
	if (conn_end_step(worker, conn))
		conn_close(worker, conn, conn->reason);
}

/* A side is, or may be, ready.  Runs the relay from `first` first. */
static void
on_relay_ready(struct worker *worker, struct conn *conn, enum conn_side first)
{
	switch (conn_relay(worker, conn, first)) {
	case CONN_GOES_ON:
		break;
	case CONN_FINISHED:
		conn_close(worker, conn, REASON_DONE);
		break;
	case CONN_FAILED:
		conn_begin_reset(worker, conn);
		conn_set_state(conn, CONN_RESETTING);
		on_reset_step(worker, conn);
		break;
	case CONN_NO_RESOURCE:
		conn_close(worker, conn, REASON_RESOURCE_DATA);
		break;
	}
}

void
conn_cut(struct worker *worker, struct conn *conn, enum reason reason)
{
	if (conn->state != CONN_RELAYING || !conn_all_is_read(conn)) {
		conn_close(worker, conn, reason);
		return;
	}
	conn_begin_cut(worker, conn, reason);
	conn_set_state(conn, CONN_RESETTING);
	on_reset_step(worker, conn);
}

void
conn_kill(struct worker *worker, struct conn *conn)
{
	conn_close(worker, conn,
	    conn->established		     ? REASON_KILLED
		: conn->state == CONN_QUEUED ? REASON_KILLED_QUEUED
					     : REASON_KILLED_CONNECT);
}

/* ---- connecting --------------------------------------------------------- */

/* How long the conn may still wait in the queue, all its waits together.  The
 * time for a backend to come and the time for room are counted one after the
 * other. */
static uint32_t
queue_left_ms(const struct worker *worker, const struct conn *conn)
{
	const struct conn_settings *settings = conn_settings(conn);
	const uint64_t waited = (uint64_t)conn->queue_ms +
	    (uint32_t)((uint32_t)worker->now_ms -
		conn_attempts(conn)->queued_since);
	const uint64_t most = settings->timeout_queue_ms +
	    (uint64_t)(conn->held ? settings->wait_for_backend_ms : 0);

	if (waiting_for_backend(worker, conn))
		return conn_hold_left_ms(worker, conn);
	return waited < most ? (uint32_t)(most - waited) : 0;
}

static void
arm_queue(struct worker *worker, struct conn *conn)
{
	timer_arm(&worker->timers, &conn->timer,
	    worker->now_ms + queue_left_ms(worker, conn));
}

/* All backends are full, or none is available: the conn waits for one that can
 * take it. */
static void
queue_up(struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);

	conn_release_backend(worker, conn);
	if (waiting_for_backend(worker, conn)) {
		conn->held = true;
		conn_attempts(conn)->tries = 0; /* any may be the next */
	}
	conn_ready_remove(worker, conn);
	if (!waiting_enter(worker, conn, service->settings.queue)) {
		conn_close(worker, conn, REASON_QUEUE_FULL);
		return;
	}
	conn_set_state(conn, CONN_QUEUED);
	arm_queue(worker, conn);
}

static void
on_connecting(struct worker *worker, struct conn *conn,
    enum conn_connecting outcome)
{
	if (outcome == CONNECT_FULL)
		queue_up(worker, conn);
	else if (outcome == CONNECT_GIVE_UP)
		conn_close(worker, conn, conn->reason);
}

static void
leave_queue(struct worker *worker, struct conn *conn)
{
	waiting_leave(worker, conn);
	timer_disarm(&worker->timers, &conn->timer);
	conn_set_state(conn, CONN_CONNECTING);
}

bool
conn_admit(struct worker *worker, struct conn *conn)
{
	int index = conn_choose(worker, conn);

	if (index == PICK_FULL || index == PICK_DOWN)
		return false;
	leave_queue(worker, conn);
	on_connecting(worker, conn, conn_connect_chosen(worker, conn, index));
	return true;
}

static void
on_attempt_failed(struct worker *worker, struct conn *conn, int error)
{
	conn_attempt_failed(worker, conn, error);
	on_connecting(worker, conn, conn_connect(worker, conn));
}

static void
close_own(struct worker *worker, struct conn *conn)
{
	conn->error = ELOOP;
	conn_close(worker, conn, REASON_OWN);
}

static void
on_attempt_event(struct worker *worker, struct conn *conn, uint32_t events)
{
	int error;

	if (conn->side[BACKEND].fd < 0 ||
	    (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
		return; /* not yet */
	if ((error = conn_attempt_error(worker, conn, events)) != 0) {
		on_attempt_failed(worker, conn, error);
		return;
	}
	/* check again: lb4 may have accepted it before it was noted */
	if (conn_is_own(worker, conn)) {
		close_own(worker, conn);
		return;
	}
	mirror_begin(worker, conn);
	conn_connected(worker, conn);
	access_lines_start(worker, conn);
	conn_set_state(conn, CONN_RELAYING);
	conn_arm_idle(worker, conn);
	on_relay_ready(worker, conn, CLIENT);
}

/* ---- first bytes -------------------------------------------------------- */

/* Lets a throttled conn go on if it is no longer over a limit. */
static void
retry_throttled(struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);

	if (throttle_enter(worker, conn, service) != REASON_DONE)
		return;
	conn->reason = REASON_DONE;
	leave_queue(worker, conn);
	on_connecting(worker, conn, conn_connect(worker, conn));
}

/* It is known who the client is. */
static void
on_client_known(struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	struct conn *first = throttle_first(worker);
	enum reason over;

	/* what a rate allows is for the one that has waited longest */
	if (first != NULL)
		retry_throttled(worker, first);
	over = throttle_enter(worker, conn, service);
	if (over == REASON_DONE) {
		on_connecting(worker, conn, conn_connect(worker, conn));
	} else if (service->settings.over_limit == OVER_LIMIT_RESET ||
	    !waiting_throttle(worker, conn, service->settings.queue)) {
		conn_close(worker, conn, over);
	} else {
		conn->reason = (uint8_t)over;
		conn_set_state(conn, CONN_QUEUED);
		arm_queue(worker, conn);
	}
}

static void
on_preread(struct worker *worker, struct conn *conn, enum conn_preread outcome)
{
	switch (outcome) {
	case PREREAD_WAITS:
		timer_arm(&worker->timers, &conn->timer,
		    conn_preread_deadline(conn));
		break;
	case PREREAD_DONE:
		timer_disarm(&worker->timers, &conn->timer);
		conn_set_state(conn, CONN_CONNECTING);
		on_client_known(worker, conn);
		break;
	case PREREAD_REFUSED:
		conn_close(worker, conn, conn->reason);
		break;
	}
}

/* The client has sent something, or may have. */
static void
on_preread_ready(struct worker *worker, struct conn *conn)
{
	on_preread(worker, conn, conn_preread(worker, conn));
}

static void
on_preread_timer(struct worker *worker, struct conn *conn)
{
	const enum conn_preread outcome = conn_preread(worker, conn);

	if (outcome != PREREAD_WAITS ||
	    worker->now_ms < conn_preread_deadline(conn)) {
		on_preread(worker, conn, outcome);
		return;
	}
	conn->error = ETIMEDOUT;
	conn_close(worker, conn, conn_preread_late(conn));
}

/* ---- opening ------------------------------------------------------------ */

/* A slot for a new conn.  The gates admit no more conns than there are slots,
 * but conns that died in this turn still have theirs.  No caller holds one of
 * those. */
static struct conn *
take_slot(struct worker *worker)
{
	struct conn *conn = slots_take(&worker->conns);

	if (conn == NULL) {
		conns_bury(worker);
		conn = slots_take(&worker->conns);
	}
	assert(conn != NULL);
	return conn;
}

/* Serves the conn, once it has told what its service reads first. */
static void
on_accepted(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	switch (conn_preread_begin(worker, conn, service)) {
	case PREREAD_WAITS:
		conn_set_state(conn, CONN_PREREAD);
		on_preread_ready(worker, conn);
		break;
	case PREREAD_DONE:
		on_client_known(worker, conn);
		break;
	case PREREAD_REFUSED:
		conn_close(worker, conn, conn->reason);
		break;
	}
}

void
on_throttled_retry(struct worker *worker)
{
	struct conn *conn, *next;

	for (conn = throttle_first(worker); conn != NULL; conn = next) {
		next = throttle_next(conn);
		retry_throttled(worker, conn);
	}
	throttle_arm(worker);
}

void
conn_open(struct worker *worker, const struct service *service, uint16_t port,
    int fd, const struct endpoint *client)
{
	struct conn *conn = take_slot(worker);

	conn->id = ++worker->last_conn << 8 | worker->index;
	conn->service = service->state;
	conn->client = *client;
	conn->port = port;
	conn->sampled = access_lines_sample(worker, conn->id);
	conn->terms = service->terms;
	terms_enter(conn->terms, worker->index);
	conn->accepted_us = worker->now_us;
	conn->last_ms = worker->now_ms;
	conn->side[CLIENT] = (struct side){ .fd = fd };
	conn->side[BACKEND] = (struct side){ .fd = -1 };
	conn_count(&conn_service_stats(worker, conn)->accepted, 1);
	if ((conn->error = -conn_watch(worker, conn, CLIENT)) != 0) {
		conn_close(worker, conn, REASON_RESOURCE_CONNECT);
		return;
	}
	if (conn_is_own(worker, conn))
		close_own(worker, conn);
	else
		on_accepted(worker, conn, service);
}

/* ---- events of sockets -------------------------------------------------- */

static void
note_events(struct side *side, uint32_t events)
{
	if ((events & EPOLLIN) != 0)
		side->in_ready = true;
	if ((events & EPOLLOUT) != 0)
		side->out_ready = true;
	if ((events & EPOLLPRI) != 0)
		side->urgent = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
		side->rdhup = true;
		side->in_ready = !side->eof;
	}
	if ((events & EPOLLERR) != 0)
		side->failed = true;
}

/* Whether the client has gone: with abort-on-close a FIN says so until a
 * backend has answered.  A reset comes with its own error. */
static bool
gives_up(const struct conn *conn)
{
	const struct side *client = &conn->side[CLIENT];

	return (conn->state == CONN_QUEUED || conn->state == CONN_CONNECTING) &&
	    client->rdhup && !client->failed &&
	    conn_settings(conn)->abort_on_close;
}

void
on_conn_event(struct worker *worker, struct conn *conn, enum conn_side which,
    uint32_t events)
{
	struct side *side = &conn->side[which];
	bool connecting = conn->state == CONN_CONNECTING;

	note_events(side, events);
	if (gives_up(conn)) {
		conn_close(worker, conn,
		    connecting ? REASON_CLIENT_CONNECT : REASON_CLIENT_QUEUED);
	} else if (connecting && which == BACKEND) {
		side->failed = false; /* SO_ERROR tells */
		on_attempt_event(worker, conn, events);
	} else if (connecting && side->failed) {
		conn->error = ECONNRESET;
		conn_close(worker, conn, REASON_CLIENT_CONNECT);
	} else if (conn->state == CONN_PREREAD && side->failed) {
		conn->error = ECONNRESET;
		conn_close(worker, conn, conn_preread_gone(conn));
	} else if (conn->state == CONN_PREREAD) {
		on_preread_ready(worker, conn);
	} else if (conn->state == CONN_QUEUED && side->failed) {
		conn->error = ECONNRESET;
		conn_close(worker, conn, REASON_CLIENT_QUEUED);
	} else if (conn->state == CONN_RELAYING) {
		on_relay_ready(worker, conn, which);
	} else if (conn->state == CONN_RESETTING) {
		on_reset_step(worker, conn);
	}
}

void
on_conn_ready(struct worker *worker, struct conn *conn)
{
	if (conn->state == CONN_RELAYING)
		on_relay_ready(worker, conn, CLIENT);
	else if (conn->state == CONN_RESETTING)
		on_reset_step(worker, conn);
	else if (conn->state == CONN_PREREAD)
		on_preread_ready(worker, conn);
}

/* ---- timers ------------------------------------------------------------- */

/* Ends a conn past its max-lifetime if it is idle, or if it has not become idle
 * in time.  Returns true if it did. */
static bool
end_of_lifetime(struct worker *worker, struct conn *conn)
{
	if (conn_settings(conn)->max_lifetime_ms == 0 ||
	    worker->now_ms < conn_lifetime_end(conn))
		return false;
	if (conn_is_idle(worker, conn))
		conn_close(worker, conn, REASON_LIFETIME);
	else if (worker->now_ms >= conn_lifetime_cut(conn))
		conn_cut(worker, conn, REASON_LIFETIME_CUT);
	else
		return false;
	return true;
}

/* Nothing has moved for too long.  Whom was lb4 waiting for? */
static enum reason
idle_reason(const struct conn *conn)
{
	enum conn_side slow;

	if (conn_held_from(conn, CLIENT) > 0)
		slow = BACKEND;
	else if (conn_held_from(conn, BACKEND) > 0)
		slow = CLIENT;
	else if (conn_half_closed(conn))
		slow = conn->side[CLIENT].eof ? BACKEND : CLIENT;
	else
		slow = conn_other(conn->last_from);
	if (conn_half_closed(conn))
		return slow == CLIENT ? REASON_CLIENT_LINGERS
				      : REASON_BACKEND_LINGERS;
	return slow == CLIENT ? REASON_CLIENT_IDLE : REASON_BACKEND_IDLE;
}

/* Whether the conn has been silent for too long.  First serves any bytes that
 * wait in its sockets and that no turn has served yet. */
static bool
was_silent(struct worker *worker, struct conn *conn)
{
	if (worker->now_ms < conn->last_ms + conn_silence_limit(conn))
		return false;
	for (int s = CLIENT; s < SIDES; s++) {
		conn->side[s].in_ready = !conn->side[s].eof;
		conn->side[s].out_ready = true;
	}
	on_relay_ready(worker, conn, CLIENT);
	return conn->state == CONN_RELAYING &&
	    worker->now_ms >= conn->last_ms + conn_silence_limit(conn);
}

/* Stalled conns hold too much memory: ends those of this worker that have held
 * the most for the longest time. */
static void
shed(struct worker *worker, struct shedding *shedding)
{
	struct conn *conn;

	while ((conn = progress_shed_next(worker, shedding)) != NULL) {
		conn->error = ENOMEM;
		conn_close(worker, conn, REASON_SHED);
	}
}

/* Looks at what the sides have taken.  Returns true if that ended the conn,
 * because a side is stalled. */
static bool
look_at_progress(struct worker *worker, struct conn *conn)
{
	struct shedding shedding;
	int stalled;

	tcpinfo_sample(worker, conn);
	if (progress_look(worker, conn))
		conn->last_ms = worker->now_ms;
	conn->unwatched = conn->owed == 0;
	stalled = progress_stalled(worker, conn);
	if (stalled >= 0) {
		conn->error = ETIMEDOUT;
		conn_close(worker, conn,
		    stalled == CLIENT ? REASON_CLIENT_STALLED
				      : REASON_BACKEND_STALLED);
		return true;
	}
	if (progress_account(worker, conn, &shedding))
		shed(worker, &shedding);
	return conn->state != CONN_RELAYING;
}

static void
on_relay_timer(struct worker *worker, struct conn *conn)
{
	if (look_at_progress(worker, conn) || end_of_lifetime(worker, conn))
		return;
	if (was_silent(worker, conn)) {
		conn->error = ETIMEDOUT;
		conn_close(worker, conn, idle_reason(conn));
	} else if (conn->state == CONN_RELAYING) {
		access_lines_update(worker, conn);
		conn_arm_idle(worker,
		    conn); /* traffic has postponed the deadline */
	}
}

/* Whether the attempt is over, with success or not, and no turn has heard of it
 * yet. */
static bool
attempt_is_over(struct worker *worker, struct conn *conn)
{
	struct pollfd pfd = { conn->side[BACKEND].fd, POLLOUT, 0 };

	if (poll(&pfd, 1, 0) != 1)
		return false;
	/* POLLOUT and the others are EPOLLOUT and so on */
	on_attempt_event(worker, conn, (uint32_t)pfd.revents);
	return true;
}

static void
on_connect_timer(struct worker *worker, struct conn *conn)
{
	uint64_t deadline = conn_attempts(conn)->began_ms +
	    conn_settings(conn)->timeout_connect_ms;

	if (conn->side[BACKEND].fd < 0)
		on_connecting(worker, conn, conn_connect(worker, conn));
	else if (worker->now_ms < deadline)
		timer_arm(&worker->timers, &conn->timer, deadline);
	else if (!attempt_is_over(worker, conn))
		on_attempt_failed(worker, conn, ETIMEDOUT);
}

static void
on_queue_timer(struct worker *worker, struct conn *conn)
{
	conn->held |= waiting_for_backend(worker, conn);
	if (queue_left_ms(worker, conn) > 0) {
		arm_queue(worker, conn);
		return;
	}
	if (waiting_for_backend(worker, conn)) {
		/* the checks may be wrong: try before giving up */
		conn_attempts(conn)->waited = true;
		leave_queue(worker, conn);
		on_connecting(worker, conn, conn_connect(worker, conn));
		return;
	}
	conn->error = ETIMEDOUT;
	conn_close(worker, conn,
	    conn->throttled ? conn->reason : REASON_QUEUE_TIMEOUT);
}

void
on_conn_timer(struct worker *worker, struct conn *conn)
{
	if (conn->state == CONN_CONNECTING)
		on_connect_timer(worker, conn);
	else if (conn->state == CONN_QUEUED)
		on_queue_timer(worker, conn);
	else if (conn->state == CONN_PREREAD)
		on_preread_timer(worker, conn);
	else if (conn->state == CONN_RELAYING)
		on_relay_timer(worker, conn);
	else if (conn->state == CONN_RESETTING)
		on_reset_step(worker, conn);
}

/* ---- moving house ------------------------------------------------------- */

struct conn *
conn_detach(struct worker *worker, struct conn *conn)
{
	struct detached *moving;

	assert(conn->state != CONN_CLOSED);
	if ((moving = malloc(sizeof(*moving))) == NULL)
		return NULL;
	timer_disarm(&worker->timers, &conn->timer);
	conn_ready_remove(worker, conn);
	gather_forget(worker, conn);
	if (conn->state == CONN_QUEUED)
		waiting_detach(worker, conn);
	for (int s = CLIENT; s < SIDES; s++) {
		if (conn->side[s].fd >= 0)
			(void)loop_remove(worker->epfd, conn->side[s].fd);
		if (conn_held_from(conn, s) > 0)
			pipes_emigrate(&worker->relays.pipes,
			    conn->relays.from[s].pipe);
	}
	moving->conn = *conn;
	moving->told = access_lines_leave(worker, conn);
	moving->seen = tcpinfo_leave(worker, conn);
	moving->preface = preface_leave(worker, conn);
	moving->source = throttle_entry(worker, conn);
	mirror_leave(worker, conn, &moving->mirror);
	slots_release(&worker->conns, conn);
	return &moving->conn;
}

void
conn_attach(struct worker *worker, struct conn *moved)
{
	struct detached *moving = (struct detached *)moved;
	struct conn *conn = take_slot(worker);
	int error;

	*conn = moving->conn;
	access_lines_enter(worker, conn, &moving->told);
	tcpinfo_enter(worker, conn, &moving->seen);
	preface_enter(worker, conn, &moving->preface);
	throttle_adopt(worker, conn, moving->source);
	mirror_enter(worker, conn, &moving->mirror);
	free(moving);
	if (conn->state == CONN_QUEUED)
		waiting_attach(worker, conn);
	for (int s = CLIENT; s < SIDES; s++)
		if (conn_held_from(conn, s) > 0)
			pipes_immigrate(&worker->relays.pipes,
			    conn->relays.from[s].pipe);
	for (int s = CLIENT; s < SIDES; s++) {
		if (conn->side[s].fd < 0)
			continue;
		if ((error = conn_watch(worker, conn, (enum conn_side)s)) !=
		    0) {
			conn->error = -error;
			conn_close(worker, conn,
			    conn->established ? REASON_RESOURCE_DATA
					      : REASON_RESOURCE_CONNECT);
			return;
		}
	}
	gather_resume(conn);
	/* each timer handler looks at the clock itself */
	timer_arm(&worker->timers, &conn->timer, worker->now_ms);
	if (conn->state != CONN_QUEUED)
		conn_ready_add(worker, conn);
}
