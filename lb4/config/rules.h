/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rules between keys and between services, checked after each key is valid by
 * itself.
 */
#ifndef LB4_CONFIG_RULES_H
#define LB4_CONFIG_RULES_H

#include "common/attr.h"
#include "lb4/config/errors.h"
#include "lb4/config/settings.h"
#include "lb4/config/sources.h"

/*
 * Sorts the backends of each service by name, and reports errors.  `sources`
 * has one entry per service, or is NULL when lines are unknown.
 */
must_check int rules_check(struct config *config,
    const struct rules_source *sources, struct errors *errors);

#endif
