/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The copy of what a client sends: see mirror.h.  Called by conn.c and its
 * parts, and by worker.c. */
#include "lb4/engine/mirror.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/sock.h"
#include "lb4/engine/conn_connect.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/pipes.h"
#include "lb4/engine/preface.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/tap.h"
#include "lb4/engine/types.h"
#include "lb4/table/table.h"

#define MIRROR_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* A reset that waits until all is acknowledged looks so often. */
#define POLL_MS 20

/* One line in the log in this time. */
#define WARN_EVERY_MS 10000

int
mirrors_init(struct worker *worker)
{
	struct mirrors *mirrors = &worker->mirrors;

	TAILQ_INIT(&mirrors->ready);
	limiter_init(&mirrors->warnings, 1, WARN_EVERY_MS);
	/* pages of them are touched only when a conn has a mirror */
	mirrors->of = calloc(worker->conns.count, sizeof(*mirrors->of));
	if (mirrors->of == NULL)
		return -ENOMEM;
	return slots_init(&mirrors->slots, worker->conns.count,
	    sizeof(struct mirror));
}

void
mirrors_done(struct worker *worker)
{
	slots_done(&worker->mirrors.slots);
	free(worker->mirrors.of);
	worker->mirrors.of = NULL;
}

static struct mirror **
place_of(const struct worker *worker, const struct conn *conn)
{
	return &worker->mirrors.of[slots_index(&worker->conns, conn)];
}

static struct mirror_stats *
stats_of(const struct worker *worker, const struct mirror *mirror)
{
	return &mirror->service->stats[worker->index].mirror;
}

/* ---- the worker's descriptors -------------------------------------------- */

/* Whether one more mirror takes no descriptor from a conn. */
static bool
reserve(struct worker_shared *shared)
{
	const uint64_t most = atomic_load_explicit(&shared->mirrors_max,
	    memory_order_relaxed);

	if (atomic_fetch_add_explicit(&shared->mirrors, 1,
		memory_order_relaxed) < most)
		return true;
	(void)atomic_fetch_sub_explicit(&shared->mirrors, 1,
	    memory_order_relaxed);
	return false;
}

static void
unreserve(struct worker_shared *shared)
{
	(void)atomic_fetch_sub_explicit(&shared->mirrors, 1,
	    memory_order_relaxed);
}

/* ---- the ready list ------------------------------------------------------ */

static void
ready_add(struct worker *worker, struct mirror *mirror)
{
	if (mirror->ready)
		return;
	mirror->ready = true;
	TAILQ_INSERT_TAIL(&worker->mirrors.ready, mirror, entry);
}

static void
ready_remove(struct worker *worker, struct mirror *mirror)
{
	if (mirror->ready)
		TAILQ_REMOVE(&worker->mirrors.ready, mirror, entry);
	mirror->ready = false;
}

bool
mirrors_pending(const struct worker *worker)
{
	return !TAILQ_EMPTY(&worker->mirrors.ready);
}

/* ---- the end ------------------------------------------------------------- */

static void
count_bytes(struct worker *worker, struct mirror *mirror)
{
	conn_count(&stats_of(worker, mirror)->bytes,
	    mirror->tap.bytes - mirror->counted);
	mirror->counted = mirror->tap.bytes;
}

static void
close_socket(struct worker *worker, struct mirror *mirror, bool reset)
{
	ownconns_forget(&worker->shared->own, &mirror->own);
	if (reset)
		sock_reset_on_close(mirror->tap.fd);
	(void)close(mirror->tap.fd);
}

/* Ends the mirror, which is not valid any more. */
static void
finish(struct worker *worker, struct mirror *mirror, bool reset)
{
	count_bytes(worker, mirror);
	(void)tap_discard(&mirror->tap, &worker->relays.pipes);
	close_socket(worker, mirror, reset);
	timer_disarm(&worker->timers, &mirror->timer);
	ready_remove(worker, mirror);
	if (mirror->conn != NULL)
		mirror->conn->mirrored = false;
	service_state_unref(mirror->service);
	unreserve(worker->shared);
	slots_release(&worker->mirrors.slots, mirror);
}

static void
count_drop(struct worker *worker, struct service_state *service,
    enum mirror_drop why)
{
	conn_count(&service->stats[worker->index].mirror.dropped[why], 1);
	if (why != MIRROR_UPGRADE &&
	    limiter_pass(&worker->mirrors.warnings, worker->now_ms))
		log_warning("service %s: dropped the copy of a conn: %s: the "
			    "conn itself goes on",
		    service->name, mirror_drop_text(why));
}

static void
drop(struct worker *worker, struct mirror *mirror, enum mirror_drop why)
{
	count_drop(worker, mirror->service, why);
	finish(worker, mirror, true);
}

/* ---- running ------------------------------------------------------------- */

/* Whether the mirror has yet to take bytes, or to answer. */
static bool
is_owed(const struct mirror *mirror)
{
	return !mirror->up || mirror->tap.pipe != NULL ||
	    progress_unsent(mirror->tap.fd) > 0;
}

/* Judges the tap after it was used.  Returns false if that has ended the
 * mirror. */
static bool
judge(struct worker *worker, struct mirror *mirror)
{
	struct tap *tap = &mirror->tap;

	if (tap->bytes != mirror->counted) {
		mirror->up = true;
		count_bytes(worker, mirror);
	}
	if (tap->faulty) {
		/* the first call on a socket that cannot connect says why */
		drop(worker, mirror,
		    tap->fault == MIRROR_RESET && !mirror->up
			? MIRROR_CONNECT
			: (enum mirror_drop)tap->fault);
		return false;
	}
	if (mirror->conn != NULL && mirror->up && tap->pipe != NULL &&
	    !timer_armed(&mirror->timer)) {
		mirror->looked = tap->bytes;
		timer_arm(&worker->timers, &mirror->timer,
		    worker->now_ms + MIRROR_STALL_MS);
	}
	return true;
}

/* Throws away what the mirror has answered, within the budget of the turn.
 * Returns 0, or the errno of an error. */
static int
discard_answers(struct worker *worker, struct mirror *mirror, size_t *budget)
{
	size_t left = *budget < MIRROR_BUDGET_ONE ? *budget : MIRROR_BUDGET_ONE;

	while (mirror->in_ready && left > 0) {
		/* TCP does not even copy the bytes with MSG_TRUNC: tcp(7) */
		ssize_t n = recv(mirror->tap.fd, worker->relays.scratch,
		    left < RELAY_SCRATCH ? left : RELAY_SCRATCH, MSG_TRUNC);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			mirror->in_ready = false;
		if (n == -1)
			return errno == EAGAIN ? 0 : errno;
		mirror->answered_all |= n == 0;
		left -= (size_t)n;
		*budget -= (size_t)n;
	}
	if (mirror->in_ready)
		ready_add(worker, mirror); /* in the next turn */
	return 0;
}

/* The copy ends as the conn did.  Returns false if that has ended the
 * mirror. */
static bool
pass_end(struct worker *worker, struct mirror *mirror)
{
	if (!mirror->up || mirror->tap.pipe != NULL)
		return true;
	if (mirror->owes_reset && progress_unsent(mirror->tap.fd) == 0) {
		finish(worker, mirror, true);
		return false;
	}
	if (mirror->owes_fin && !mirror->fin_sent) {
		if (shutdown(mirror->tap.fd, SHUT_WR) == -1) {
			drop(worker, mirror, MIRROR_RESET);
			return false;
		}
		mirror->fin_sent = true;
	}
	if (mirror->fin_sent && mirror->answered_all) {
		finish(worker, mirror, false);
		return false;
	}
	return true;
}

/* Whether the kernel has connected the socket to itself: nobody listens there.
 */
static bool
is_own_peer(struct mirror *mirror)
{
	const bool may_be = mirror->local_port;

	mirror->local_port = false;
	return may_be && sock_is_own_peer(mirror->tap.fd);
}

/* Does what there is to do.  Returns false if that has ended the mirror. */
static bool
step(struct worker *worker, struct mirror *mirror, size_t *budget)
{
	const int error = discard_answers(worker, mirror, budget);

	if (error != 0 || (mirror->up && is_own_peer(mirror))) {
		drop(worker, mirror,
		    error != 0 && mirror->up ? MIRROR_RESET : MIRROR_CONNECT);
		return false;
	}
	tap_flush(&mirror->tap, &worker->relays.pipes);
	return judge(worker, mirror) && pass_end(worker, mirror);
}

void
on_mirror_event(struct worker *worker, struct mirror *mirror, uint32_t events)
{
	const uint32_t bad = EPOLLERR | EPOLLHUP;

	if ((events & EPOLLOUT) != 0) {
		mirror->tap.out_ready = true;
		if (!mirror->up && (events & bad) == 0) {
			mirror->up = true;
			if (mirror->conn != NULL)
				timer_disarm(&worker->timers, &mirror->timer);
		}
	}
	if ((events & (EPOLLIN | EPOLLRDHUP | bad)) != 0)
		mirror->in_ready = true;
	ready_add(worker, mirror);
}

void
mirrors_run(struct worker *worker)
{
	struct mirror_list now = TAILQ_HEAD_INITIALIZER(now);
	size_t budget = MIRROR_BUDGET;
	struct mirror *mirror;

	TAILQ_CONCAT(&now, &worker->mirrors.ready, entry);
	while (budget > 0 && (mirror = TAILQ_FIRST(&now)) != NULL) {
		TAILQ_REMOVE(&now, mirror, entry);
		mirror->ready = false;
		(void)step(worker, mirror, &budget);
	}
	/* those that had no turn are first in the next one */
	TAILQ_CONCAT(&now, &worker->mirrors.ready, entry);
	TAILQ_CONCAT(&worker->mirrors.ready, &now, entry);
}

void
on_mirror_timer(struct worker *worker, struct mirror *mirror)
{
	const bool over = worker->now_ms >= mirror->deadline_ms;
	size_t budget = RELAY_SCRATCH;

	/* what has come meanwhile counts */
	mirror->tap.out_ready = true;
	mirror->in_ready = true;
	if (!step(worker, mirror, &budget))
		return;
	if (mirror->conn == NULL && over && is_owed(mirror))
		drop(worker, mirror, mirror->up ? MIRROR_LATE : MIRROR_TIMEOUT);
	else if (mirror->conn == NULL && over)
		finish(worker, mirror, mirror->owes_reset);
	else if (mirror->conn == NULL)
		timer_arm(&worker->timers, &mirror->timer,
		    mirror->owes_reset ? worker->now_ms + POLL_MS
				       : mirror->deadline_ms);
	else if (!mirror->up && over)
		drop(worker, mirror, MIRROR_TIMEOUT);
	else if (!mirror->up)
		timer_arm(&worker->timers, &mirror->timer, mirror->deadline_ms);
	else if (mirror->tap.pipe != NULL &&
	    mirror->looked == mirror->tap.bytes)
		drop(worker, mirror, MIRROR_SLOW);
	else
		(void)judge(worker, mirror); /* watches it further */
}

struct mirror *
mirror_of_timer(const struct worker *worker, const struct timer *timer)
{
	const struct slots *slots = &worker->mirrors.slots;
	unsigned char *at = (unsigned char *)(uintptr_t)timer;

	return at >= slots->memory &&
		at < slots->memory + slots->stride * slots->count
	    ? (struct mirror *)(at - offsetof(struct mirror, timer))
	    : NULL;
}

/* ---- what a conn tells --------------------------------------------------- */

static int
watch(struct worker *worker, const struct mirror *mirror)
{
	const struct slots *slots = &worker->mirrors.slots;

	return loop_add(worker->epfd, mirror->tap.fd, MIRROR_EVENTS,
	    loop_tag(TAG_MIRROR, slots_index(slots, mirror),
		slots_generation(slots, mirror)));
}

/* Starts to connect.  Returns 0 with a mirror that is watched, or -errno. */
static int
begin_connect(struct worker *worker, struct mirror *mirror,
    const struct service *service)
{
	struct sock_options options = conn_backend_options(service);
	const struct addr *addr = &service->settings.mirror.addr;
	const uint16_t port = addr_port(addr);
	bool pending;
	int error;

	mirror->tap.fd = sock_connect(addr, &options, &pending);
	if (mirror->tap.fd < 0)
		return mirror->tap.fd;
	mirror->own = ownconns_note(&worker->shared->own, mirror->tap.fd, addr);
	mirror->up = !pending;
	mirror->tap.out_ready = true;
	mirror->local_port = conn_is_local_port(worker, port);
	/* not before connect(2): epoll would report an unconnected socket */
	if ((error = watch(worker, mirror)) != 0)
		close_socket(worker, mirror, true);
	return error;
}

/* What lb4 itself sends to the mirror first. */
static void
send_preface(struct worker *worker, const struct conn *conn,
    struct mirror *mirror, const struct service *service)
{
	unsigned char buf[PREFACE_MAX];
	const size_t len = preface_copy(worker, conn,
	    (uint8_t)service->settings.send_proxy, buf);

	if (len > 0)
		tap_copy(&mirror->tap, &worker->relays.pipes,
		    worker->relays.now_ms, buf, len);
}

/* The reason to count when connecting has failed at once. */
static enum mirror_drop
drop_of(int error)
{
	switch (-error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case ENOSPC:
	case EADDRNOTAVAIL:
		return MIRROR_RESOURCE;
	default:
		return MIRROR_CONNECT;
	}
}

/* Opens the mirror of the conn.  Returns 0 or -errno. */
static int
open_mirror(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	struct mirror *mirror;
	int error;

	if (worker->relays.no_splice || !reserve(worker->shared))
		return -ENOBUFS;
	mirror = slots_take(&worker->mirrors.slots);
	error = mirror == NULL ? -ENOBUFS
			       : begin_connect(worker, mirror, service);
	if (error != 0) {
		if (mirror != NULL)
			slots_release(&worker->mirrors.slots, mirror);
		unreserve(worker->shared);
		return error;
	}
	mirror->service = conn->service;
	service_state_ref(mirror->service);
	mirror->conn = conn;
	*place_of(worker, conn) = mirror;
	conn->mirrored = true;
	mirror->deadline_ms = worker->now_ms +
	    conn_settings(conn)->timeout_connect_ms;
	if (!mirror->up)
		timer_arm(&worker->timers, &mirror->timer, mirror->deadline_ms);
	send_preface(worker, conn, mirror, service);
	(void)judge(worker, mirror);
	return 0;
}

void
mirror_begin(struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	int error;

	if (service == NULL || service->settings.mirror.addr.len == 0)
		return;
	conn_count(&conn_service_stats(worker, conn)->mirror.conns, 1);
	error = open_mirror(worker, conn, service);
	if (error != 0)
		count_drop(worker, conn->service, drop_of(error));
}

struct tap *
mirror_tap(const struct worker *worker, const struct conn *conn)
{
	return conn->mirrored ? &(*place_of(worker, conn))->tap : NULL;
}

void
mirror_moved(struct worker *worker, struct conn *conn)
{
	struct mirror *mirror;

	if (!conn->mirrored)
		return;
	mirror = *place_of(worker, conn);
	tap_flush(&mirror->tap, &worker->relays.pipes);
	(void)judge(worker, mirror);
}

void
mirror_pass_fin(struct worker *worker, struct conn *conn)
{
	struct mirror *mirror;

	if (!conn->mirrored)
		return;
	mirror = *place_of(worker, conn);
	mirror->owes_fin = true;
	(void)pass_end(worker, mirror);
}

void
mirror_end(struct worker *worker, struct conn *conn, bool reset)
{
	struct mirror *mirror;

	if (!conn->mirrored)
		return;
	conn->mirrored = false;
	mirror = *place_of(worker, conn);
	mirror->conn = NULL;
	mirror->owes_reset = reset;
	mirror->owes_fin = !reset;
	mirror->deadline_ms = worker->now_ms + MIRROR_LINGER_MS;
	timer_arm(&worker->timers, &mirror->timer,
	    reset ? worker->now_ms + 1 : mirror->deadline_ms);
	if (!reset)
		(void)pass_end(worker, mirror);
}

void
mirrors_stop(struct worker *worker)
{
	struct mirror *mirror;
	uint32_t i = 0;

	while ((mirror = slots_each(&worker->mirrors.slots, &i)) != NULL) {
		if (mirror->conn != NULL)
			continue;
		if (is_owed(mirror))
			drop(worker, mirror, MIRROR_LATE);
		else
			finish(worker, mirror, mirror->owes_reset);
	}
}

/* ---- moving house -------------------------------------------------------- */

void
mirror_leave(struct worker *worker, struct conn *conn, struct mirror *mirror)
{
	struct mirror *mine;

	if (!conn->mirrored)
		return;
	mine = *place_of(worker, conn);
	(void)loop_remove(worker->epfd, mine->tap.fd);
	count_bytes(worker, mine);
	timer_disarm(&worker->timers, &mine->timer);
	ready_remove(worker, mine);
	tap_emigrate(&mine->tap, &worker->relays.pipes);
	*mirror = *mine;
	slots_release(&worker->mirrors.slots, mine);
}

/* Ends a mirror that is with no worker. */
static void
drop_moving(struct worker *worker, struct mirror *mirror, enum mirror_drop why)
{
	struct pipe *pipe = mirror->tap.pipe;

	count_drop(worker, mirror->service, why);
	close_socket(worker, mirror, true);
	if (pipe != NULL) {
		(void)close(pipe->in);
		(void)close(pipe->out);
		free(pipe);
	}
	service_state_unref(mirror->service);
	unreserve(worker->shared);
}

void
mirror_enter(struct worker *worker, struct conn *conn, struct mirror *mirror)
{
	struct mirror *mine;

	if (!conn->mirrored)
		return;
	mine = slots_take(&worker->mirrors.slots);
	if (mine == NULL) {
		conn->mirrored = false;
		drop_moving(worker, mirror, MIRROR_RESOURCE);
		return;
	}
	*mine = *mirror;
	mine->conn = conn;
	*place_of(worker, conn) = mine;
	tap_immigrate(&mine->tap, &worker->relays.pipes);
	if (watch(worker, mine) != 0) {
		drop(worker, mine, MIRROR_RESOURCE);
		return;
	}
	mine->looked = mine->tap.bytes;
	timer_arm(&worker->timers, &mine->timer,
	    mine->up ? worker->now_ms + MIRROR_STALL_MS : mine->deadline_ms);
}

void
mirror_forget(struct worker *worker, const struct conn *conn,
    struct mirror *mirror)
{
	if (conn->mirrored)
		drop_moving(worker, mirror, MIRROR_UPGRADE);
}
