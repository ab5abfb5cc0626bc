/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Choosing a backend for a conn.
 *
 * A pick is a pure function of the service (its table), the backends' states,
 * the counts and the client: workers and tests call the same one.  What looks
 * like chance is a hash of the conn's id.  pick_take() then counts the conn
 * in, if the counts still are what the pick relied on.
 *
 * Step by step:
 *
 *	1. the policy's key of the client or conn is hashed with the seed.
 *	2. a client that was active before a change of the table may keep the
 *	   backend it had then (pins.h).
 *	3. of the backends that are up, those in the node's zone or those in
 *	   others come first, as the zones' formula has it (policy.c); then
 *	   the rest of the two; then the backups, if none of the others is
 *	   up and ready.
 *	4. in that set the policy chooses.  Backends at their maxconn are
 *	   stepped past, but not to backups, nor to those that are down: if
 *	   only full ones are left of a kind, the conn has to wait.
 *	5. if there was none, the same without a look at health: a check may
 *	   be wrong, and one that has just joined may be well.
 */
#ifndef LB4_BALANCE_PICK_H
#define LB4_BALANCE_PICK_H

#include "lb4/balance/candidates.h"

/*
 * The backend for a conn, as an index into service->backend, or one of the
 * above.  Backends that are down are stepped past, but when all are, they are
 * tried all the same.
 */
int pick_find(const struct service *service, const struct pick *pick);

/* Picks, and counts the conn in the backend's `active`, which is the caller's
 * to count down, and never goes over its maxconn. */
int pick_take(const struct service *service, const struct pick *pick);

/* Counts a conn of the service down in the backend's `active`: the caller's last
 * touch of the backend.  `service` is of the current table; NULL: gone. */
void pick_release(const struct service *service, struct backend *backend);

#endif
