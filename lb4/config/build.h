/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Building a struct config: what config_parse() and config_adhoc() share.
 */
#ifndef LB4_CONFIG_BUILD_H
#define LB4_CONFIG_BUILD_H

#include "lb4/config/settings.h"

/* Makes a configuration with the defaults and no service; NULL without
 * memory. */
struct config *build_new(void);

/*
 * Adds a service with the defaults, without listeners and backends.  `name` is
 * shorter than CONFIG_NAME_MAX.  The result is valid until the next call; NULL
 * without memory.
 */
struct config_service *build_add_service(struct config *config,
    const char *name, int line);

struct config_service *build_find_service(const struct config *config,
    const char *name);

#endif
