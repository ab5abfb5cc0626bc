/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Finds out whether an address belongs to this host, in the network namespace
 * of the process.  It asks the kernel through a UDP socket, which needs only
 * the address families that lb4 uses anyway; a service may not be allowed to
 * use netlink.
 */
#ifndef COMMON_HERE_H
#define COMMON_HERE_H

#include <stdbool.h>

#include "common/addr.h"

/* True for an IP address that is assigned to this host now, or that a local
 * route directs to it; the port is ignored.  False when it is not known.  Costs
 * a few system calls and sends nothing. */
bool here_has(const struct addr *addr);

#endif
