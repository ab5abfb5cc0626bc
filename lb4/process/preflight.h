/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Finds the obstacles to a start on this machine without starting, for `lb4
 * -t`.  Nothing is bound, created or changed, except this process: it is the
 * configured user afterwards, and can only end.
 *
 * Every step of the start that may fail has a check here.
 */
#ifndef LB4_PROCESS_PREFLIGHT_H
#define LB4_PROCESS_PREFLIGHT_H

#include <stdio.h>

#include "lb4/config/config.h"

struct options;

/*
 * Writes a line for each obstacle, "FILE: [global] pidfile: cannot write
 * /nosuch/pid: No such file or directory", and for each warning, "FILE:
 * warning: ...".  Returns the number of obstacles.  It does not check whether
 * addresses are in use, because the running lb4 usually has them, nor whether
 * they are assigned, because they may be when lb4 starts.
 */
unsigned preflight(const struct config *config, const struct options *options,
    FILE *out);

/* Collects what cannot work on this host, with an error for each: backends that
 * lead back to lb4 through one of its addresses (lb4/config/loops.h), more
 * ports to listen on than descriptors, and source = client or a mark without
 * the capability that it needs.  `list` is empty before. */
void preflight_here(const struct config *config, const struct options *options,
    struct config_errors *list);

/* Logs the warnings about the configuration (lb4/config/advice.h) that concern
 * a process which starts or reloads. */
void preflight_warn(const struct config *config, const struct options *options);

/* A warning if lb4 would stay root without being told to, or NULL. */
const char *preflight_root_warning(const struct config *config);

#endif
