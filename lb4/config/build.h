/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Making a struct config bit by bit: what config_parse() and config_adhoc()
 * share.
 */
#ifndef LB4_CONFIG_BUILD_H
#define LB4_CONFIG_BUILD_H

#include "lb4/config/settings.h"

/* A configuration with the defaults and no service; NULL: no memory. */
struct config *build_new(void);

/*
 * Adds a service with the defaults, without listener and backend.  `name` is
 * shorter than CONFIG_NAME_MAX.  The result is valid until the next call; NULL:
 * no memory.
 */
struct config_service *build_add_service(struct config *config,
    const char *name, int line);

struct config_service *build_find_service(const struct config *config,
    const char *name);

#endif
