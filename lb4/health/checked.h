/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What is checked of a backend, and how: its own settings and those of its
 * service.
 */
#ifndef LB4_HEALTH_CHECKED_H
#define LB4_HEALTH_CHECKED_H

#include <stddef.h>

#include "common/addr.h"
#include "lb4/config/settings.h"

struct service;

/* The address to check: that of the check, or else the backend's.  If the
 * former has no port, it gets the backend's. */
struct addr checked_address(const struct service *service, size_t index);

/* The service's check with what the backend at that address adds.  It connects
 * as conns do, so that firewalls and routes treat both alike: with the mark,
 * and from the first address of the pool that has the family. */
struct config_check checked_how(const struct service *service, size_t index,
    const struct addr *addr);

#endif
