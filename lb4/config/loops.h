/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Backends and mirrors that lead back to lb4: to where a service of the same
 * configuration listens, or to its control socket.  One client of such a
 * backend uses up all conns of the process.  Pure: the caller supplies the
 * host's addresses.
 */
#ifndef LB4_CONFIG_LOOPS_H
#define LB4_CONFIG_LOOPS_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/attr.h"
#include "lb4/config/errors.h"
#include "lb4/config/settings.h"
#include "lb4/config/sources.h"

/* Whether an IP address belongs to this host.  Its port is ignored, and it is
 * neither a wildcard nor a loopback address. */
typedef bool loops_is_here(const struct addr *addr);

/*
 * Reports each backend and mirror that leads to a listener: to the same
 * address, or through loopback or an address of this host to a wildcard.  A
 * backend without a port takes the port of each `listen` of its service.  It
 * does not see listeners that have port 0 or are inherited, nor a path that is
 * written in two ways.  `sources` is as for rules_check(); with `is_here` NULL
 * this host has no address but loopback.  Returns 0 or -ENOMEM.
 */
must_check int loops_check(const struct config *config,
    const struct rules_source *sources, loops_is_here *is_here,
    struct errors *errors);

/* The same for one backend of one service of `config`. */
must_check int loops_check_backend(const struct config *config,
    const struct config_service *service, const struct config_backend *backend,
    loops_is_here *is_here, struct errors *errors);

/* The same for the mirror of one service of `config`. */
must_check int loops_check_mirror(const struct config *config,
    const struct config_service *service, loops_is_here *is_here,
    struct errors *errors);

#endif
