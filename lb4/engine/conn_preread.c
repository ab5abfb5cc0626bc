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
#include "lb4/engine/access.h"
#include "lb4/engine/conn_state.h"
#include "lb4/engine/preface.h"
#include "lb4/engine/worker_warn.h"
#include "lb4/model/service.h"
#include "lb4/wire/proxy.h"

static_assert(PROXY_READ_MAX <= RELAY_SCRATCH,
    "a header fits into the scratch");

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

	if (proxies->count == 0 && !proxies->local)
		return PREREAD_DONE;
	if (!is_proxy(proxies, &conn->client)) {
		warn(worker, conn,
		    "its address is not in accept-proxy: add it, or let this "
		    "client connect to another service");
		return refuse(conn, REASON_PROXY_PEER, EACCES);
	}
	conn_attempts(conn)->began_ms = worker->now_ms;
	return PREREAD_WAITS;
}

/* Takes the header off the socket. */
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

static enum conn_preread
take(struct worker *worker, struct conn *conn,
    const struct proxy_header *header)
{
	const int error = consume(worker, conn, header->len);

	if (error != 0)
		return refuse(conn, REASON_CLIENT_PREREAD, error);
	if (header->named) {
		conn->client = header->src;
		preface_set_destination(worker, conn, &header->dst);
	}
	return PREREAD_DONE;
}

enum conn_preread
conn_preread(struct worker *worker, struct conn *conn)
{
	const struct side *side = &conn->side[CLIENT];
	struct proxy_header header;
	char why[128];
	ssize_t n;

	do {
		n = recv(side->fd, worker->relays.scratch, PROXY_READ_MAX,
		    MSG_PEEK);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return PREREAD_WAITS;
	if (n == -1)
		return refuse(conn, REASON_CLIENT_PREREAD, errno);
	switch (proxy_parse(worker->relays.scratch, (size_t)n, &header)) {
	case PROXY_DONE:
		return take(worker, conn, &header);
	case PROXY_MORE:
		/* after a FIN nothing more comes */
		return n == 0 || side->rdhup
		    ? refuse(conn, REASON_CLIENT_PREREAD, 0)
		    : PREREAD_WAITS;
	default:
		(void)snprintf(why, sizeof(why),
		    "its PROXY header is wrong: %s", header.why);
		warn(worker, conn, why);
		return refuse(conn, REASON_PROXY_HEADER, EPROTO);
	}
}

uint64_t
conn_preread_deadline(const struct conn *conn)
{
	return conn_attempts(conn)->began_ms +
	    conn_settings(conn)->timeout_proxy_ms;
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
