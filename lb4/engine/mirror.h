/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A mirror: a copy of what the client of a conn sends goes to one more server,
 * whose answers are thrown away.  The conn never waits for it: relay_run()
 * copies the bytes with a tap (tap.h), and whatever goes wrong here ends the
 * copy alone.
 *
 *	begins		when a backend has answered; the PROXY header of the
 *			service comes first.  What the client sends before the
 *			mirror has answered waits in the tap's pipe
 *	is dropped	with a reset, and counted by the reason, when it has a
 *			hole or cannot go on: a copy with a hole is worthless
 *	ends		after the conn: the mirror gets the rest, then a FIN or
 *			a reset, as the conn ended.  It has MIRROR_LINGER_MS for
 *			that
 *
 * A conn takes its mirror along to another worker of this process.  One that
 * moves to another process leaves it behind: MIRROR_UPGRADE.
 *
 * Mirrors have slots of their own, so a conn without one costs nothing.  Their
 * sockets come from descriptors that no conn needs (worker_shared.mirrors_max).
 * A worker runs the mirrors with something to do at the end of each turn, after
 * its conns, and throws away at most MIRROR_BUDGET bytes of their answers in a
 * turn.
 */
#ifndef LB4_ENGINE_MIRROR_H
#define LB4_ENGINE_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

struct conn;
struct mirror;
struct tap;
struct timer;
struct worker;

#define MIRROR_LINGER_MS 5000
/* One that has taken nothing for so long, while bytes wait for it, is slow. */
#define MIRROR_STALL_MS 5000
#define MIRROR_BUDGET (1 << 20)
#define MIRROR_BUDGET_ONE (1 << 18) /* ... of one */

/* 0 or -ENOMEM; worker->conns has been made. */
must_check int mirrors_init(struct worker *worker);
void mirrors_done(struct worker *worker);

/* A backend has answered, and nothing is sent to it yet: begins the copy if the
 * service has a mirror. */
void mirror_begin(struct worker *worker, struct conn *conn);

/* The tap of the conn, for relay_run(); NULL: it has none. */
struct tap *mirror_tap(const struct worker *worker, const struct conn *conn);

/* Call it when a relay has run with that tap: it may drop the mirror. */
void mirror_moved(struct worker *worker, struct conn *conn);

/* The client's FIN has been passed on. */
void mirror_pass_fin(struct worker *worker, struct conn *conn);

/* The conn ends; with `reset`, not as its client wanted it to end. */
void mirror_end(struct worker *worker, struct conn *conn, bool reset);

/* epoll reports events on a mirror's socket. */
void on_mirror_event(struct worker *worker, struct mirror *mirror,
    uint32_t events);
void on_mirror_timer(struct worker *worker, struct mirror *mirror);

/* The mirror that has this timer, or NULL. */
struct mirror *mirror_of_timer(const struct worker *worker,
    const struct timer *timer);

/* Runs the mirrors with something to do; whether some are left. */
void mirrors_run(struct worker *worker);
bool mirrors_pending(const struct worker *worker);

/* The worker ends: so do the mirrors whose conns have ended. */
void mirrors_stop(struct worker *worker);

/* Hands over the mirror of a conn that moves to another worker; without one
 * they do nothing. */
void mirror_leave(struct worker *worker, struct conn *conn,
    struct mirror *mirror);
void mirror_enter(struct worker *worker, struct conn *conn,
    struct mirror *mirror);

/* Such a conn has moved to another process: drops its mirror. */
void mirror_forget(struct worker *worker, const struct conn *conn,
    struct mirror *mirror);

#endif
