/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The first bytes of a client: see conn_preread.h.  Called by conn.c. */
#include "lb4/engine/conn_preread.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/prefix.h"
#include "lb4/config/route.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/preface.h"
#include "lb4/engine/worker_post.h"
#include "lb4/engine/worker_warn.h"
#include "lb4/model/service.h"
#include "lb4/model/terms.h"
#include "lb4/table/table.h"
#include "lb4/wire/hello.h"
#include "lb4/wire/proxy.h"
#include "lb4/wire/sslrequest.h"

static_assert(PROXY_READ_MAX <= RELAY_SCRATCH &&
	HELLO_READ_MAX <= RELAY_SCRATCH,
    "the first bytes fit into the scratch");

static enum conn_preread
refuse(struct conn *conn, enum reason reason, int error)
{
	conn->reason = (uint8_t)reason;
	conn->error = (uint16_t)error;
	return PREREAD_REFUSED;
}

static void
warn(struct worker *worker, const struct conn *conn, const char *why)
{
	char text[ENDPOINT_TEXT_MAX];

	if (worker_may_warn(worker))
		log_warning("service %s: refused a conn from %s: %s",
		    conn->service->name,
		    endpoint_format(&conn->client, text, sizeof(text)), why);
}

static bool
is_proxy(const struct config_proxies *proxies, const struct endpoint *peer)
{
	if (peer->family == AF_UNIX)
		return proxies->local;
	for (unsigned i = 0; i < proxies->count; i++)
		if (prefix_contains(&proxies->prefix[i], peer))
			return true;
	return false;
}

enum conn_preread
conn_preread_begin(struct worker *worker, struct conn *conn,
    const struct service *service)
{
	const struct config_proxies *proxies = &service->settings.accept_proxy;
	struct attempts *attempts = conn_attempts(conn);

	if (service_expects_header(service))
		attempts->preread |= PREREAD_HEADER;
	if (service->routes > 0)
		attempts->preread |= PREREAD_HELLO;
	attempts->began_ms = worker->now_ms;
	if ((attempts->preread & PREREAD_HEADER) != 0 &&
	    !is_proxy(proxies, &conn->client)) {
		warn(worker, conn,
		    "its address is not in accept-proxy: add it, or let this "
		    "client connect to another service");
		return refuse(conn, REASON_PROXY_PEER, EACCES);
	}
	return attempts->preread != 0 ? PREREAD_WAITS : PREREAD_DONE;
}

/* Judges the client by the access rules of the conn's present service. */
static enum conn_preread
admit(const struct worker *worker, struct conn *conn)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);

	if (service != NULL && service->access != NULL &&
	    !service_admits(service, &conn->client))
		return refuse(conn, REASON_ACCESS, 0);
	return PREREAD_DONE;
}

/* Looks at up to `most` bytes.  PREREAD_DONE: there are *len of them in the
 * scratch, 0 at the end. */
static enum conn_preread
peek(struct worker *worker, struct conn *conn, size_t most, size_t *len)
{
	ssize_t n;

	do {
		n = recv(conn->side[CLIENT].fd, worker->relays.scratch, most,
		    MSG_PEEK);
	} while (n == -1 && errno == EINTR);
	*len = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return PREREAD_DONE;
	return errno == EAGAIN ? PREREAD_WAITS
			       : refuse(conn, conn_preread_gone(conn), errno);
}

/* The bytes so far are not all.  After a FIN nothing more comes. */
static enum conn_preread
wait_for_more(struct conn *conn, size_t len)
{
	return len == 0 || conn->side[CLIENT].rdhup
	    ? refuse(conn, conn_preread_gone(conn), 0)
	    : PREREAD_WAITS;
}

/* Takes bytes off the socket that were looked at. */
static int
consume(struct worker *worker, const struct conn *conn, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(conn->side[CLIENT].fd, worker->relays.scratch,
		    len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno;
		if (n == 0)
			return ECONNRESET;
		len -= (size_t)n;
	}
	return 0;
}

/* ---- a PROXY header ----------------------------------------------------- */

static enum conn_preread
take_header(struct worker *worker, struct conn *conn,
    const struct proxy_header *header)
{
	const int error = consume(worker, conn, header->len);

	if (error != 0)
		return refuse(conn, REASON_CLIENT_PREREAD, error);
	if (header->named) {
		conn->client = header->src;
		preface_set_destination(worker, conn, &header->dst);
	}
	conn_attempts(conn)->preread &= (uint8_t)~PREREAD_HEADER;
	conn_attempts(conn)->began_ms = worker->now_ms;
	/* a header that names nobody is the trusted peer's own */
	return header->named ? admit(worker, conn) : PREREAD_DONE;
}

static enum conn_preread
read_header(struct worker *worker, struct conn *conn)
{
	struct proxy_header header;
	enum conn_preread outcome;
	char why[128];
	size_t len;

	outcome = peek(worker, conn, PROXY_READ_MAX, &len);
	if (outcome != PREREAD_DONE)
		return outcome;
	switch (proxy_parse(worker->relays.scratch, len, &header)) {
	case PROXY_DONE:
		return take_header(worker, conn, &header);
	case PROXY_MORE:
		return wait_for_more(conn, len);
	default:
		(void)snprintf(why, sizeof(why),
		    "its PROXY header is wrong: %s", header.why);
		warn(worker, conn, why);
		return refuse(conn, REASON_PROXY_HEADER, EPROTO);
	}
}

/* ---- a ClientHello ------------------------------------------------------ */

static bool
set_low_water(const struct conn *conn, size_t bytes)
{
	const int value = (int)bytes;

	return setsockopt(conn->side[CLIENT].fd, SOL_SOCKET, SO_RCVLOWAT,
		   &value, sizeof(value)) == 0;
}

/* `len` bytes are there, and `need` are needed at least. */
static enum conn_preread
wait_for_hello(struct conn *conn, size_t len, size_t need)
{
	struct attempts *attempts = conn_attempts(conn);

	if (need > len + 1 && set_low_water(conn, need))
		attempts->preread |= PREREAD_LOWAT;
	return wait_for_more(conn, len);
}

/* Answers a request for encryption, which may come before the hello. */
static enum conn_preread
answer(struct worker *worker, struct conn *conn, enum sslrequest request)
{
	const char byte = request == SSLREQUEST_TLS ? SSLREQUEST_YES
						    : SSLREQUEST_NO;
	int error = consume(worker, conn, SSLREQUEST_LEN);

	/* nothing was sent before: there is room */
	if (error == 0 &&
	    send(conn->side[CLIENT].fd, &byte, 1, MSG_NOSIGNAL) != 1)
		error = errno;
	if (error != 0)
		return refuse(conn, REASON_CLIENT_HELLO, error);
	if (request == SSLREQUEST_TLS) {
		conn_attempts(conn)->preread |= PREREAD_ANSWERED;
		preface_set_request(worker, conn);
	} else {
		conn_attempts(conn)->preread |= PREREAD_GSS;
	}
	return PREREAD_DONE;
}

/* The conn becomes one of the service that the route leads to. */
static enum conn_preread
change_service(struct worker *worker, struct conn *conn,
    struct service_state *state)
{
	const struct service *service = table_service_of(worker->table, state);
	struct service_state *from = conn->service;

	if (service == NULL)
		return refuse(conn, REASON_ROUTE, ENOENT);
	if (!gate_enter(&state->gate, service->settings.maxconn,
		GATE_NO_TICKET))
		return refuse(conn, REASON_ROUTE_FULL, EBUSY);
	conn_count(&conn_service_stats(worker, conn)->closed, 1);
	terms_leave(conn->terms, worker->index);
	conn->service = state;
	conn->terms = service->terms;
	terms_enter(conn->terms, worker->index);
	conn_count(&conn_service_stats(worker, conn)->accepted, 1);
	worker_leave(worker->shared, &from->gate);
	return admit(worker, conn);
}

static enum conn_preread
route(struct worker *worker, struct conn *conn, const struct route_facts *facts)
{
	const struct service *service = table_service_of(worker->table,
	    conn->service);
	const struct service_route *found = service != NULL
	    ? service_find_route(service, facts)
	    : NULL;
	struct attempts *attempts = conn_attempts(conn);

	if (found == NULL && facts->plain) {
		warn(worker, conn, "its first bytes are not TLS");
		return refuse(conn, REASON_HELLO, EPROTO);
	}
	if (found != NULL && found->state == NULL)
		return refuse(conn, REASON_ROUTE, EACCES);
	if ((attempts->preread & PREREAD_LOWAT) != 0)
		(void)set_low_water(conn, 1);
	attempts->preread = 0;
	if (!facts->plain)
		preface_set_hello(worker, conn);
	return found != NULL ? change_service(worker, conn, found->state)
			     : PREREAD_DONE;
}

static enum conn_preread
judge_hello(struct worker *worker, struct conn *conn, size_t len)
{
	const bool answered = (conn_attempts(conn)->preread &
				  PREREAD_ANSWERED) != 0;
	struct hello hello;
	enum hello_result result = hello_parse(worker->relays.scratch, len,
	    &hello);
	const struct route_facts facts = {
		.plain = result == HELLO_PLAIN,
		.name = hello.name,
		.alpn = hello.alpn,
		.alpn_len = hello.alpn_len,
	};
	char why[128];

	if (result == HELLO_MORE)
		return wait_for_hello(conn, len, hello.need);
	if (result == HELLO_DONE || (result == HELLO_PLAIN && !answered))
		return route(worker, conn, &facts);
	(void)snprintf(why, sizeof(why), "its ClientHello is wrong: %s",
	    hello.why);
	warn(worker, conn, why);
	return refuse(conn, REASON_HELLO, EPROTO);
}

/* Whether it is answered here: one request of each kind, as PostgreSQL does.
 * What follows an SSLRequest is a hello. */
static bool
answers(const struct conn *conn, enum sslrequest request)
{
	const unsigned preread = conn_attempts(conn)->preread;

	return request != SSLREQUEST_NONE &&
	    (preread & PREREAD_ANSWERED) == 0 &&
	    (request != SSLREQUEST_GSS || (preread & PREREAD_GSS) == 0);
}

static enum conn_preread
read_hello(struct worker *worker, struct conn *conn)
{
	enum sslrequest request;
	enum conn_preread outcome;
	size_t len;

	for (;;) {
		outcome = peek(worker, conn, HELLO_READ_MAX, &len);
		if (outcome != PREREAD_DONE)
			return outcome;
		if (len == 0)
			return wait_for_more(conn, len);
		request = sslrequest_parse(worker->relays.scratch, len);
		if (!answers(conn, request))
			return judge_hello(worker, conn, len);
		if (request == SSLREQUEST_MORE)
			return wait_for_more(conn, len);
		outcome = answer(worker, conn, request);
		if (outcome != PREREAD_DONE)
			return outcome;
	}
}

enum conn_preread
conn_preread(struct worker *worker, struct conn *conn)
{
	const struct attempts *attempts = conn_attempts(conn);
	enum conn_preread outcome = PREREAD_DONE;

	if ((attempts->preread & PREREAD_HEADER) != 0)
		outcome = read_header(worker, conn);
	if (outcome == PREREAD_DONE && (attempts->preread & PREREAD_HELLO) != 0)
		outcome = read_hello(worker, conn);
	return outcome;
}

/* ---- waiting ------------------------------------------------------------ */

static bool
waits_for_header(const struct conn *conn)
{
	return (conn_attempts(conn)->preread & PREREAD_HEADER) != 0;
}

uint64_t
conn_preread_deadline(const struct conn *conn)
{
	const struct conn_settings *settings = conn_settings(conn);

	return conn_attempts(conn)->began_ms +
	    (waits_for_header(conn) ? settings->timeout_proxy_ms
				    : settings->timeout_hello_ms);
}

enum reason
conn_preread_late(const struct conn *conn)
{
	return waits_for_header(conn) ? REASON_PROXY_TIMEOUT
				      : REASON_HELLO_TIMEOUT;
}

enum reason
conn_preread_gone(const struct conn *conn)
{
	return waits_for_header(conn) ? REASON_CLIENT_PREREAD
				      : REASON_CLIENT_HELLO;
}

struct endpoint
conn_peer(const struct conn *conn)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);
	struct endpoint peer;

	if (!conn->preface)
		return conn->client;
	if (getpeername(conn->side[CLIENT].fd, (struct sockaddr *)&sa, &len) !=
	    0)
		len = 0;
	endpoint_from_sockaddr(&peer, (struct sockaddr *)&sa, len);
	return peer;
}
