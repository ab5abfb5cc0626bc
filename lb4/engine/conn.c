/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The life of a conn: see conn.h.  Called by listener.c and worker.c.
 *
 * Functions named on_... are events and alone decide what comes next; the
 * others are actions.  An action that may close the conn says so by returning
 * nothing more to do: after it, the conn is not touched again.
 */
#include "lb4/engine/conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/sock.h"
#include "lb4/balance/pick.h"
#include "lb4/engine/gather.h"
#include "lb4/engine/ownconns.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/waiting.h"
#include "lb4/engine/worker_post.h"
#include "lb4/engine/worker_warn.h"
#include "lb4/table/table.h"

#define CONN_EVENTS (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* While descriptors, ports or memory are lacking: how long until a conn tries
 * to connect again. */
#define RESOURCE_RETRY_MS 50

/* How often a reset that waits for the other side looks, at the slowest. */
#define RESET_POLL_MS 20

/* How long a conn past its max-lifetime may go on, at least, until idle. */
#define LIFETIME_GRACE_MS 5000

static const char *const state_names[] = {
	[CONN_CONNECTING] = "connecting",
	[CONN_QUEUED] = "queued",
	[CONN_RELAYING] = "relaying",
	[CONN_RESETTING] = "resetting",
	[CONN_CLOSED] = "closed",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == CONN_STATE_COUNT,
    "every state has a name");

const char *
conn_state_name(enum conn_state state)
{
	return state_names[state];
}

/* The only place where the state changes. */
static void
conn_set_state(struct conn *conn, enum conn_state state)
{
	static const unsigned char allowed[CONN_STATE_COUNT] = {
		[CONN_CONNECTING] = 1 << CONN_QUEUED | 1 << CONN_RELAYING |
		    1 << CONN_CLOSED,
		[CONN_QUEUED] = 1 << CONN_CONNECTING | 1 << CONN_CLOSED,
		[CONN_RELAYING] = 1 << CONN_RESETTING | 1 << CONN_CLOSED,
		[CONN_RESETTING] = 1 << CONN_CLOSED,
	};

	assert((allowed[conn->state] & 1 << state) != 0);
	log_debug("conn %lu: %s -> %s", conn->id, state_names[conn->state],
	    state_names[state]);
	conn->state = (uint8_t)state;
}

static enum conn_side
other(enum conn_side side)
{
	return side == CLIENT ? BACKEND : CLIENT;
}

static bool
half_closed(const struct conn *conn)
{
	return conn->side[CLIENT].fin_sent || conn->side[BACKEND].fin_sent;
}

static uint64_t
tag_of(const struct worker *worker, const struct conn *conn,
    enum conn_side side)
{
	return loop_tag(side == CLIENT ? TAG_CLIENT : TAG_BACKEND,
	    slots_index(&worker->conns, conn),
	    slots_generation(&worker->conns, conn));
}

static int
watch(struct worker *worker, const struct conn *conn, enum conn_side side)
{
	return loop_add(worker->epfd, conn->side[side].fd, CONN_EVENTS,
	    tag_of(worker, conn, side));
}

static void
add_to_ready(struct worker *worker, struct conn *conn)
{
	if (conn->ready)
		return;
	conn->ready = true;
	TAILQ_INSERT_TAIL(&worker->ready, conn, entry);
}

static void
remove_from_ready(struct worker *worker, struct conn *conn)
{
	if (!conn->ready)
		return;
	conn->ready = false;
	TAILQ_REMOVE(&worker->ready, conn, entry);
}

static struct service_stats *
service_stats(const struct worker *worker, const struct conn *conn)
{
	return &conn->service->stats[worker->index];
}

static struct backend_stats *
backend_stats(const struct worker *worker, const struct conn *conn)
{
	return &conn->backend->stats[worker->index];
}

/* A counter that only this worker writes. */
static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

/* Runs the relay from side `from`, and counts what it has moved: who looks sees
 * the bytes of conns that last, too. */
static enum relay_result
move_bytes(struct worker *worker, struct conn *conn, enum conn_side from,
    int *error)
{
	struct relay *relay = &conn->relay[from];
	struct backend_stats *stats = backend_stats(worker, conn);
	const uint64_t before = relay->bytes;
	const enum relay_result result = relay_run(&worker->relays, relay,
	    &conn->side[from], &conn->side[other(from)], error);

	if (relay->bytes != before)
		count(from == CLIENT ? &stats->bytes_to_backend
				     : &stats->bytes_to_client,
		    relay->bytes - before);
	return result;
}

/* ---- ending ---------------------------------------------------------- */

static void
release_backend(const struct worker *worker, struct conn *conn)
{
	struct backend *backend = conn->backend;

	if (backend == NULL)
		return;
	conn->backend = NULL;
	pick_release(table_service_of(table_current(worker->shared->tables),
			 conn->service),
	    backend);
	waiting_call(worker->shared, conn->service);
}

/* What has become of the bytes that were received. */
struct outcome {
	uint64_t delivered[SIDES]; /* [CLIENT]: to the client */
	uint64_t discarded;
};

/* A conn that ends well leaves what its sockets hold to the kernel, which goes
 * on delivering it; a reset throws that away. */
static struct outcome
outcome_of(const struct conn *conn)
{
	struct outcome outcome = { .discarded = 0 };

	for (int s = CLIENT; s < SIDES; s++) {
		uint64_t undelivered = 0;

		outcome.discarded += conn->relay[s].lost;
		if (conn->reason != REASON_DONE)
			outcome.discarded += progress_unread(conn->side[s].fd);
		if (!reason_is_normal(conn->reason))
			undelivered = progress_undelivered(conn, s);
		outcome.discarded += undelivered;
		outcome.delivered[s] = conn->relay[other(s)].bytes -
		    undelivered;
	}
	return outcome;
}

/* How long it has been on its way to a backend, but for the time in the queue.
 */
static uint32_t
connect_took(const struct worker *worker, const struct conn *conn)
{
	return (uint32_t)(worker->now_ms - conn->accepted_ms - conn->queue_ms);
}

static void
send_record(struct worker *worker, const struct conn *conn,
    const struct outcome *outcome)
{
	struct access_record record = {
		.conn = conn->id,
		.client = conn->client,
		.worker = worker->index,
		.reason = conn->reason,
		.error = conn->error,
		.retries = conn->retries,
		.queue_ms = conn->queue_ms,
		.connect_ms = conn->established ? conn->connect_ms
						: connect_took(worker, conn),
		.total_ms = worker->now_ms - conn->accepted_ms,
		.bytes_to_backend = outcome->delivered[BACKEND],
		.bytes_to_client = outcome->delivered[CLIENT],
		.bytes_discarded = outcome->discarded,
	};
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	record.end_realtime_ms = (int64_t)now.tv_sec * 1000 +
	    now.tv_nsec / 1000000;
	memcpy(record.service, conn->service->name, sizeof(record.service));
	if (conn->backend != NULL)
		memcpy(record.backend, conn->backend->name,
		    sizeof(record.backend));
	worker->shared->peers.access(worker->shared->peers.logger, &record);
}

static void
account_end(struct worker *worker, const struct conn *conn)
{
	struct service_stats *stats = service_stats(worker, conn);
	const struct outcome outcome = outcome_of(conn);

	count(&stats->closed, 1);
	if (!conn->established)
		count(&stats->failed, 1);
	if (outcome.discarded > 0)
		count(&stats->discarded_bytes, outcome.discarded);
	if (conn->reason == REASON_CLIENT_STALLED ||
	    conn->reason == REASON_BACKEND_STALLED)
		count(&stats->stalled, 1);
	if (conn->reason == REASON_SHED)
		count(&stats->shed, 1);
	if (worker->shared->peers.access != NULL &&
	    !atomic_load_explicit(&worker->shared->silent,
		memory_order_relaxed))
		send_record(worker, conn, &outcome);
}

static void
close_side(struct side *side, bool reset)
{
	if (side->fd < 0)
		return;
	if (reset)
		sock_reset_on_close(side->fd);
	(void)close(side->fd);
	side->fd = -1;
}

static void
close_backend(struct worker *worker, struct conn *conn, bool reset)
{
	ownconns_forget(&worker->shared->own, &conn->own);
	close_side(&conn->side[BACKEND], reset);
}

void
conn_close(struct worker *worker, struct conn *conn, enum reason reason)
{
	bool reset = !reason_is_normal(reason);

	conn->reason = (uint8_t)reason;
	if (conn->state == CONN_QUEUED)
		waiting_leave(worker, conn);
	relay_discard(&worker->relays, &conn->relay[CLIENT]);
	relay_discard(&worker->relays, &conn->relay[BACKEND]);
	account_end(worker, conn);
	close_side(&conn->side[CLIENT], reset);
	close_backend(worker, conn, reset);

	timer_disarm(&worker->timers, &conn->timer);
	remove_from_ready(worker, conn);
	gather_forget(worker, conn);
	progress_forget(worker, conn);
	release_backend(worker, conn);
	conn_set_state(conn, CONN_CLOSED);
	TAILQ_INSERT_TAIL(&worker->dead, conn, entry);

	worker_leave(worker->shared, &conn->service->gate);
	worker_leave(worker->shared, &worker->shared->gate);
}

void
conn_kill(struct worker *worker, struct conn *conn)
{
	conn_close(worker, conn,
	    conn->established		     ? REASON_KILLED
		: conn->state == CONN_QUEUED ? REASON_KILLED_QUEUED
					     : REASON_KILLED_CONNECT);
}

void
conns_bury(struct worker *worker)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&worker->dead)) != NULL) {
		TAILQ_REMOVE(&worker->dead, conn, entry);
		slots_release(&worker->conns, conn);
	}
}

/* A slot for a new conn.  The gates let no more in than there are slots, but
 * the dead of this turn still have theirs; no caller holds one of these. */
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

/* ---- passing a reset on ---------------------------------------------- */

static enum reason
reset_reason(const struct conn *conn, enum conn_side failed)
{
	if (failed == CLIENT)
		return half_closed(conn) ? REASON_CLIENT_RESET_LAST
					 : REASON_CLIENT_RESET;
	return half_closed(conn) ? REASON_BACKEND_RESET_LAST
				 : REASON_BACKEND_RESET;
}

/* Moves what the failed side had sent before; true when nothing is left. */
static bool
drain_failed_side(struct worker *worker, struct conn *conn, bool *hopeless)
{
	enum conn_side from = conn->failed_side;
	struct relay *relay = &conn->relay[from];
	int error;

	switch (move_bytes(worker, conn, from, &error)) {
	case RELAY_HAS_MORE:
		add_to_ready(worker, conn);
		return false;
	case RELAY_TO_FAILED:
	case RELAY_NO_RESOURCE:
		*hopeless = true;
		return false;
	default:
		return relay->held == 0 && !conn->side[from].in_ready;
	}
}

/* Sends on what a relay's pipe holds, with the FIN if that was all, and reads
 * nothing more.  How many bytes its receiver is still owed. */
static uint64_t
flush_for_cut(struct worker *worker, struct conn *conn, enum conn_side from)
{
	struct side *to = &conn->side[other(from)];
	int error;

	conn->side[from].in_ready = false;
	if (conn->relay[from].held > 0 &&
	    move_bytes(worker, conn, from, &error) == RELAY_FINISHED &&
	    !conn->side[from].failed && shutdown(to->fd, SHUT_WR) == 0)
		to->fin_sent = true;
	return to->failed ? 0
			  : conn->relay[from].held + progress_unsent(to->fd);
}

/* Goes on with a cut: closes once both sides have what they are owed, or take
 * no more of it. */
static void
continue_cut(struct worker *worker, struct conn *conn)
{
	const uint64_t owed = flush_for_cut(worker, conn, CLIENT) +
	    flush_for_cut(worker, conn, BACKEND);
	uint64_t waited;

	if (progress_look(worker, conn))
		conn->attempt_ms = worker->now_ms;
	waited = worker->now_ms - conn->attempt_ms;
	if (owed == 0 || waited >= conn->settings.reset_linger_ms) {
		conn_close(worker, conn, conn->reason);
		return;
	}
	timer_arm(&worker->timers, &conn->timer,
	    worker->now_ms + RESET_POLL_MS);
}

/* Whether all that has been sent so far was read: who waits for the rest of it
 * to be delivered may get a whole, not just a longer part. */
static bool
all_is_read(const struct conn *conn)
{
	return progress_unread(conn->side[CLIENT].fd) == 0 &&
	    progress_unread(conn->side[BACKEND].fd) == 0;
}

void
conn_cut(struct worker *worker, struct conn *conn, enum reason reason)
{
	if (conn->state != CONN_RELAYING || !all_is_read(conn)) {
		conn_close(worker, conn, reason);
		return;
	}
	(void)progress_look(worker, conn);
	gather_forget(worker, conn);
	conn->reason = (uint8_t)reason;
	conn->failed_side = SIDES;
	conn->attempt_ms = worker->now_ms;
	conn_set_state(conn, CONN_RESETTING);
	continue_cut(worker, conn);
}

void
conn_shed(struct worker *worker, struct conn *conn)
{
	conn->error = ENOMEM;
	conn_close(worker, conn, REASON_SHED);
}

/* Goes on with a reset by one side: closes once the other has everything,
 * cannot have it, or has had its time. */
static void
pass_reset_on(struct worker *worker, struct conn *conn)
{
	struct side *to = &conn->side[other(conn->failed_side)];
	uint64_t waited = worker->now_ms - conn->attempt_ms;
	uint64_t pause = waited < 1 ? 1 : waited;
	bool hopeless = to->failed;
	bool drained = !hopeless && drain_failed_side(worker, conn, &hopeless);

	if (hopeless || waited >= conn->settings.reset_linger_ms ||
	    (drained && progress_unsent(to->fd) == 0)) {
		conn_close(worker, conn, conn->reason);
		return;
	}
	if (pause > RESET_POLL_MS)
		pause = RESET_POLL_MS;
	timer_arm(&worker->timers, &conn->timer, worker->now_ms + pause);
}

static void
continue_reset(struct worker *worker, struct conn *conn)
{
	if (conn->failed_side == SIDES)
		continue_cut(worker, conn);
	else
		pass_reset_on(worker, conn);
}

/* Side `failed` has met an error: nothing can be sent to it any more, what it
 * had sent still goes to the other side, then that one is reset. */
static void
begin_reset(struct worker *worker, struct conn *conn, enum conn_side failed,
    int error)
{
	/* what a call says after the error itself was told to another one */
	if (error == 0 || error == EPIPE || error == ENOTCONN)
		error = ECONNRESET;
	conn->error = error;
	conn->reason = (uint8_t)reset_reason(conn, failed);
	conn->failed_side = (uint8_t)failed;
	conn->side[failed].failed = true;
	conn->side[failed].in_ready = !conn->side[failed].eof;
	conn->attempt_ms = worker->now_ms;
	relay_discard(&worker->relays, &conn->relay[other(failed)]);
	conn_set_state(conn, CONN_RESETTING);
	continue_reset(worker, conn);
}

/* ---- relaying --------------------------------------------------------- */

bool
conn_is_idle(const struct worker *worker, const struct conn *conn)
{
	if (conn->state != CONN_RELAYING || conn->ready || half_closed(conn) ||
	    conn_quiet_ms(worker, conn) < CONN_QUIET_MS)
		return false;
	for (int s = CLIENT; s < SIDES; s++) {
		const struct side *side = &conn->side[s];

		if (conn->relay[s].held > 0 || side->eof || side->rdhup ||
		    side->failed || progress_unread(side->fd) > 0 ||
		    progress_unsent(side->fd) > 0)
			return false;
	}
	return true;
}

uint64_t
conn_quiet_ms(const struct worker *worker, const struct conn *conn)
{
	uint64_t quiet_ms = worker->now_ms > conn->last_ms
	    ? worker->now_ms - conn->last_ms
	    : 0;

	return conn->relay[CLIENT].bytes > 0 && conn->last_from == CLIENT
	    ? quiet_ms / 10
	    : quiet_ms;
}

/* When to look whether a conn past its max-lifetime, or still before it, is to
 * end. */
static uint64_t
lifetime_look(const struct worker *worker, const struct conn *conn)
{
	uint64_t look_ms = conn->last_ms + CONN_QUIET_MS;

	if (worker->now_ms < conn->end_ms)
		return conn->end_ms;
	if (look_ms <= worker->now_ms)
		look_ms = worker->now_ms + CONN_QUIET_MS / 4;
	return look_ms < conn->cut_ms ? look_ms : conn->cut_ms;
}

static uint64_t
silence_limit(const struct conn *conn)
{
	return half_closed(conn) ? conn->settings.timeout_half_close_ms
				 : conn->settings.timeout_idle_ms;
}

static void
arm_idle(struct worker *worker, struct conn *conn)
{
	const uint64_t limit_ms = silence_limit(conn);
	uint64_t next_ms = conn->last_ms + limit_ms;

	if (conn->end_ms != 0 && lifetime_look(worker, conn) < next_ms)
		next_ms = lifetime_look(worker, conn);
	if (!conn->unwatched &&
	    worker->now_ms + progress_pause_ms(conn, limit_ms) < next_ms)
		next_ms = worker->now_ms + progress_pause_ms(conn, limit_ms);
	timer_arm(&worker->timers, &conn->timer, next_ms);
}

/* Bytes have moved while no look was to come. */
static void
begin_looks(struct worker *worker, struct conn *conn)
{
	conn->unwatched = false;
	arm_idle(worker, conn);
}

/* Gives the conn its share of max-lifetime: up to a tenth less, so that what
 * began together does not end together. */
static void
set_lifetime(struct conn *conn, uint64_t max_ms)
{
	uint64_t tenth = max_ms / 10;
	/* the upper half of a product with 2^64 / phi: well spread */
	uint64_t spread = conn->id * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	if (max_ms == 0)
		return;
	conn->end_ms = conn->accepted_ms + max_ms - (tenth * spread >> 32);
	conn->cut_ms = conn->accepted_ms + max_ms +
	    (tenth > LIFETIME_GRACE_MS ? tenth : LIFETIME_GRACE_MS);
}

/* Ends a conn whose max-lifetime has passed, if it is idle or was never so;
 * true when it did. */
static bool
end_of_lifetime(struct worker *worker, struct conn *conn)
{
	if (conn->end_ms == 0 || worker->now_ms < conn->end_ms)
		return false;
	if (conn_is_idle(worker, conn))
		conn_close(worker, conn, REASON_LIFETIME);
	else if (worker->now_ms >= conn->cut_ms)
		conn_cut(worker, conn, REASON_LIFETIME_CUT);
	else
		return false;
	return true;
}

/* Whether everything that comes from `side` has been passed on, FIN and all. */
static bool
finished(const struct conn *conn, enum conn_side side)
{
	return conn->side[other(side)].fin_sent;
}

/* All bytes from `from` are delivered and it has ended: passes the FIN on.
 * False when that was the conn's end. */
static bool
pass_fin(struct worker *worker, struct conn *conn, enum conn_side from)
{
	struct side *to = &conn->side[other(from)];

	if (conn->side[from].failed) {
		begin_reset(worker, conn, from, 0);
		return false;
	}
	if (finished(conn, other(from))) {
		/* close(2) sends the FIN */
		conn_close(worker, conn, REASON_DONE);
		return false;
	}
	if (shutdown(to->fd, SHUT_WR) == -1) {
		begin_reset(worker, conn, other(from), errno);
		return false;
	}
	to->fin_sent = true;
	conn->last_ms = worker->now_ms;
	arm_idle(worker, conn);
	return true;
}

/* Runs the relay from side `from`; false when the conn is closed or resets. */
static bool
run_relay(struct worker *worker, struct conn *conn, enum conn_side from)
{
	struct relay *relay = &conn->relay[from];
	const uint64_t before = relay->bytes;
	enum relay_result result;
	int error = 0;

	result = move_bytes(worker, conn, from, &error);
	if (relay->bytes != before) {
		conn->last_ms = worker->now_ms;
		conn->last_from = (uint8_t)from;
		if (conn->unwatched)
			begin_looks(worker, conn);
	}
	switch (result) {
	case RELAY_WAITS:
		gather_update(worker, conn, from, relay->bytes - before);
		return true;
	case RELAY_HAS_MORE:
		add_to_ready(worker, conn);
		return true;
	case RELAY_FINISHED:
		return pass_fin(worker, conn, from);
	case RELAY_FROM_FAILED:
		begin_reset(worker, conn, from, error);
		return false;
	case RELAY_TO_FAILED:
		begin_reset(worker, conn, other(from), error);
		return false;
	case RELAY_NO_RESOURCE:
		conn->error = error;
		conn_close(worker, conn, REASON_RESOURCE_DATA);
		return false;
	}
	return false;
}

/* Runs both relays, the one from `first` first. */
static void
run_relays(struct worker *worker, struct conn *conn, enum conn_side first)
{
	if (!finished(conn, first) && !run_relay(worker, conn, first))
		return;
	if (!finished(conn, other(first)) &&
	    !run_relay(worker, conn, other(first)))
		return;
	/* A socket may fail while nothing is read from it any more: after its
	 * FIN, or behind a full pipe. */
	for (int s = CLIENT; s < SIDES; s++)
		if (conn->side[s].failed) {
			begin_reset(worker, conn, (enum conn_side)s,
			    -sock_error(conn->side[s].fd));
			return;
		}
}

/* ---- connecting ------------------------------------------------------- */

/* Whether others wait who came before this one: it must not overtake them. */
static bool
comes_too_late(const struct conn *conn, const struct service *service)
{
	return service->limited && conn->state != CONN_QUEUED &&
	    conn->tries == 0 && conn->backend == NULL &&
	    waiting_is_used(conn->service);
}

/* Chooses the next backend and counts the conn there.  Returns its index, or
 * PICK_NONE or PICK_FULL. */
static int
choose(struct worker *worker, struct conn *conn, const struct service *service)
{
	struct pick pick = {
		.client = conn->client,
		.conn = conn->id,
		.now_ms = worker->now_ms,
		.tries = conn->tries,
	};
	int index;

	if (service == NULL || conn->tries > service->settings.retries)
		return PICK_NONE;
	if (comes_too_late(conn, service))
		return PICK_FULL;
	memcpy(pick.tried, conn->tried, sizeof(pick.tried));
	index = pick_take(service, &pick);
	if (index == PICK_FULL && conn->backend != NULL) {
		/* its own place may be the one that is lacking */
		release_backend(worker, conn);
		index = pick_take(service, &pick);
	}
	if (index >= 0) {
		release_backend(worker, conn);
		conn->backend = service->backend[index].backend;
	}
	return index;
}

/* Lacking here, not at the backend: trying another one would not help. */
static bool
lacks_resource(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM || error == ENOSPC;
}

static struct sock_options
backend_options(const struct service *service)
{
	return (struct sock_options){
		.nodelay = service->settings.nodelay,
		.keepalive = service->settings.keepalive == KEEPALIVE_BACKEND ||
		    service->settings.keepalive == KEEPALIVE_BOTH,
		.oobinline = true,
		.user_timeout_ms = service->settings.user_timeout_ms,
		.sndbuf = service->settings.sndbuf_backend,
		.rcvbuf = service->settings.rcvbuf_backend,
		.notsent_lowat = service->settings.notsent_lowat_backend,
	};
}

/* Starts connecting to the chosen backend.  0 when the outcome is to come by
 * epoll, else the -errno with which it failed at once. */
static int
start_attempt(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	struct sock_options options = backend_options(service);
	struct addr addr = conn->backend->addr;
	bool pending;
	int fd, error;

	if (addr_port(&addr) == 0)
		addr_set_port(&addr, conn->port);
	if ((fd = sock_connect(&addr, &options, &pending)) < 0)
		return fd;
	conn->own = ownconns_note(&worker->shared->own, fd, &addr);
	conn->side[BACKEND] = (struct side){ .fd = fd };
	/* not before connect(2): epoll would report an unconnected socket */
	if ((error = watch(worker, conn, BACKEND)) != 0) {
		close_backend(worker, conn, true);
		return error;
	}
	conn->attempt_ms = worker->now_ms;
	timer_arm(&worker->timers, &conn->timer,
	    worker->now_ms + conn->settings.timeout_connect_ms);
	return 0;
}

/* Nothing can be tried now: the client waits, but not longer than a backend
 * may take to answer. */
static void
wait_for_resource(struct worker *worker, struct conn *conn, int error)
{
	uint64_t first = conn->accepted_ms + conn->queue_ms;

	conn->error = error;
	if (worker->now_ms - first >= conn->settings.timeout_connect_ms) {
		conn_close(worker, conn, REASON_RESOURCE_CONNECT);
		return;
	}
	if (worker_may_warn(worker))
		log_warning("service %s: cannot connect to a backend now: %s",
		    conn->service->name, strerror(error));
	conn->tries = 0;
	timer_arm(&worker->timers, &conn->timer,
	    worker->now_ms + RESOURCE_RETRY_MS);
}

/* Ports are used up towards one address, by conns and by what waits for its
 * TIME_WAIT to pass: our lack, not the backend's fault. */
static void
note_no_port(struct worker *worker, const struct conn *conn)
{
	char text[ADDR_TEXT_MAX];

	count(&backend_stats(worker, conn)->no_ports, 1);
	if (worker_may_warn(worker))
		log_warning("%s/%s: cannot connect to %s: no local port is "
			    "left: widen net.ipv4.ip_local_port_range, or give "
			    "the service more backends",
		    conn->service->name, conn->backend->name,
		    addr_format(&conn->backend->addr, text, sizeof(text)));
}

static void
note_failure(struct worker *worker, struct conn *conn, int error)
{
	const struct engine_peers *peers = &worker->shared->peers;

	conn->error = error;
	conn->tried[conn->tries++] = conn->backend->id;
	if (error == EADDRNOTAVAIL) {
		note_no_port(worker, conn);
		return;
	}
	count(&backend_stats(worker, conn)->connect_failures, 1);
	if (peers->suspect != NULL)
		peers->suspect(peers->prober, conn->backend->id);
}

/* When the conn will have waited long enough, all its waits together. */
static uint64_t
queue_deadline(const struct conn *conn)
{
	return conn->attempt_ms + conn->settings.timeout_queue_ms -
	    (conn->queue_ms < conn->settings.timeout_queue_ms
		    ? conn->queue_ms
		    : conn->settings.timeout_queue_ms);
}

static void
arm_queue(struct worker *worker, struct conn *conn)
{
	timer_arm(&worker->timers, &conn->timer, queue_deadline(conn));
}

/* No candidate is left, or no attempt. */
static void
give_up(struct worker *worker, struct conn *conn)
{
	if (conn->error == EADDRNOTAVAIL || conn->error == EAGAIN)
		wait_for_resource(worker, conn, conn->error);
	else
		conn_close(worker, conn,
		    conn->error == ETIMEDOUT ? REASON_CONNECT_TIMEOUT
					     : REASON_BACKEND_CONNECT);
}

/* All backends are full: the conn waits until one is not. */
static void
queue_up(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	release_backend(worker, conn);
	remove_from_ready(worker, conn);
	if (!waiting_enter(worker, conn, service->settings.queue)) {
		conn_close(worker, conn, REASON_QUEUE_FULL);
		return;
	}
	conn_set_state(conn, CONN_QUEUED);
	arm_queue(worker, conn);
}

/* Tries the chosen backend.  False when it failed at once. */
static bool
try_chosen(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	int error;

	if (conn->tries > 0) {
		conn->retries++;
		count(&service_stats(worker, conn)->retries, 1);
	}
	if ((error = start_attempt(worker, conn, service)) == 0)
		return true;
	if (lacks_resource(-error)) {
		wait_for_resource(worker, conn, -error);
		return true;
	}
	note_failure(worker, conn, -error);
	return false;
}

/* Tries candidates until one is connecting, lets the conn wait, or closes it.
 */
static void
connect_next(struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	int index;

	while ((index = choose(worker, conn, service)) >= 0)
		if (try_chosen(worker, conn, service))
			return;
	if (index == PICK_FULL)
		queue_up(worker, conn, service);
	else
		give_up(worker, conn);
}

bool
conn_admit(struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	int index = choose(worker, conn, service);

	if (index == PICK_FULL)
		return false;
	waiting_leave(worker, conn);
	timer_disarm(&worker->timers, &conn->timer);
	conn_set_state(conn, CONN_CONNECTING);
	if (index == PICK_NONE)
		give_up(worker, conn);
	else if (!try_chosen(worker, conn, service))
		connect_next(worker, conn);
	return true;
}

static void
attempt_failed(struct worker *worker, struct conn *conn, int error)
{
	log_debug("conn %lu: backend %s: %s", conn->id, conn->backend->name,
	    strerror(error));
	/* it may have answered just now: not with a FIN, as if all were well */
	close_backend(worker, conn, true);
	note_failure(worker, conn, error);
	connect_next(worker, conn);
}

/* A port of our own choosing may happen to be the one that we connect to, on
 * this machine: TCP then connects the socket to itself. */
static bool
connected_to_itself(const struct worker *worker, const struct conn *conn)
{
	uint16_t port = addr_port(&conn->backend->addr);

	if (port == 0)
		port = conn->port;
	return port >= atomic_load_explicit(&worker->shared->port_low,
			   memory_order_relaxed) &&
	    port <= atomic_load_explicit(&worker->shared->port_high,
			memory_order_relaxed) &&
	    sock_is_own_peer(conn->side[BACKEND].fd);
}

/* Closes a conn whose client is lb4 itself: a backend of some service leads
 * back here.  True when it did. */
static bool
close_own(struct worker *worker, struct conn *conn)
{
	char text[ENDPOINT_TEXT_MAX];

	if (!ownconns_is_ours(&worker->shared->own, conn->side[CLIENT].fd,
		&conn->client))
		return false;
	if (worker_may_warn(worker))
		log_warning("service %s: closed a conn from %s: it comes from "
			    "lb4 itself, since a backend's address leads back "
			    "here: see lb4.ini(5), backend",
		    conn->service->name,
		    endpoint_format(&conn->client, text, sizeof(text)));
	conn->error = ELOOP;
	conn_close(worker, conn, REASON_OWN);
	return true;
}

/* How the attempt that epoll reports on has ended: 0 or an errno. */
static int
attempt_error(const struct worker *worker, struct conn *conn, uint32_t events)
{
	int fd = conn->side[BACKEND].fd, error;

	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		error = -sock_error(fd);
		/* answered and reset before anything was exchanged: as good as
		 * refused, unless it left something to read */
		if (error == ECONNRESET && progress_unread(fd) > 0) {
			conn->side[BACKEND].failed = true;
			return 0;
		}
		if (error != 0)
			return error;
	}
	return connected_to_itself(worker, conn) ? ECONNREFUSED : 0;
}

static void
on_attempt_event(struct worker *worker, struct conn *conn, uint32_t events)
{
	int error;

	if (conn->side[BACKEND].fd < 0 ||
	    (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
		return; /* not yet */
	if ((error = attempt_error(worker, conn, events)) != 0) {
		attempt_failed(worker, conn, error);
		return;
	}
	/* once more: it may have been accepted before it was noted */
	if (close_own(worker, conn))
		return;
	conn->established = true;
	conn->error = 0;
	conn->connect_ms = connect_took(worker, conn);
	conn->last_ms = worker->now_ms;
	conn->unwatched = true;
	count(&backend_stats(worker, conn)->conns, 1);
	conn_set_state(conn, CONN_RELAYING);
	arm_idle(worker, conn);
	run_relays(worker, conn, CLIENT);
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
	conn->settings = service->settings.conn;
	conn->accepted_ms = worker->now_ms;
	set_lifetime(conn, conn->settings.max_lifetime_ms);
	conn->last_ms = worker->now_ms;
	conn->side[CLIENT] = (struct side){ .fd = fd };
	conn->side[BACKEND] = (struct side){ .fd = -1 };
	relay_init(&conn->relay[CLIENT], worker->relays.forced);
	relay_init(&conn->relay[BACKEND], worker->relays.forced);
	count(&service_stats(worker, conn)->accepted, 1);
	if ((conn->error = -watch(worker, conn, CLIENT)) != 0) {
		conn_close(worker, conn, REASON_RESOURCE_CONNECT);
		return;
	}
	if (!close_own(worker, conn))
		connect_next(worker, conn);
}

/* ---- events ----------------------------------------------------------- */

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

/* Whether its client, who has no backend yet, means by a FIN that it has gone.
 * A reset is told with its error. */
static bool
gives_up(const struct conn *conn)
{
	const struct side *client = &conn->side[CLIENT];

	return (conn->state == CONN_QUEUED || conn->state == CONN_CONNECTING) &&
	    client->rdhup && !client->failed && conn->settings.abort_on_close;
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
	} else if (conn->state == CONN_QUEUED && side->failed) {
		conn->error = ECONNRESET;
		conn_close(worker, conn, REASON_CLIENT_QUEUED);
	} else if (conn->state == CONN_RELAYING) {
		run_relays(worker, conn, which);
	} else if (conn->state == CONN_RESETTING) {
		continue_reset(worker, conn);
	}
}

void
on_conn_ready(struct worker *worker, struct conn *conn)
{
	if (conn->state == CONN_RELAYING)
		run_relays(worker, conn, CLIENT);
	else if (conn->state == CONN_RESETTING)
		continue_reset(worker, conn);
}

/* Nothing has moved for too long: whom were we waiting for? */
static enum reason
idle_reason(const struct conn *conn)
{
	enum conn_side slow;

	if (conn->relay[CLIENT].held > 0)
		slow = BACKEND;
	else if (conn->relay[BACKEND].held > 0)
		slow = CLIENT;
	else if (half_closed(conn))
		slow = conn->side[CLIENT].eof ? BACKEND : CLIENT;
	else
		slow = other(conn->last_from);
	if (half_closed(conn))
		return slow == CLIENT ? REASON_CLIENT_LINGERS
				      : REASON_BACKEND_LINGERS;
	return slow == CLIENT ? REASON_CLIENT_IDLE : REASON_BACKEND_IDLE;
}

/* Whether its time is over, but for bytes that wait in its sockets and that no
 * turn has served yet: these are served first. */
static bool
was_silent(struct worker *worker, struct conn *conn)
{
	if (worker->now_ms < conn->last_ms + silence_limit(conn))
		return false;
	for (int s = CLIENT; s < SIDES; s++) {
		conn->side[s].in_ready = !conn->side[s].eof;
		conn->side[s].out_ready = true;
	}
	run_relays(worker, conn, CLIENT);
	return conn->state == CONN_RELAYING &&
	    worker->now_ms >= conn->last_ms + silence_limit(conn);
}

/* Looks what the sides have taken; true when the conn has ended, since one is
 * stalled. */
static bool
look_at_progress(struct worker *worker, struct conn *conn)
{
	struct shedding shedding;
	struct conn *worst;
	int stalled;

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
		while ((worst = progress_shed_next(worker, &shedding)) != NULL)
			conn_shed(worker, worst);
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
		arm_idle(worker, conn); /* traffic has moved the deadline */
	}
}

/* Whether the attempt is over, one way or the other, and no turn has heard of
 * it yet. */
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
	uint64_t deadline = conn->attempt_ms +
	    conn->settings.timeout_connect_ms;

	if (conn->side[BACKEND].fd < 0)
		connect_next(worker, conn);
	else if (worker->now_ms < deadline)
		timer_arm(&worker->timers, &conn->timer, deadline);
	else if (!attempt_is_over(worker, conn))
		attempt_failed(worker, conn, ETIMEDOUT);
}

static void
on_queue_timer(struct worker *worker, struct conn *conn)
{
	if (worker->now_ms < queue_deadline(conn)) {
		arm_queue(worker, conn);
		return;
	}
	conn->error = ETIMEDOUT;
	conn_close(worker, conn, REASON_QUEUE_TIMEOUT);
}

void
on_conn_timer(struct worker *worker, struct conn *conn)
{
	if (conn->state == CONN_CONNECTING)
		on_connect_timer(worker, conn);
	else if (conn->state == CONN_QUEUED)
		on_queue_timer(worker, conn);
	else if (conn->state == CONN_RELAYING)
		on_relay_timer(worker, conn);
	else if (conn->state == CONN_RESETTING)
		continue_reset(worker, conn);
}

static uint64_t
later(uint64_t time_ms, uint64_t by_ms, uint64_t most_ms)
{
	return time_ms + by_ms < most_ms ? time_ms + by_ms : most_ms;
}

void
conns_excuse(struct worker *worker, uint64_t gap_ms)
{
	struct conn *conn;
	uint32_t i = 0;

	while ((conn = slots_each(&worker->conns, &i)) != NULL) {
		conn->last_ms = later(conn->last_ms, gap_ms, worker->now_ms);
		conn->attempt_ms = later(conn->attempt_ms, gap_ms,
		    worker->now_ms);
		conn->cut_ms += conn->cut_ms != 0 ? gap_ms : 0;
		progress_excuse(worker, conn);
	}
}

/* ---- moving house ----------------------------------------------------- */

struct conn *
conn_detach(struct worker *worker, struct conn *conn)
{
	struct conn *moved;

	assert(conn->state != CONN_CLOSED);
	if ((moved = malloc(sizeof(*moved))) == NULL)
		return NULL;
	timer_disarm(&worker->timers, &conn->timer);
	remove_from_ready(worker, conn);
	gather_forget(worker, conn);
	if (conn->state == CONN_QUEUED)
		waiting_detach(worker, conn);
	for (int s = CLIENT; s < SIDES; s++) {
		if (conn->side[s].fd >= 0)
			(void)loop_remove(worker->epfd, conn->side[s].fd);
		if (conn->relay[s].pipe.in >= 0)
			pipes_emigrate(&worker->relays.pipes);
	}
	*moved = *conn;
	slots_release(&worker->conns, conn);
	return moved;
}

void
conn_attach(struct worker *worker, struct conn *moved)
{
	struct conn *conn = take_slot(worker);
	int error;

	*conn = *moved;
	free(moved);
	if (conn->state == CONN_QUEUED)
		waiting_attach(worker, conn);
	for (int s = CLIENT; s < SIDES; s++)
		if (conn->relay[s].pipe.in >= 0)
			pipes_immigrate(&worker->relays.pipes);
	for (int s = CLIENT; s < SIDES; s++) {
		if (conn->side[s].fd < 0)
			continue;
		if ((error = watch(worker, conn, (enum conn_side)s)) != 0) {
			conn->error = -error;
			conn_close(worker, conn,
			    conn->established ? REASON_RESOURCE_DATA
					      : REASON_RESOURCE_CONNECT);
			return;
		}
	}
	gather_resume(conn);
	/* every timer's handler looks at the clock itself */
	timer_arm(&worker->timers, &conn->timer, worker->now_ms);
	if (conn->state != CONN_QUEUED)
		add_to_ready(worker, conn);
}
