/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What lb4 does on its command line without serving anybody: checks and dumps a
 * configuration, explains and simulates placements, and lists the limits of the
 * machine.  Results go to standard output, complaints to standard error.
 */
#ifndef LB4_WHATIF_ACTIONS_H
#define LB4_WHATIF_ACTIONS_H

#include "common/attr.h"

struct config;
struct options;

/* Returns the configuration, which the caller frees, or NULL after printing its
 * errors, one per line. */
struct config *actions_load(const struct options *options);

/* The same for a configuration that lb4 is about to serve on this host.  A user
 * who types it at a terminal can interrupt lb4. */
struct config *actions_load_to_serve(const struct options *options);

/* Each returns 0, or -1 if something is wrong. */
must_check int actions_check(const struct options *options); /* and dumps */
must_check int actions_features(const struct options *options);
must_check int actions_explain(const struct options *options);
must_check int actions_simulate(const struct options *options);

#endif
