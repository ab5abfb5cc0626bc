/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What lb4 finds on the machine that it runs on: for `lb4 -vv`, and for the
 * warnings at the start.
 */
#ifndef LB4_HOST_FACTS_H
#define LB4_HOST_FACTS_H

#include <stdio.h>

#include "lb4/config/settings.h"

struct engine_limits;

/* Writes kernel, limits, what they come to under `config`, and the libraries
 * that are loaded.  Raises the descriptor limit, as the engine does. */
void facts_print(FILE *out, const struct config *config);

/* Writes a warning to the log for each limit that lb4 would run into as the
 * user of that name ("": the present one), and for a zone without backends. */
void facts_warn(const struct config *config,
    const struct engine_limits *limits);

#endif
