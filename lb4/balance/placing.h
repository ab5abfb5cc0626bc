/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Where a conn belongs by the table and the states alone, with no look at where
 * its client was before: the pick that knows no pins.  It goes through the sets
 * (near, far, backups) and lets the policy choose in each.
 */
#ifndef LB4_BALANCE_PLACING_H
#define LB4_BALANCE_PLACING_H

#include <stdbool.h>
#include <stdint.h>

#include "lb4/balance/candidates.h"

/* The hash of the policy's key: for source, who the client is. */
uint64_t placing_hash(const struct service *service, const struct pick *pick);

/* Chooses in one set after the other, by scope's hash; sets scope's set.  As
 * struct policy's pick, or PICK_NONE or PICK_FULL. */
int placing_in_sets(const struct service *service, const struct pick *pick,
    struct scope *scope, uint32_t *limit);

/* The same, and when there is none, once more without a look at health. */
int placing_choose(const struct service *service, const struct pick *pick,
    struct scope *scope, uint32_t *limit);

/* Whether a pick for a conn that has tried nothing yet would say PICK_FULL. */
bool placing_is_full(const struct service *service);

#endif
