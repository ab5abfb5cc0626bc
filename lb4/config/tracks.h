/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Rules of the option `track`: a chain of backends ends at one that is checked.
 */
#ifndef LB4_CONFIG_TRACKS_H
#define LB4_CONFIG_TRACKS_H

#include "lb4/config/errors.h"
#include "lb4/config/settings.h"
#include "lb4/config/sources.h"

/* Adds an error for each backend that tracks one that does not exist, is not
 * checked, or tracks it in turn. */
void tracks_check(const struct config *config,
    const struct rules_source *sources, struct errors *errors);

#endif
