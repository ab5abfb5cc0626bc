/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The signals that lb4 takes: blocked from the first line of main() on, so that
 * one that comes during the start waits, and read by the control thread.  A
 * blocked signal reaches process 1 of a pid namespace, too, for which the
 * kernel drops every signal that has neither a handler nor a block
 * (pid_namespaces(7)).
 */
#ifndef LB4_PROCESS_SIGNALS_H
#define LB4_PROCESS_SIGNALS_H

/* Blocks them in the calling thread, and so in all that it starts later. */
void signals_block(void);

/* Undoes that: for a process that does not come to serve. */
void signals_unblock(void);

/*
 * Between the two calls INT, TERM and QUIT end the process at once, with
 * 128 + their number as its status: for a read that nothing else would end.
 */
void signals_interrupt_begin(void);
void signals_interrupt_end(void);

/*
 * Blocks them and opens a signalfd(2) to read them from, the caller's to close;
 * from here on SIGPIPE and SIGXFSZ are ignored.  Returns it, or -errno.
 */
int signals_open(void);

/* Reaps all children that have ended.  Process 1 inherits those of others, and
 * whoever execs lb4 may leave some behind. */
void signals_reap(void);

#endif
