/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What a start on this machine would stumble over, found by looking alone: for
 * `lb4 -t`.  Nothing is bound, made or changed, but for this process, which is
 * the configured user when it comes back and may do nothing else but end.
 *
 * Whoever adds to the start what may fail there adds it here.
 */
#ifndef LB4_PROCESS_PREFLIGHT_H
#define LB4_PROCESS_PREFLIGHT_H

#include <stdio.h>

#include "lb4/config/config.h"

struct options;

/*
 * Writes a line for each obstacle, "FILE: [global] pidfile: cannot write
 * /nosuch/pid: No such file or directory", and for what is only to be warned
 * of, "FILE: warning: ...".  Returns how many obstacles there are.  Addresses
 * are not asked whether they are taken: mostly they are, by the lb4 that runs;
 * nor whether they are here, since they may be when it is started.
 */
unsigned preflight(const struct config *config, const struct options *options,
    FILE *out);

/* Collects the backends that lead back to lb4 by an address of this host, as an
 * error each (lb4/config/loops.h).  `list` is empty before. */
void preflight_loops(const struct config *config, const struct options *options,
    struct config_errors *list);

/* Logs the warnings about the configuration (lb4/config/advice.h) that concern
 * a process which starts or reloads. */
void preflight_warn(const struct config *config, const struct options *options);

/* Warns where lb4 would stay root without having been told so; NULL: it would
 * not. */
const char *preflight_root_warning(const struct config *config);

#endif
