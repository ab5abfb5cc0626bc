/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* What lb4 sends to a backend first: see preface.h.  Called by conn.c,
 * conn_connect.c and conn_relay.c. */
#include "lb4/engine/preface.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "lb4/engine/worker_warn.h"
#include "lb4/model/backend.h"
#include "lb4/model/service.h"
#include "lb4/wire/crc32c.h"
#include "lb4/wire/hello.h"

int
preface_init(struct worker *worker)
{
	/* a page of it is touched only when a conn there has a prefix */
	worker->prefaces = calloc(worker->conns.count,
	    sizeof(*worker->prefaces));
	return worker->prefaces != NULL ? 0 : -ENOMEM;
}

void
preface_done(struct worker *worker)
{
	free(worker->prefaces);
	worker->prefaces = NULL;
}

static struct preface *
preface_of(const struct worker *worker, const struct conn *conn)
{
	return &worker->prefaces[slots_index(&worker->conns, conn)];
}

/* The conn's entry, made empty if there was none. */
static struct preface *
make_entry(struct worker *worker, struct conn *conn)
{
	struct preface *preface = preface_of(worker, conn);

	if (!conn->preface)
		*preface = (struct preface){ .sent = 0 };
	conn->preface = true;
	return preface;
}

void
preface_set_destination(struct worker *worker, struct conn *conn,
    const struct endpoint *dst)
{
	make_entry(worker, conn)->dst = *dst;
}

void
preface_set_hello(struct worker *worker, struct conn *conn)
{
	make_entry(worker, conn)->hello = true;
}

void
preface_set_request(struct worker *worker, struct conn *conn)
{
	make_entry(worker, conn)->request = true;
}

void
preface_begin(struct worker *worker, struct conn *conn, uint8_t send_proxy)
{
	if (send_proxy != SEND_PROXY_NO ||
	    (conn->preface && preface_of(worker, conn)->request))
		make_entry(worker, conn)->send_proxy = send_proxy;
	else
		conn->preface = false;
}

/* The address that the client connected to. */
static struct endpoint
destination(const struct preface *preface, const struct conn *conn)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);
	struct endpoint dst;

	if (preface->dst.family != 0)
		return preface->dst;
	if (getsockname(conn->side[CLIENT].fd, (struct sockaddr *)&sa, &len) !=
	    0)
		len = 0;
	endpoint_from_sockaddr(&dst, (struct sockaddr *)&sa, len);
	return dst;
}

/* Looks at the ClientHello, which is still in the client's socket, for what the
 * header can tell of it.  The texts are in `hello` and in the scratch. */
static void
tell_hello(const struct worker *worker, const struct conn *conn,
    struct hello *hello, struct proxy_say *say)
{
	unsigned char *scratch = worker->relays.scratch;
	ssize_t n;

	do {
		n = recv(conn->side[CLIENT].fd, scratch, HELLO_READ_MAX,
		    MSG_PEEK);
	} while (n == -1 && errno == EINTR);
	if (n <= 0 || hello_parse(scratch, (size_t)n, hello) != HELLO_DONE)
		return; /* the client has reset meanwhile */
	say->authority.bytes = hello->name;
	say->authority.len = strlen(hello->name);
	if (hello->alpn_len == 0)
		return;
	say->alpn.bytes = hello->alpn + 1;
	say->alpn.len = hello->alpn[0];
}

static size_t
make(const struct worker *worker, const struct preface *preface,
    const struct conn *conn, unsigned char *buf)
{
	size_t len = 0;
	char id[sizeof("18446744073709551615")];
	struct proxy_say say = {
		.version = preface->send_proxy,
		.src = conn->client,
		.dst = destination(preface, conn),
		.unique_id.bytes = id,
	};
	struct hello hello;

	/* as the access log writes it */
	say.unique_id.len = (size_t)snprintf(id, sizeof(id), "%" PRIu64,
	    conn->id);
	if (preface->hello && say.version == SEND_PROXY_V2)
		tell_hello(worker, conn, &hello, &say);
	if (say.version != SEND_PROXY_NO)
		len = proxy_write(&say, buf);
	if (!preface->request)
		return len;
	memcpy(buf + len, sslrequest_bytes, SSLREQUEST_LEN);
	return len + SSLREQUEST_LEN;
}

/* Notes the checksum, or compares it with the noted one. */
static bool
is_the_same(struct preface *preface, const unsigned char *buf, size_t len)
{
	const uint32_t sum = crc32c(0, buf, len);

	if (preface->sent == 0)
		preface->sum = sum;
	return preface->sum == sum && preface->sent < len;
}

int
preface_send(struct worker *worker, struct conn *conn)
{
	struct preface *preface = preface_of(worker, conn);
	struct side *to = &conn->side[BACKEND];
	unsigned char buf[PREFACE_MAX];
	size_t len;

	if (!to->out_ready || preface->awaits)
		return -EAGAIN;
	len = make(worker, preface, conn, buf);
	if (!is_the_same(preface, buf, len))
		return -EBADMSG;
	while (preface->sent < len) {
		ssize_t n = send(to->fd, buf + preface->sent,
		    len - preface->sent, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			to->out_ready = errno != EAGAIN;
			return -errno;
		}
		preface->sent = (uint16_t)(preface->sent + n);
	}
	preface->awaits = preface->request;
	conn->preface = preface->awaits;
	return 0;
}

bool
preface_awaits(const struct worker *worker, const struct conn *conn)
{
	return preface_of(worker, conn)->awaits;
}

int
preface_take_answer(struct worker *worker, struct conn *conn)
{
	struct side *from = &conn->side[BACKEND];
	char byte;
	ssize_t n;

	do {
		n = recv(from->fd, &byte, 1, 0);
	} while (n == -1 && errno == EINTR);
	if (n == -1) {
		from->in_ready = errno != EAGAIN;
		return -errno;
	}
	/* what follows is not for the client, whose handshake has begun */
	from->eof = n == 0 || byte != SSLREQUEST_YES;
	from->in_ready = !from->eof;
	if (n == 0)
		return -ECONNRESET;
	if (byte != SSLREQUEST_YES) {
		if (worker_may_warn(worker))
			log_warning("%s/%s: reset a conn: the backend refuses "
				    "encryption, and the client has begun it: "
				    "turn ssl on there",
			    conn->service->name, conn->backend->name);
		return -EPROTO;
	}
	conn->preface = false;
	return 0;
}

size_t
preface_copy(const struct worker *worker, const struct conn *conn,
    uint8_t send_proxy, unsigned char *buf)
{
	struct preface preface = preface_leave(worker, conn);

	preface.send_proxy = send_proxy;
	return make(worker, &preface, conn, buf);
}

struct preface
preface_leave(const struct worker *worker, const struct conn *conn)
{
	return conn->preface ? *preface_of(worker, conn)
			     : (struct preface){ .sent = 0 };
}

void
preface_enter(struct worker *worker, const struct conn *conn,
    const struct preface *preface)
{
	if (conn->preface)
		*preface_of(worker, conn) = *preface;
}
