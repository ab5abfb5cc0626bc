/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Finds services and backends by name or id, in the tables and in a
 * configuration.  All functions return NULL when there is no such thing, and
 * accept NULL as a service that was not found.  For the control thread.
 */
#ifndef LB4_CONTROL_FIND_H
#define LB4_CONTROL_FIND_H

#include <stdint.h>

struct backend;
struct config;
struct config_backend;
struct config_service;
struct service;
struct tables;

/* The service of that name in the current table. */
const struct service *find_service(const struct tables *tables,
    const char *name);

struct backend *find_backend(const struct service *service, const char *name);

/* The backend of that id, even if only conns still use it. */
struct backend *find_backend_id(const struct tables *tables, uint32_t id);

const struct config_service *find_config_service(const struct config *config,
    const char *name);

/* The service's backends must be sorted by name, as in a valid
 * configuration. */
const struct config_backend *
find_config_backend(const struct config_service *service, const char *name);

#endif
