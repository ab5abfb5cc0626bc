/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A listening socket that several threads hold: the workers that accept from it
 * (listener.h) and control's list of places (places.h).
 */
#ifndef LB4_ENGINE_LISTEN_SOCKET_H
#define LB4_ENGINE_LISTEN_SOCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/sockfile.h"

/* Dropping the last reference closes the socket. */
struct listen_socket {
	_Atomic unsigned refs;
	/* set before any other thread sees it */
	int fd;
	uint16_t port; /* host byte order; 0: unix */
	bool mptcp;    /* it may accept sockets of MPTCP */
	/* control's own: see backlogs.h */
	uint32_t drops_seen;
};

/* Takes ownership of the descriptor.  The caller has one reference.  NULL if
 * out of memory. */
struct listen_socket *listen_socket_new(int fd, uint16_t port);
void listen_socket_ref(struct listen_socket *socket);
void listen_socket_unref(struct listen_socket *socket);

/* Gets a socket that is bound to `bound`, and the identity of its file, all
 * zero without one. */
typedef void listen_socket_visit_fn(void *owner, const struct addr *bound,
    const struct sockfile_id *file, int fd);

#endif
