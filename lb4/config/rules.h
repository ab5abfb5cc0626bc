/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What must hold between keys and between services, after each key was right
 * by itself.
 */
#ifndef LB4_CONFIG_RULES_H
#define LB4_CONFIG_RULES_H

#include "lb4/config/errors.h"
#include "lb4/config/settings.h"
#include "lb4/config/sources.h"

/*
 * Sorts the backends of each service by name, and complains.  `sources` is one
 * for each service, or NULL when lines are unknown.
 */
int rules_check(struct config *config, const struct rules_source *sources,
    struct errors *errors);

#endif
