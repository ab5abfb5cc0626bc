/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A conn: one client's connection together with its backend; two sockets and
 * two relays.
 *
 *	               +-- failed: next candidate, at most `retries` --+
 *	               v                                               |
 *	conn_open() CONNECTING ----------------------------------------+
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
 * CONNECTING reads nothing from the client, so a failed attempt loses nothing.
 * QUEUED neither: it has a ticket and stands in line (waiting.h) for at most
 * timeout-queue.  A client that resets gives its place up; one that only sends
 * a FIN goes on waiting, for it may want an answer, unless abort-on-close says
 * that it does not.
 * RELAYING passes bytes and half-closes on, each direction on its own.
 * RESETTING: a reset is passed on as a reset, but only after what was received
 * before it: the pipe runs empty, the other socket's queue runs out, then it is
 * closed with a reset.  So is a conn that lb4 itself cuts at a deadline, there
 * for both sides.
 *
 * An error belongs to the conn, not to the call that met it: the first failing
 * call on a socket consumes the kernel's note of it, and the next read says 0,
 * like a FIN.  So an end of file on a side that has `failed` is a reset.
 *
 * The events in conn.c call conn_set_state(), and so does conn_close(), the
 * only way out (conn_end.h).  A closed conn is buried at the end of the loop's
 * turn; its slot's generation makes late events miss.
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
 * Begins a conn for the accepted socket `fd`, which it owns from now on.  The
 * caller has entered both gates.  Closes it at once when that is all that can
 * be done.
 */
void conn_open(struct worker *worker, const struct service *service,
    uint16_t port, int fd, const struct endpoint *client);

/* Epoll has something to say about one of its sockets. */
void on_conn_event(struct worker *worker, struct conn *conn,
    enum conn_side which, uint32_t events);

void on_conn_timer(struct worker *worker, struct conn *conn);

/* Its turn in the service's queue may have come: it goes on if a backend has
 * room for it, or there is none to wait for.  False: it stays QUEUED. */
bool conn_admit(struct worker *worker, struct conn *conn);

/* Its turn in the ready list has come. */
void on_conn_ready(struct worker *worker, struct conn *conn);

/* Ends it because lb4 was told to. */
void conn_kill(struct worker *worker, struct conn *conn);

/*
 * Ends it with a reset of both sides, but after what was received before: reads
 * nothing more, and goes on with the reset when each side has all that it is
 * owed, or none has taken any of it for reset-linger.  One that does not relay
 * ends at once, and one whose sender has more to say than was read: the stream
 * ends in its middle anyway.
 */
void conn_cut(struct worker *worker, struct conn *conn, enum reason reason);

/* All conns of the worker: it has not run for `gap_ms`, and that is no silence
 * of the peers.  Their deadlines are so much later. */
void conns_excuse(struct worker *worker, uint64_t gap_ms);

/*
 * Takes a conn out of its worker as a value, in any state but CLOSED: the
 * sockets, pipes and counts go with it.  Returns malloc'ed memory for
 * conn_attach(), or NULL with nothing changed.
 */
struct conn *conn_detach(struct worker *worker, struct conn *conn);

/* Makes it a conn of this worker, and frees `moved`.  It goes on where it was:
 * epoll reports again what is ready. */
void conn_attach(struct worker *worker, struct conn *moved);

#endif
