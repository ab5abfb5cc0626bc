/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * The backends of load: they listen, take requests and answer them.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "test/bench/conns.h"

#define ACCEPT_BATCH 8

void
backend_run(struct load *l, struct conn *conn)
{
	enum step step = STEP_DONE;

	if (!conn->sending) {
		step = conn_recv(l, conn);
		conn->sending = step == STEP_DONE;
		conn->sent = 0;
	}
	if (conn->sending)
		step = conn_send(l, conn);
	if (step == STEP_MORE) {
		conn_queue(l, conn);
		return;
	}
	if (step == STEP_DONE) {
		conn->sending = false;
		conn->received = 0;
		conn->to_recv = HEAD_SIZE;
		if (conn->hangup)
			step = STEP_END;
	}
	if (step == STEP_END) {
		conn_close(l, conn);
		free(conn);
		l->served--;
	}
}

void
on_accept(struct load *l, const struct conn *listener)
{
	struct conn *conn;
	int i, fd;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		fd = accept4(listener->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return; /* NOLINT(*): epoll keeps it */
		conn = calloc(1, sizeof(*conn));
		if (conn == NULL)
			tool_die("out of memory");
		conn->kind = KIND_BACKEND;
		conn->fd = fd;
		conn->to_recv = HEAD_SIZE;
		l->served++;
		conn_watch(l, conn, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
}

/* Enters the network namespace of the file. */
static void
enter_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		tool_die("%s: %s", path, strerror(errno));
	close(fd);
}

/* tool_listen() in the namespace of -n. A socket belongs to the namespace in
 * which it was made, and so does what it accepts. */
static int
listen_in_netns(const struct load *l, const struct tool_addr *addr)
{
	int fd, own;

	if (l->netns == NULL)
		return tool_listen(addr, 4096, 0);
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		tool_die("/proc/self/ns/net: %s", strerror(errno));
	enter_netns(l->netns);
	fd = tool_listen(addr, 4096, 0);
	if (setns(own, CLONE_NEWNET) != 0)
		tool_die("setns: %s", strerror(errno));
	close(own);
	return fd;
}

void
backend_listen(struct load *l, const char *addr)
{
	struct tool_addr parsed = tool_addr_arg(addr);
	struct conn *conn = calloc(1, sizeof(*conn));
	int one = 1;

	if (conn == NULL)
		tool_die("out of memory");
	conn->kind = KIND_LISTENER;
	conn->fd = listen_in_netns(l, &parsed);
	if (conn->fd < 0)
		tool_die("%s: %s", addr, strerror(-conn->fd));
	/* What is accepted inherits it. */
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn_watch(l, conn, EPOLLIN);
} /* NOLINT(clang-analyzer-unix.Malloc): epoll keeps it */
