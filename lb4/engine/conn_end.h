/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Ending: the way out of every conn, and the reset that waits until the other
 * side has what was received before it.
 */
#ifndef LB4_ENGINE_CONN_END_H
#define LB4_ENGINE_CONN_END_H

#include <stdbool.h>

#include "lb4/engine/access.h"

struct conn;
struct worker;

/* Ends it, in whatever state it is: it is CLOSED then.  Resets both sides
 * unless the reason is a normal end (reason_is_normal()).  The conn must not be
 * touched after that; its slot stays until conns_bury(). */
void conn_close(struct worker *worker, struct conn *conn, enum reason reason);

/* Frees the slots of the conns that were closed in this turn. */
void conns_bury(struct worker *worker);

/*
 * The two ways into RESETTING; conn.c sets the state and then calls
 * conn_end_step().
 *
 * The conn's failed_side has met `error`: nothing can be sent to it any more,
 * what it had sent still goes to the other side, then that one is reset.
 */
void conn_begin_reset(struct worker *worker, struct conn *conn);

/* lb4 cuts the conn: each side gets what was read for it, then both are reset.
 */
void conn_begin_cut(struct worker *worker, struct conn *conn,
    enum reason reason);

/* Whether all that has been sent so far was read: who waits for the rest of it
 * to be delivered may get a whole, not just a longer part. */
bool conn_all_is_read(const struct conn *conn);

/* Goes on with a reset or a cut.  True when it is over: close the conn with its
 * `reason`.  Else its timer is armed, or it is in the ready list. */
bool conn_end_step(struct worker *worker, struct conn *conn);

#endif
