/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Whether this machine takes packets for addresses of others as its own, which
 * source = client needs: a rule that looks packets with a mark up in a table,
 * and a route of type local in that table (the kernel's
 * Documentation/networking/tproxy.rst).
 */
#ifndef LB4_HOST_LOCALROUTE_H
#define LB4_HOST_LOCALROUTE_H

#include <stdint.h>

#include "common/attr.h"

struct localroute {
	uint32_t table; /* of the first rule for a mark; 0: there is no rule */
	uint32_t mark;
	int found; /* 1: that table, or one of another such rule, has a default
		    * route of type local, and `table` is that one; else 0 */
};

/* Asks the kernel (rtnetlink(7)) for AF_INET or AF_INET6.  0 or -errno. */
must_check int localroute_read(int family, struct localroute *found);

#endif
