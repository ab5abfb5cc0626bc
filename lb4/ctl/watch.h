/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * lb4ctl watch: follows whether lb4 is ready, and drives the engine that moves
 * the cluster's addresses.
 */
#ifndef LB4_CTL_WATCH_H
#define LB4_CTL_WATCH_H

#include "common/attr.h"

/* Runs the command: argv[0] is "watch", and `path` the control socket.  Returns
 * the exit status, as in lb4ctl(8). */
must_check int watch_main(const char *path, int argc, char **argv);

#endif
