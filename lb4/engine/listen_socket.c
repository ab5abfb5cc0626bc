/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* A listening socket that several threads hold: see listen_socket.h. */
#include "lb4/engine/listen_socket.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/sock.h"

struct listen_socket *
listen_socket_new(int fd, uint16_t port)
{
	struct listen_socket *socket = malloc(sizeof(*socket));

	if (socket == NULL)
		return NULL;
	atomic_init(&socket->refs, 1);
	socket->fd = fd;
	socket->port = port;
	socket->mptcp = sock_is_mptcp(fd);
	socket->drops_seen = 0;
	return socket;
}

void
listen_socket_ref(struct listen_socket *socket)
{
	(void)atomic_fetch_add_explicit(&socket->refs, 1, memory_order_relaxed);
}

void
listen_socket_unref(struct listen_socket *socket)
{
	if (atomic_fetch_sub_explicit(&socket->refs, 1, memory_order_acq_rel) !=
	    1)
		return;
	(void)close(socket->fd);
	free(socket);
}
