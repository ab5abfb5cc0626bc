/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The access rules of a service in a table: the rules of the configuration, and
 * the count of each, which the service's state keeps across tables.  Called by
 * table.c.
 */
#ifndef LB4_TABLE_TABLE_ACCESS_H
#define LB4_TABLE_TABLE_ACCESS_H

#include "common/attr.h"

struct access_rules;
struct service;

/* Gives a service, which has its state, these rules (NULL: none).  Returns 0,
 * or -ENOMEM; table_access_drop() undoes both. */
must_check int table_access_set(struct service *service,
    struct access_rules *access);

/* Drops the references, before that to the state. */
void table_access_drop(struct service *service);

#endif
