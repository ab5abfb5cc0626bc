/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Where the table and the states alone place a conn, without regard to its
 * client's past: the pick without pins.  It goes through the sets (near, far,
 * backups) and lets the policy choose in each.
 */
#ifndef LB4_BALANCE_PLACING_H
#define LB4_BALANCE_PLACING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/balance/candidates.h"

/* The hash of the policy's key; with balance = source it identifies the
 * client. */
uint64_t placing_hash(const struct service *service, const struct pick *pick);

/* Chooses in one set after the other, by the scope's hash, and sets the scope's
 * set.  Returns an index as struct policy's pick does, or PICK_NONE or
 * PICK_FULL. */
must_check int placing_in_sets(const struct service *service,
    const struct pick *pick, struct scope *scope, uint32_t *limit);

/* The same; when there is none, once more without regard to health, or
 * PICK_DOWN if the conn rather waits. */
must_check int placing_choose(const struct service *service,
    const struct pick *pick, struct scope *scope, uint32_t *limit);

/* Whether a pick for a conn that has tried no backend yet, with the service's
 * present settings, would return PICK_FULL or PICK_DOWN. */
bool placing_must_wait(const struct service *service);

#endif
