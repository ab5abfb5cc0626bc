/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Ending: the only way out of every conn, and the reset that waits until the
 * other side has received everything that came before it.
 */
#ifndef LB4_ENGINE_CONN_END_H
#define LB4_ENGINE_CONN_END_H

#include <stdbool.h>

#include "lb4/engine/access.h"

struct conn;
struct worker;

/* Ends the conn, whatever its state, and sets CLOSED.  Resets both sides unless
 * the reason is a normal end (reason_is_normal()).  Do not touch the conn
 * afterwards; its slot stays until conns_bury(). */
void conn_close(struct worker *worker, struct conn *conn, enum reason reason);

/* Frees the slots of the conns that were closed in this turn. */
void conns_bury(struct worker *worker);

/*
 * The two ways into RESETTING.  After each of them conn.c sets the state and
 * calls conn_end_step().
 *
 * conn_begin_reset(): failed_side has met `error`.  Nothing can be sent to that
 * side any more.  What it had sent still goes to the other side, which is then
 * reset.
 */
void conn_begin_reset(struct worker *worker, struct conn *conn);

/* lb4 cuts the conn: each side gets what was read for it, then both are reset.
 */
void conn_begin_cut(struct worker *worker, struct conn *conn,
    enum reason reason);

/* Whether lb4 has read everything that the peers have sent so far.  Only then
 * can a cut deliver a complete message rather than a longer fragment. */
bool conn_all_is_read(const struct conn *conn);

/* Continues a reset or a cut.  Returns true when it is over: close the conn
 * with its `reason`.  Otherwise the timer is armed, or the conn is in the ready
 * list. */
bool conn_end_step(struct worker *worker, struct conn *conn);

#endif
