/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The guard's own process, in both modes: see guard.h for what it is for.  Only
 * guard_start() calls it.
 */
#ifndef LB4_PROCESS_GUARD_PROCESS_H
#define LB4_PROCESS_GUARD_PROCESS_H

#include <sys/types.h>

struct guard_setup;

/*
 * Runs the guard in this process and never returns.  `socket` is its end of the
 * socket pair, whose other end lb4 has; every other descriptor above 2 is
 * closed.  `child` is lb4 in parent mode, otherwise 0.  The first message that
 * it sends is GUARD_STARTED, with -errno and the reason if it could not start;
 * it has ended then.
 */
_Noreturn void guard_process(const struct guard_setup *setup, int socket,
    pid_t child);

#endif
