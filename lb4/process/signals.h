/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The signals that lb4 handles.  They are blocked from the first line of main()
 * on, so that a signal during the start waits, and the control thread reads
 * them.  A blocked signal also reaches process 1 of a pid namespace; the kernel
 * drops signals for it that are neither handled nor blocked
 * (pid_namespaces(7)).
 */
#ifndef LB4_PROCESS_SIGNALS_H
#define LB4_PROCESS_SIGNALS_H

#include "common/attr.h"

/* Blocks them in the calling thread, and in all threads that it starts
 * later. */
void signals_block(void);

/* Unblocks them: for a process that will not serve. */
void signals_unblock(void);

/*
 * Between the two calls, INT, TERM and QUIT end the process at once, with the
 * status 128 plus the number of the signal: for a read that nothing else would
 * end.
 */
void signals_interrupt_begin(void);
void signals_interrupt_end(void);

/* Opens a signalfd(2), not blocking, to read them; they must be blocked.  The
 * caller closes it.  Returns the descriptor or -errno. */
must_check int signals_descriptor(void);

/*
 * Blocks them and opens a descriptor to read them, as signals_descriptor().
 * Also ignores SIGPIPE and SIGXFSZ from now on.  Returns the descriptor or
 * -errno.
 */
must_check int signals_open(void);

/* Reaps all children that have ended.  Process 1 inherits those of others, and
 * a program that executes lb4 may leave some behind. */
void signals_reap(void);

#endif
