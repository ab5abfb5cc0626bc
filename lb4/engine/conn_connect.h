/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Connecting: finds a backend for a conn and connects to it, one attempt after
 * another.  Reports the outcome to conn.c and never changes the state.
 */
#ifndef LB4_ENGINE_CONN_CONNECT_H
#define LB4_ENGINE_CONN_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/engine/types.h"

struct service;
struct sock_options;

/* The outcome of the search for a backend. */
enum conn_connecting {
	CONNECT_PENDING, /* an attempt runs, or the conn waits for a resource:
			  * its timer is armed */
	CONNECT_FULL,	 /* all backends that it may use are full, or none is
			  * available: it has to wait */
	CONNECT_GIVE_UP, /* no candidate is left: `reason` says why */
};

/* Tries candidates until one is connecting. */
enum conn_connecting conn_connect(struct worker *worker, struct conn *conn);

/* The same in two steps.  conn_choose() chooses the next backend and reserves a
 * place there; it returns the backend's index in the service, or PICK_NONE,
 * PICK_FULL or PICK_DOWN (pick.h). */
must_check int conn_choose(struct worker *worker, struct conn *conn);
enum conn_connecting conn_connect_chosen(struct worker *worker,
    struct conn *conn, int index);

/* How the attempt ended that epoll reports on: 0 or an errno. */
must_check int conn_attempt_error(const struct worker *worker,
    struct conn *conn, uint32_t events);

/* How sockets to the backends of the service are opened. */
struct sock_options conn_backend_options(const struct service *service);

/* Whether the kernel may choose that port for a socket that connects to it. */
bool conn_is_local_port(const struct worker *worker, uint16_t port);

/* The attempt has failed: closes its socket and records the error. */
void conn_attempt_failed(struct worker *worker, struct conn *conn, int error);

/* The conn's backend has failed it: the prober is to look at it. */
void conn_suspect(const struct worker *worker, const struct conn *conn);

/* The attempt has succeeded. */
void conn_connected(struct worker *worker, struct conn *conn);

/* How much of wait-for-backend is left, which counts from the accept. */
uint32_t conn_hold_left_ms(const struct worker *worker,
    const struct conn *conn);

/* Whether the client is lb4 itself because a backend of some service leads back
 * here.  Logs a warning if so. */
bool conn_is_own(struct worker *worker, const struct conn *conn);

/* Time from accepting the conn until a backend answered, or until now, without
 * the time in the queue. */
uint32_t conn_connect_took(const struct worker *worker,
    const struct conn *conn);

/* conn_close_backend() closes the socket to the backend; conn_release_backend()
 * gives up the place at the backend. */
void conn_close_backend(struct worker *worker, struct conn *conn, bool reset);
void conn_release_backend(const struct worker *worker, struct conn *conn);

#endif
