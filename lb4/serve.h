/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The life of a process that serves clients. */
#ifndef LB4_SERVE_H
#define LB4_SERVE_H

#include "common/attr.h"

struct options;

/* As in lb4(8). */
enum { EXIT_OK = 0, EXIT_START = 1, EXIT_USAGE = 2, EXIT_RUNTIME = 3 };

/* Serves until lb4 is told to stop.  `argv` is main()'s, for upgrades.  Returns
 * an exit status. */
must_check int serve(struct options *options, char **argv, const char *version);

#endif
