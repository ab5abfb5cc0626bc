/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backends that lead back to lb4: where a service of the same configuration
 * listens, or its control socket.  One client of such a backend takes every
 * place of the process.  Pure: what this host's addresses are, the caller says.
 */
#ifndef LB4_CONFIG_LOOPS_H
#define LB4_CONFIG_LOOPS_H

#include <stdbool.h>

#include "common/addr.h"
#include "lb4/config/errors.h"
#include "lb4/config/settings.h"
#include "lb4/config/sources.h"

/* Whether an IP address is one of this host's; it has a port, which does not
 * count, and is neither a wildcard nor of loopback. */
typedef bool loops_is_here(const struct addr *addr);

/*
 * Complains of each backend that leads to where a `listen` is: to the same
 * address, or by way of loopback or an address of this host to a wildcard.  A
 * backend without a port takes the port of each `listen` of its service.  Not
 * seen are listeners with port 0 or inherited ones, and a path that is written
 * in two ways.  `sources` is as for rules_check(); with `is_here` NULL this
 * host has no address but loopback.  0 or -ENOMEM.
 */
int loops_check(const struct config *config, const struct rules_source *sources,
    loops_is_here *is_here, struct errors *errors);

/* The same of one backend of one service of `config`. */
int loops_check_backend(const struct config *config,
    const struct config_service *service, const struct config_backend *backend,
    loops_is_here *is_here, struct errors *errors);

#endif
