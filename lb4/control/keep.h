/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Has the service manager keep the listeners (fdstore.h), so that a crash
 * refuses no client.  No effect without a service manager.  A part of the
 * control thread.
 */
#ifndef LB4_CONTROL_KEEP_H
#define LB4_CONTROL_KEEP_H

struct engine_change;
struct inherited;
struct places;
struct running;

/*
 * Stores the listeners when lb4 has become the main process, whose messages the
 * manager accepts: after a start, or after a handover.  `inherited` are those
 * that the manager passed to this process.
 */
void keep_begin(struct running *running, const struct inherited *inherited);

/* Before that, in a handover: these listeners are what the old process had
 * stored, so that the manager forgets those that are not in use any more. */
void keep_received(struct running *running, const struct places *places);

/* Stores what a prepared change will listen on, and has the manager forget the
 * rest.  Call it before engine_leave(): a socket is closed when the last of its
 * holders closes it. */
void keep_change(struct running *running, const struct engine_change *change);

/* Has the manager forget all: lb4 stops in an orderly way.  Call it before the
 * listeners are closed. */
void keep_nothing(struct running *running);

#endif
