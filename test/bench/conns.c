/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * What clients and backends of load share: lists, sending and receiving.
 */

#include "test/bench/conns.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

#define QUANTUM 65536
#define SOURCE_SIZE (4 << 20)

int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

void
source_open(struct load *l)
{
	size_t written;
	ssize_t n;

	l->source = memfd_create("bodies", MFD_CLOEXEC);
	if (l->source < 0)
		tool_die("memfd_create: %s", strerror(errno));
	for (written = 0; written < SOURCE_SIZE; written += (size_t)n) {
		n = write(l->source, l->out, sizeof(l->out));
		if (n <= 0)
			tool_die("memfd: %s", strerror(errno));
	}
}

void
conn_queue(struct load *l, struct conn *conn)
{
	if (conn->queued)
		return;
	conn->queued = true;
	TAILQ_INSERT_TAIL(&l->queue, conn, entry);
}

void
conn_unqueue(struct load *l, struct conn *conn)
{
	if (!conn->queued)
		return;
	conn->queued = false;
	TAILQ_REMOVE(&l->queue, conn, entry);
}

void
conn_rest(struct load *l, struct conn *conn, bool rest)
{
	if (conn->resting == rest)
		return;
	conn->resting = rest;
	if (rest)
		TAILQ_INSERT_TAIL(&l->resting, conn, entry);
	else
		TAILQ_REMOVE(&l->resting, conn, entry);
}

void
conn_watch(struct load *l, struct conn *conn, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0)
		tool_die("epoll_ctl: %s", strerror(errno));
}

void
conn_close(struct load *l, struct conn *conn)
{
	conn_unqueue(l, conn);
	conn_rest(l, conn, false);
	close(conn->fd);
	conn->fd = -1;
	conn->hangup = false;
}

/* Writes the head of what the conn sends where all sending starts from. */
static void
put_head(struct load *l, const struct conn *conn)
{
	uint64_t turned = ~conn->id;
	uint32_t size;

	if (conn->kind == KIND_BACKEND) {
		memcpy(l->out, &turned, sizeof(turned));
		return;
	}
	size = (uint32_t)conn->group->answer_size;
	memcpy(l->out, &size, 4);
	size = (uint32_t)conn->group->send_size;
	memcpy(l->out + 4, &size, 4);
	memcpy(l->out + 8, &conn->id, 8);
}

/* Sends at most len bytes of the message, from memory or from the source. */
static ssize_t
send_part(struct load *l, const struct conn *conn, size_t len)
{
	size_t from = 0;
	int flags = MSG_NOSIGNAL;
	off_t offset;

	if (conn->sent >= HEAD_SIZE && l->source >= 0) {
		offset = (off_t)(conn->sent - HEAD_SIZE) % SOURCE_SIZE;
		return sendfile(conn->fd, l->source, &offset, len);
	}
	if (conn->sent < HEAD_SIZE) {
		put_head(l, conn);
		from = (size_t)conn->sent;
		if (l->source >= 0 && len > HEAD_SIZE - from) {
			len = HEAD_SIZE - from;
			flags |= MSG_MORE;
		}
	}
	return send(conn->fd, l->out + from, len, flags);
}

enum step
conn_send(struct load *l, struct conn *conn)
{
	uint64_t left;
	size_t len;
	ssize_t n;

	while ((left = conn->to_send - conn->sent) > 0) {
		len = conn->bulk ? QUANTUM : CHUNK - HEAD_SIZE;
		if (left < len)
			len = (size_t)left;
		n = send_part(l, conn, len);
		if (n < 0)
			return errno == EAGAIN ? STEP_WAIT : STEP_END;
		conn->sent += (uint64_t)n;
		if (l->measuring)
			conn->moved += (uint64_t)n;
		if (conn->bulk && conn->sent > HEAD_SIZE &&
		    conn->sent < conn->to_send)
			return STEP_MORE;
	}
	return STEP_DONE;
}

/* Looks at the head of a request: now its length and the answer's are known. */
static void
request_head(struct conn *conn)
{
	uint32_t answer, body;

	memcpy(&answer, conn->head, 4);
	memcpy(&body, conn->head + 4, 4);
	memcpy(&conn->id, conn->head + 8, 8);
	conn->to_send = answer;
	conn->to_recv = HEAD_SIZE + (uint64_t)body;
	conn->bulk = answer >= BULK_SIZE || body >= BULK_SIZE;
}

/* Notes the head of a message; false if an answer is not the one asked for. */
static bool
take_head(struct load *l, struct conn *conn, size_t len)
{
	size_t got = (size_t)conn->received;
	uint64_t turned;

	memcpy(conn->head + got, l->in,
	    len < HEAD_SIZE - got ? len : HEAD_SIZE - got);
	if (got + len < HEAD_SIZE)
		return true;
	if (conn->kind == KIND_BACKEND) {
		request_head(conn);
		return true;
	}
	memcpy(&turned, conn->head, sizeof(turned));
	return turned == ~conn->id;
}

/* With MSG_TRUNC the kernel drops the bytes and copies none: tcp(7). The head
 * is read before. */
static ssize_t
recv_part(struct load *l, const struct conn *conn, size_t *len)
{
	*len = conn->bulk ? QUANTUM : CHUNK;
	if (!l->trunc)
		return recv(conn->fd, l->in, *len, 0);
	if (conn->received < HEAD_SIZE) {
		*len = HEAD_SIZE - (size_t)conn->received;
		return recv(conn->fd, l->in, *len, 0);
	}
	*len = CHUNK;
	return recv(conn->fd, l->in, *len, MSG_TRUNC);
}

enum step
conn_recv(struct load *l, struct conn *conn)
{
	size_t len;
	ssize_t n;

	for (;;) {
		n = recv_part(l, conn, &len);
		if (n < 0)
			return errno == EAGAIN ? STEP_WAIT : STEP_END;
		if (n == 0)
			return STEP_END;
		if (conn->received < HEAD_SIZE &&
		    !take_head(l, conn, (size_t)n))
			return STEP_END;
		conn->received += (uint64_t)n;
		if (l->measuring) {
			l->bytes += (uint64_t)n;
			conn->moved += (uint64_t)n;
		}
		if (conn->received > conn->to_recv)
			return STEP_END;
		if (conn->received == conn->to_recv)
			return STEP_DONE;
		if ((size_t)n < len)
			return STEP_WAIT;
		if (conn->bulk && conn->received > HEAD_SIZE)
			return STEP_MORE;
	}
}
