/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The log: writes messages and access records where the configuration says, so
 * that a slow disk or a stuck pipe stops nobody else.  Control owns it; every
 * thread feeds it.
 *
 *	posters -> two queues -> log thread -> buffers of a destination -> its
 *	writer -> file, standard error or system's log
 *
 * The log thread (log_thread.c) never waits for a destination: each has a
 * writer, a thread of its own (log_dest.h).  So one that is stuck holds up
 * neither the other one, nor a change of the destinations, nor the end of the
 * process.  What it does not take fills its two buffers (64 KiB each) and then
 * its queue; what comes after that is dropped and counted.  A destination that
 * is switched off while it is stuck is let go of at once, and what it held is
 * counted as lost.  The messages tell both numbers, with the destination's name.
 *
 *	logger_new()	messages are taken and kept; no file, no thread yet
 *	logger_open()	the files, as the user that will reopen them
 *	logger_start()	the thread
 *	logger_stop()	what was taken is written; the thread ends
 *	logger_free()
 *
 * There is one in a process: it is what log_write() writes to.
 */
#ifndef LB4_LOG_LOGGER_H
#define LB4_LOG_LOGGER_H

#include <stddef.h>

#include "lb4/log/destinations.h"

struct access_record;
struct logger;
struct pulse;

/* A logger that keeps messages for a thread to come; freed without one, it
 * writes them to standard error.  NULL with errno set. */
struct logger *logger_new(void);

/* Opens the destinations (destinations.h).  Returns 0, or -errno with "cannot
 * open /var/log/x: No such file or directory" in `why`. */
int logger_open(struct logger *logger, const struct log_names *names,
    struct why *why);

/*
 * Other destinations while the thread runs, in two steps: logger_prepare()
 * opens them, as logger_open() does, and gives a change to commit or abandon;
 * NULL when nothing is different, which both take.  The thread takes a
 * committed one up after what it was given before, or at once when the old
 * destination is stuck; one that it has not taken up yet is replaced by the
 * next.
 */
struct logger_change;

int logger_prepare(struct logger *logger, const struct log_names *names,
    struct logger_change **out, struct why *why);
void logger_commit(struct logger *logger, const struct log_names *names,
    struct logger_change *change);
void logger_abandon(struct logger_change *change);

/* Starts the thread, once.  Returns 0 or -errno. */
int logger_start(struct logger *logger);

/* Has the thread open its files again, and say in the log how that went. */
void logger_reopen(struct logger *logger);

/*
 * Has the thread write what it was given and end.  No other thread logs any
 * more.  A destination gets at most two seconds, and no more once it has taken
 * nothing for that long: 0, or -ETIMEDOUT when one was stuck; then its lines
 * are lost, and its writer goes down with the process.
 */
int logger_stop(struct logger *logger);

/* NULL is fine. */
void logger_free(struct logger *logger);

/* The thread's heartbeat: how long it is in a turn, as in a write(2). */
const struct pulse *logger_pulse(const struct logger *logger);

/* Takes the record of a finished conn, if there is an access log; from any
 * thread, without waiting. */
void logger_access(struct logger *logger, const struct access_record *record);

#endif
