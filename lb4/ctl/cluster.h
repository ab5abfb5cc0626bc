/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl cluster check: compares the nodes of a cluster.
 */
#ifndef LB4_CTL_CLUSTER_H
#define LB4_CTL_CLUSTER_H

#include <stdbool.h>

#include "common/attr.h"

/* Runs the command: argv[0] is "cluster", and `path` the control socket of the
 * lb4 here.  Returns the exit status, as in lb4ctl(8). */
must_check int cluster_main(const char *path, bool json, bool color, int argc,
    char **argv);

#endif
