/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The capabilities that lb4 needs after it has dropped root: capabilities(7).
 * A set has a bit for each.
 */
#ifndef LB4_PROCESS_CAPABILITIES_H
#define LB4_PROCESS_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

struct config;

/* Those that the services need at all times: CAP_NET_RAW for source = client
 * and for mark, which is the lesser of the two that IP_TRANSPARENT and, from
 * Linux 5.17 on, SO_MARK accept. */
uint64_t capabilities_wanted(const struct config *config);

/* Whether this process has all of them in effect. */
bool capabilities_have(uint64_t set);

/*
 * Keeps those of `set` that the process has, and no other, over a change of its
 * user and, as ambient ones, over execve(2), for an upgrade.  The caller has
 * set PR_SET_KEEPCAPS and changed the user.  0 or -errno.
 */
must_check int capabilities_keep(uint64_t set);

#endif
