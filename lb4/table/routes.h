/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The routes of a service in a table.  Called by table.c. */
#ifndef LB4_TABLE_ROUTES_H
#define LB4_TABLE_ROUTES_H

#include "common/attr.h"

struct config_service;
struct service;
struct states;

/* Gives the service its routes, with references to the states of the services
 * that they lead to.  0 or -ENOMEM. */
must_check int routes_build(struct states *states, struct service *service,
    const struct config_service *config);

/* Drops them; also of a service that is half built. */
void routes_drop(struct service *service);

#endif
