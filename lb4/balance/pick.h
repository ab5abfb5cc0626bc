/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Choosing a backend for a conn.
 *
 * A pick is a pure function of the service (its table), the backends' states,
 * the counts and the client: workers and tests call the same one.  Where chance
 * is needed, a hash of the conn's id provides it.  pick_take() then counts the
 * conn, if the counts are still those that the pick relied on.
 *
 * Step by step:
 *
 *	1. the policy's key of the client or conn is hashed with the seed.
 *	2. a client that was active before a change of the table may keep the
 *	   backend that it had then (pins.h).
 *	3. backends that are up are tried by zone: those in the node's zone
 *	   before the others or after them, by the formula in placing.c.
 *	   Backups come last, and only if no other backend is up and ready.
 *	4. in that set the policy chooses.  Backends at their maxconn are
 *	   skipped, but never in favour of backups or of backends that are
 *	   down: if only full ones are left of a kind, the conn has to wait.
 *	5. if there was none, the same without regard to health: a check may
 *	   be wrong, and a backend that has just joined may be healthy.  With
 *	   wait-for-backend a conn first waits until a backend is available.
 *	   If too few are up (panic.h), it is done so at once.
 */
#ifndef LB4_BALANCE_PICK_H
#define LB4_BALANCE_PICK_H

#include "common/attr.h"
#include "lb4/balance/candidates.h"

/*
 * The backend for a conn, as an index into service->backend, PICK_NONE,
 * PICK_FULL or PICK_DOWN.  Backends that are down are skipped; when all of them
 * are, the conn waits for one (PICK_DOWN) or they are tried all the same.
 */
must_check int pick_find(const struct service *service,
    const struct pick *pick);

/* Picks, and counts the conn in the backend's `active`, never above its
 * maxconn.  The caller counts it down later, with pick_release(). */
must_check int pick_take(const struct service *service,
    const struct pick *pick);

/* Counts a conn of the service down in the backend's `active`: the caller must
 * not touch the backend afterwards.  `service` is that of the current table;
 * NULL: it is gone. */
void pick_release(const struct service *service, struct backend *backend);

#endif
