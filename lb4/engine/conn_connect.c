/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A conn on its way to a backend: see conn_connect.h.  Called by conn.c. */
#include "lb4/engine/conn_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "common/sock.h"
#include "lb4/balance/pick.h"
#include "lb4/engine/access.h"
#include "lb4/engine/conn_preread.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/ownconns.h"
#include "lb4/engine/preface.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/waiting.h"
#include "lb4/engine/worker_warn.h"
#include "lb4/table/table.h"

/* How long a conn waits before it tries again to connect when descriptors,
 * ports or memory have run out. */
#define RESOURCE_RETRY_MS 50

void
conn_release_backend(const struct worker *worker, struct conn *conn)
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

void
conn_close_backend(struct worker *worker, struct conn *conn, bool reset)
{
	ownconns_forget(&worker->shared->own, &conn->own);
	if (conn->sourced)
		origins_forget(&worker->shared->origins, conn->side[BACKEND].fd,
		    conn->backend);
	conn->sourced = false;
	conn_close_side(&conn->side[BACKEND], reset);
}

uint32_t
conn_connect_took(const struct worker *worker, const struct conn *conn)
{
	const uint64_t until_ms = conn->established ? conn->step_us / 1000
						    : worker->now_ms;

	return (uint32_t)(until_ms - conn_accepted_ms(conn) - conn->queue_ms);
}

/* Whether older conns wait for a backend.  This one must not overtake them. */
static bool
comes_too_late(const struct conn *conn, const struct service *service)
{
	return service->queues && conn->state != CONN_QUEUED &&
	    conn_attempts(conn)->tries == 0 && conn->backend == NULL &&
	    !conn_attempts(conn)->waited && waiting_is_used(conn->service);
}

/* Whether it may wait for a backend (any longer). */
static bool
conn_may_hold(const struct worker *worker, const struct conn *conn)
{
	return waiting_can_hold(conn) && conn_hold_left_ms(worker, conn) > 0 &&
	    !conn_attempts(conn)->waited;
}

uint32_t
conn_hold_left_ms(const struct worker *worker, const struct conn *conn)
{
	const uint32_t most_ms = conn_settings(conn)->wait_for_backend_ms;
	const uint64_t took_ms = conn_since_us(worker, conn->accepted_us) /
	    1000;
	const uint64_t waited_ms = took_ms > conn->excused_ms
	    ? took_ms - conn->excused_ms
	    : 0;

	return waited_ms < most_ms ? most_ms - (uint32_t)waited_ms : 0;
}

int
conn_choose(struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	const struct attempts *attempts = conn_attempts(conn);
	struct pick pick = {
		.client = conn->client,
		.conn = conn->id,
		.now_ms = worker->now_ms,
		.tries = attempts->tries,
		.waits = conn_may_hold(worker, conn),
	};
	int index;

	if (service == NULL || attempts->tries > service->settings.retries)
		return PICK_NONE;
	if (comes_too_late(conn, service))
		return PICK_FULL;
	memcpy(pick.tried, attempts->tried, sizeof(pick.tried));
	index = pick_take(service, &pick);
	if (index == PICK_FULL && conn->backend != NULL) {
		/* the place it holds itself may be the one that it needs */
		conn_release_backend(worker, conn);
		index = pick_take(service, &pick);
	}
	if (index >= 0) {
		conn_release_backend(worker, conn);
		conn->backend = service->backend[index].backend;
		conn_attempts(conn)->send_proxy =
		    (uint8_t)service->backend[index].send_proxy;
	}
	return index;
}

/* Whether this machine lacks a resource.  Another backend would not help. */
static bool
lacks_resource(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM || error == ENOSPC;
}

struct sock_options
conn_backend_options(const struct service *service)
{
	return (struct sock_options){
		.nodelay = service->settings.nodelay,
		.keepalive = service->settings.keepalive == KEEPALIVE_BACKEND ||
		    service->settings.keepalive == KEEPALIVE_BOTH,
		.oobinline = true,
		.mptcp = service->settings.mptcp == MPTCP_BACKEND ||
		    service->settings.mptcp == MPTCP_YES,
		.user_timeout_ms = service->settings.user_timeout_ms,
		.sndbuf = service->settings.sndbuf_backend,
		.rcvbuf = service->settings.rcvbuf_backend,
		.notsent_lowat = service->settings.notsent_lowat_backend,
		.tuning = &service->settings.tuning,
	};
}

/* Starts to connect to the chosen backend.  Returns 0 if epoll will report the
 * outcome, or -errno if the attempt failed at once. */
static int
start_attempt(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	struct sock_options options = conn_backend_options(service);
	struct addr addr = conn->backend->addr;
	const struct origins_way way = {
		.source = &service->settings.source,
		.to = &addr,
		.client = &conn->client,
		.conn = conn->id,
		.backend = conn->backend,
		.options = &options,
	};
	bool pending, counted;
	int fd, error;

	if (addr_port(&addr) == 0)
		addr_set_port(&addr, conn->port);
	fd = origins_connect(&worker->shared->origins, &way, &pending,
	    &counted);
	if (fd < 0)
		return fd;
	conn->sourced = counted;
	conn->own = ownconns_note(&worker->shared->own, fd, &addr);
	conn->side[BACKEND] = (struct side){ .fd = fd };
	/* not before connect(2): epoll would report an unconnected socket */
	if ((error = conn_watch(worker, conn, BACKEND)) != 0) {
		conn_close_backend(worker, conn, true);
		return error;
	}
	conn_attempts(conn)->began_ms = worker->now_ms;
	conn->step_us = worker->now_us;
	timer_arm(&worker->timers, &conn->timer,
	    worker->now_ms + conn_settings(conn)->timeout_connect_ms);
	return 0;
}

/* Nothing can be tried now.  The client waits, at most as long as a backend may
 * take to answer. */
static enum conn_connecting
wait_for_resource(struct worker *worker, struct conn *conn, int error)
{
	uint64_t first = conn_accepted_ms(conn) + conn->queue_ms;

	conn->error = error;
	if (worker->now_ms - first >= conn_settings(conn)->timeout_connect_ms) {
		conn->reason = REASON_RESOURCE_CONNECT;
		return CONNECT_GIVE_UP;
	}
	if (worker_may_warn(worker))
		log_warning("service %s: cannot connect to a backend now: %s",
		    conn->service->name, strerror(error));
	conn_attempts(conn)->tries = 0;
	timer_arm(&worker->timers, &conn->timer,
	    worker->now_ms + RESOURCE_RETRY_MS);
	return CONNECT_PENDING;
}

/* Conns and sockets in TIME_WAIT use up the local ports for one remote address.
 * lb4 lacks ports then; the backend is not at fault. */
static void
note_no_port(struct worker *worker, const struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	char text[ADDR_TEXT_MAX], away[INET6_ADDRSTRLEN];

	conn_count(&conn_backend_stats(worker, conn)->no_ports, 1);
	if (!worker_may_warn(worker))
		return;
	(void)addr_format(&conn->backend->addr, text, sizeof(text));
	if (service != NULL &&
	    origins_away(&service->settings.source, away, sizeof(away)))
		log_warning("%s/%s: cannot connect to %s from %s: this machine "
			    "does not have that address: assign it, or remove "
			    "it from source",
		    conn->service->name, conn->backend->name, text, away);
	else
		log_warning("%s/%s: cannot connect to %s: no local port is "
			    "left: widen net.ipv4.ip_local_port_range, or give "
			    "the service more backends, or more addresses with "
			    "source",
		    conn->service->name, conn->backend->name, text);
}

void
conn_suspect(const struct worker *worker, const struct conn *conn)
{
	const struct engine_peers *peers = &worker->shared->peers;

	if (peers->suspect != NULL)
		peers->suspect(peers->prober, conn->backend->id);
}

static void
note_failure(struct worker *worker, struct conn *conn, int error)
{
	struct backend_stats *stats = conn_backend_stats(worker, conn);
	struct attempts *attempts = conn_attempts(conn);

	conn->error = error;
	attempts->tried[attempts->tries++] = conn->backend->id;
	if (error == EADDRNOTAVAIL) {
		note_no_port(worker, conn);
		return;
	}
	conn_count(&stats->connect_failures, 1);
	if (error == ECONNREFUSED)
		conn_count(&stats->refused, 1);
	else if (error == ETIMEDOUT)
		conn_count(&stats->timeouts, 1);
	else if (error == ECONNRESET)
		conn_count(&stats->early_resets, 1);
	conn_suspect(worker, conn);
}

/* No candidate is left, or the last retry has failed. */
static enum conn_connecting
give_up(struct worker *worker, struct conn *conn)
{
	if (conn->error == EADDRNOTAVAIL || conn->error == EAGAIN)
		return wait_for_resource(worker, conn, conn->error);
	if (conn_may_hold(worker, conn) &&
	    table_service_of(worker->table, conn->service) != NULL) {
		waiting_doubt(worker, conn);
		return CONNECT_FULL;
	}
	if (conn->held) {
		conn->reason = REASON_WAIT_TIMEOUT;
		conn->error = conn->error != 0 ? conn->error : ETIMEDOUT;
		return CONNECT_GIVE_UP;
	}
	conn->reason = conn->error == ETIMEDOUT ? REASON_CONNECT_TIMEOUT
						: REASON_BACKEND_CONNECT;
	return CONNECT_GIVE_UP;
}

/* Tries the chosen backend.  Returns false if the attempt failed at once and
 * the next candidate must be tried. */
static bool
try_chosen(struct worker *worker, struct conn *conn,
    const struct service *service, enum conn_connecting *outcome)
{
	int error;

	if (conn_attempts(conn)->tries > 0) {
		if (conn->retries < CONN_RETRIES_MAX)
			conn->retries++;
		conn_count(&conn_service_stats(worker, conn)->retries, 1);
	}
	*outcome = CONNECT_PENDING;
	if ((error = start_attempt(worker, conn, service)) == 0)
		return true;
	if (lacks_resource(-error)) {
		*outcome = wait_for_resource(worker, conn, -error);
		return true;
	}
	note_failure(worker, conn, -error);
	return false;
}

enum conn_connecting
conn_connect_chosen(struct worker *worker, struct conn *conn, int index)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	enum conn_connecting outcome;

	for (; index >= 0; index = conn_choose(worker, conn))
		if (try_chosen(worker, conn, service, &outcome))
			return outcome;
	return index == PICK_FULL || index == PICK_DOWN ? CONNECT_FULL
							: give_up(worker, conn);
}

enum conn_connecting
conn_connect(struct worker *worker, struct conn *conn)
{
	return conn_connect_chosen(worker, conn, conn_choose(worker, conn));
}

/* ---- how it ended ------------------------------------------------------- */

bool
conn_is_local_port(const struct worker *worker, uint16_t port)
{
	return port >= atomic_load_explicit(&worker->shared->port_low,
			   memory_order_relaxed) &&
	    port <= atomic_load_explicit(&worker->shared->port_high,
			memory_order_relaxed);
}

/* The kernel may choose the destination port as the local port when the
 * destination is this machine.  TCP then connects the socket to itself. */
static bool
connected_to_itself(const struct worker *worker, const struct conn *conn)
{
	uint16_t port = addr_port(&conn->backend->addr);

	if (port == 0)
		port = conn->port;
	return conn_is_local_port(worker, port) &&
	    sock_is_own_peer(conn->side[BACKEND].fd);
}

int
conn_attempt_error(const struct worker *worker, struct conn *conn,
    uint32_t events)
{
	int fd = conn->side[BACKEND].fd, error;

	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		error = -sock_error(fd);
		/* The backend accepted and reset before any byte was exchanged:
		 * treat it as a refusal, unless the backend left something to
		 * read. */
		if (error == ECONNRESET && progress_unread(fd) > 0) {
			conn->side[BACKEND].failed = true;
			return 0;
		}
		if (error != 0)
			return error;
	}
	return connected_to_itself(worker, conn) ? ECONNREFUSED : 0;
}

void
conn_attempt_failed(struct worker *worker, struct conn *conn, int error)
{
	log_debug("conn %lu: backend %s: %s", conn->id, conn->backend->name,
	    strerror(error));
	/* The backend may have answered just now.  A FIN would tell it that all
	 * is well. */
	conn_close_backend(worker, conn, true);
	note_failure(worker, conn, error);
}

static void
count_connected(struct worker *worker, const struct conn *conn)
{
	struct backend_stats *backend = conn_backend_stats(worker, conn);
	struct service_stats *service = conn_service_stats(worker, conn);
	const uint64_t took_us = conn_since_us(worker, conn->step_us);
	const uint64_t queue_us = (uint64_t)conn->queue_ms * 1000;

	conn_count(&backend->conns, 1);
	histogram_observe(&backend->connect, &histogram_short, took_us);
	histogram_observe(&service->connect, &histogram_short, took_us);
	if (conn_attempts(conn)->ticket == 0)
		return; /* it did not have to wait */
	histogram_observe(&backend->queue, &histogram_short, queue_us);
	histogram_observe(&service->queue, &histogram_short, queue_us);
}

void
conn_connected(struct worker *worker, struct conn *conn)
{
	count_connected(worker, conn);
	waiting_trust(worker, conn);
	preface_begin(worker, conn, conn_attempts(conn)->send_proxy);
	conn->established = true;
	conn->relays = (struct relays){ .lost = 0 };
	for (int s = CLIENT; s < SIDES; s++)
		relay_init(&conn->relays.from[s], worker->relays.forced);
	conn->error = 0;
	conn->last_ms = worker->now_ms;
	conn->unwatched = true;
	conn->step_us = worker->now_us;
}

bool
conn_is_own(struct worker *worker, const struct conn *conn)
{
	const struct endpoint peer = conn_peer(conn);
	char text[ENDPOINT_TEXT_MAX];

	if (!ownconns_is_ours(&worker->shared->own, conn->side[CLIENT].fd,
		&peer, conn->port))
		return false;
	if (worker_may_warn(worker))
		log_warning("service %s: closed a conn from %s: it comes from "
			    "lb4 itself, because a backend's address leads "
			    "back to lb4: see backend in lb4.ini(5)",
		    conn->service->name,
		    endpoint_format(&peer, text, sizeof(text)));
	return true;
}
