/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A conn: one client's connection and the connection to its backend; two
 * sockets and two relays.
 *
 *	conn_open() --> PREREAD, for a PROXY header, a ClientHello or both
 *	         |     |
 *	         |     | they are complete
 *	         v     v
 *	         +-----+-- failed: next candidate, at most `retries` --+
 *	               v                                               |
 *	           CONNECTING -----------------------------------------+
 *	               |     ^
 *	               |     +--- all backends full ---> QUEUED
 *	               |     +<-- one has room again ------+
 *	               |
 *	               | the backend answers
 *	               v
 *	            RELAYING ---- an error on one side ---> RESETTING
 *	               |                                        |
 *	               | both sides have finished, a timer      | the other side
 *	               |                                        | has it all, or
 *	               v                                        v reset-linger
 *	            CLOSED <-------- conn_close(reason) --------+
 *
 * PREREAD looks at the client's first bytes and consumes exactly the PROXY
 * header (conn_preread.h).  The conn has no backend yet.  From then on
 * conn->client is the client, as the header names it, and conn->service the
 * service that a route leads to.
 *
 * CONNECTING reads nothing from the client, so a failed attempt loses nothing.
 *
 * QUEUED reads nothing either.  The conn has a ticket and waits in line
 * (waiting.h) for at most timeout-queue.  A client that resets gives up its
 * place.  A client that only sends a FIN keeps waiting, since it may want an
 * answer, unless abort-on-close is set.
 *
 * RELAYING passes bytes and half-closes on, each direction on its own.
 *
 * RESETTING passes a reset on, but only after everything that was received
 * before it: the pipe and the other socket's send queue empty first, then that
 * socket is closed with a reset.  When lb4 itself cuts a conn at a deadline, it
 * does so for both sides.
 *
 * An error belongs to the conn, not to the call that met it.  The first failing
 * call on a socket consumes the kernel's record of the error, and the next read
 * returns 0, as for a FIN.  So an end of file on a side that has `failed` is a
 * reset.
 *
 * Only the events in conn.c and conn_close() call conn_set_state().
 * conn_close() is the only way out (conn_end.h).  A closed conn is buried at
 * the end of the loop's turn.  The generation of its slot makes late events
 * miss.
 */
#ifndef LB4_ENGINE_CONN_H
#define LB4_ENGINE_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/engine/access.h"
#include "lb4/engine/types.h"

struct endpoint;
struct service;
struct worker;

/*
 * Begins a conn for the accepted socket `fd` and takes ownership of it.  The
 * caller has entered both gates.  If nothing else can be done, the conn is
 * closed at once.
 */
void conn_open(struct worker *worker, const struct service *service,
    uint16_t port, int fd, const struct endpoint *client);

/* epoll reports events on one of the conn's sockets. */
void on_conn_event(struct worker *worker, struct conn *conn,
    enum conn_side which, uint32_t events);

void on_conn_timer(struct worker *worker, struct conn *conn);

/* The conn may be first in the service's queue.  It connects if a backend has
 * room, or if there is nothing to wait for.  Returns false if it stays QUEUED.
 */
bool conn_admit(struct worker *worker, struct conn *conn);

/* Conns that are over a limit try again: see throttle.h. */
void on_throttled_retry(struct worker *worker);

/* The conn's turn in the ready list has come. */
void on_conn_ready(struct worker *worker, struct conn *conn);

/* Ends the conn on request. */
void conn_kill(struct worker *worker, struct conn *conn);

/*
 * Ends the conn with a reset of both sides, after what was received before.
 * Reads nothing more.  The reset follows when each side has everything that it
 * is owed, or when neither has taken any of it for reset-linger.  A conn that
 * does not relay ends at once.  So does one with unread input: its stream ends
 * in the middle anyway.
 */
void conn_cut(struct worker *worker, struct conn *conn, enum reason reason);

/*
 * Takes a conn out of its worker as a value, in any state but CLOSED, with its
 * sockets, pipes and counts.  Returns malloc'ed memory for conn_attach(), or
 * NULL with nothing changed.
 */
struct conn *conn_detach(struct worker *worker, struct conn *conn);

/* Makes `moved` a conn of this worker and frees the memory.  The conn continues
 * where it was; epoll reports again what is ready. */
void conn_attach(struct worker *worker, struct conn *moved);

#endif
