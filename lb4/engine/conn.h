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
 * conn_close() is the only way out.  A closed conn is buried at the end of the
 * loop's turn; its slot's generation makes late events miss.
 */
#ifndef LB4_ENGINE_CONN_H
#define LB4_ENGINE_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/addr.h"
#include "common/timer.h"
#include "lb4/config/settings.h"
#include "lb4/engine/access.h"
#include "lb4/engine/progress.h"
#include "lb4/engine/relay.h"

struct backend;
struct service;
struct service_state;
struct worker;

enum conn_state {
	CONN_CONNECTING,
	CONN_QUEUED,
	CONN_RELAYING,
	CONN_RESETTING,
	CONN_CLOSED,
	CONN_STATE_COUNT,
};

/* Whether input is looked for by the clock, and in which of the worker's lists
 * the conn is for that: see gather.h. */
enum gathering {
	GATHER_NOT,
	GATHER_WAITS, /* for the next round */
	GATHER_DUE,   /* in this one */
};

enum conn_side {
	CLIENT,
	BACKEND,
	SIDES,
};

struct conn {
	/* what traffic touches: first, and together */
	struct side side[SIDES];
	struct relay relay[SIDES]; /* [CLIENT]: from the client */
	uint64_t last_ms;	   /* when bytes last moved */
	uint8_t state;		   /* enum conn_state; conn_set_state() only */
	uint8_t last_from;	   /* the side they came from */
	bool ready;		   /* in the worker's ready list */
	uint8_t gathering;	   /* enum gathering */
	bool established;	   /* a backend has answered */
	uint8_t owed;		   /* progress.h: one bit for each side */
	bool unwatched;		   /* no look is to come: nothing was owed */

	TAILQ_ENTRY(conn) entry;	/* ready or dead list, or line */
	TAILQ_ENTRY(conn) gather_entry; /* gather.h */
	struct timer timer;
	struct progress progress;
	uint32_t own; /* ownconns.h: of its backend's socket; 0: not noted */

	uint64_t id;
	struct service_state *service; /* one of its gate's inside */
	struct backend *backend;       /* one of its active; NULL: none yet */
	struct endpoint client;
	uint16_t port; /* where the client came to; 0: unix */

	struct conn_settings settings;
	uint64_t end_ms; /* max-lifetime: ends when idle; 0: never */
	uint64_t cut_ms; /* ... ends in any case */

	uint64_t accepted_ms;
	uint64_t attempt_ms; /* the present attempt, or waiting, began */
	uint64_t ticket;     /* its place in the service's queue; 0: none yet */
	uint32_t queue_ms;   /* spent there, before now */
	uint32_t connect_ms; /* accepted to connected, but for queue_ms */
	int error;	     /* errno behind the reason */
	uint8_t reason;	     /* enum reason, once it is known */
	uint8_t failed_side; /* RESETTING: the one that met the error, or SIDES:
			      * none has, lb4 cuts the conn */
	uint8_t retries;
	uint8_t tries;
	uint32_t tried[CONFIG_RETRIES_MAX + 1]; /* backends, by id */
};

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

/* A conn that has moved no byte for so long may be idle. */
#define CONN_QUIET_MS 1000

/* Whether a FIN to both sides would end it well: see closing.h. */
bool conn_is_idle(const struct worker *worker, const struct conn *conn);

/* For how long nothing has moved.  While the backend owes an answer, as far as
 * can be seen from outside, only a tenth of that counts. */
uint64_t conn_quiet_ms(const struct worker *worker, const struct conn *conn);

/* Ends it: resets both sides unless the reason is a normal end
 * (reason_is_normal()). */
void conn_close(struct worker *worker, struct conn *conn, enum reason reason);

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

/* Ends it because stalled conns hold too much memory. */
void conn_shed(struct worker *worker, struct conn *conn);

/* All conns of the worker: it has not run for `gap_ms`, and that is no silence
 * of the peers.  Their deadlines are so much later. */
void conns_excuse(struct worker *worker, uint64_t gap_ms);

/* Frees the slots of the conns that were closed in this turn. */
void conns_bury(struct worker *worker);

/*
 * Takes a conn out of its worker as a value, in any state but CLOSED: the
 * sockets, pipes and counts go with it.  Returns malloc'ed memory for
 * conn_attach(), or NULL with nothing changed.
 */
struct conn *conn_detach(struct worker *worker, struct conn *conn);

/* Makes it a conn of this worker, and frees `moved`.  It goes on where it was:
 * epoll reports again what is ready. */
void conn_attach(struct worker *worker, struct conn *moved);

const char *conn_state_name(enum conn_state state);

#endif
