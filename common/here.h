/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Whether an address is one of this host's, in the network namespace of the
 * process.  The kernel is asked with a socket of UDP, for which the families
 * that lb4 uses anyway are enough: netlink may be refused to a service.
 */
#ifndef COMMON_HERE_H
#define COMMON_HERE_H

#include <stdbool.h>

#include "common/addr.h"

/* True for an IP address that is assigned here now, or that a local route makes
 * ours; its port does not count.  False for what cannot be told.  Costs some
 * system calls; nothing is sent. */
bool here_has(const struct addr *addr);

#endif
