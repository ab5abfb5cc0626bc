/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Facts about the machine that lb4 runs on: for `lb4 -vv`, and for the warnings
 * at the start.
 */
#ifndef LB4_HOST_FACTS_H
#define LB4_HOST_FACTS_H

#include <stdio.h>

#include "lb4/config/settings.h"

struct engine_limits;

/* Writes the kernel, the limits, their effect under `config`, and the loaded
 * libraries.  Raises the descriptor limit, as the engine does. */
void facts_print(FILE *out, const struct config *config);

/* Logs a warning for each limit that lb4 would reach as the configured user,
 * and for a zone without backends. */
void facts_warn(const struct config *config,
    const struct engine_limits *limits);

#endif
