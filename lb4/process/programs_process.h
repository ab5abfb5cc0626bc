/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * A process that runs programs for lb4, each in a process group of its own.
 * The guard forks it when lb4 first needs it (guard_programs()), so it is as
 * small as the guard, has one thread and is the same user.
 *
 * It ends when lb4 closes the socket or dies, and all programs are killed then.
 */
#ifndef LB4_PROCESS_PROGRAMS_PROCESS_H
#define LB4_PROCESS_PROGRAMS_PROCESS_H

/* Runs in this process, a child of the guard, and never returns.  `socket` is
 * its end of the socket pair.  The signals of signals.h are blocked. */
_Noreturn void programs_process(int socket);

#endif
