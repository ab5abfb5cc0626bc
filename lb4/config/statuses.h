/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Sets of HTTP statuses: "200,204,300-399".
 */
#ifndef LB4_CONFIG_STATUSES_H
#define LB4_CONFIG_STATUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/why.h"
#include "lb4/config/settings.h"

/* Reads statuses of 100 to 999, and ranges of them.  0, or -EINVAL with the
 * reason. */
must_check int statuses_parse(const char *text, struct config_statuses *out,
    struct why *why);

/* Writes the set as statuses_parse() reads it, the default set as well.
 * STATUSES_TEXT_MAX is enough.  Returns `buf`. */
#define STATUSES_TEXT_MAX (CONFIG_STATUSES_MAX * sizeof("200-399"))
const char *statuses_format(const struct config_statuses *statuses, char *buf,
    size_t size);

/* Whether the set has the status; the default one has 200 to 399. */
bool statuses_have(const struct config_statuses *statuses, uint16_t status);

#endif
