/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Configurations as values, made without a file: for the tests of the table,
 * the policies and the prober.
 */
#ifndef TEST_UNIT_TABLE_CONFIG_H
#define TEST_UNIT_TABLE_CONFIG_H

#include "lb4/config/config.h"

/* An empty one, with defaults as far as the table looks at them. */
struct config *table_config_new(void);
void table_config_free(struct config *config);

/* Adds a service without backends or checks.  The result is valid until the
 * next one is added. */
struct config_service *table_config_service(struct config *config,
    const char *name, enum balance balance);

/* Adds a backend at 127.0.0.1:`port`; valid until the next one is added. */
struct config_backend *table_config_backend(struct config_service *service,
    const char *name, unsigned weight, uint16_t port);

/* Adds `count` backends app0000, app0001, ... at ports 1000, 1001, ...; all of
 * weight 1 without `weights`. */
void table_config_backends(struct config_service *service, size_t count,
    const unsigned *weights);

/* Puts the service's backends in an order that `seed` decides. */
void table_config_shuffle(struct config_service *service, unsigned seed);

#endif
