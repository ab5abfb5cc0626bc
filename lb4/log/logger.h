/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The log: writes messages and access records to the configured destinations,
 * so that a slow disk or a stuck pipe blocks nobody else.  Control owns it;
 * every thread posts to it.
 *
 *	posters -> two queues -> log thread -> buffers of a destination
 *	    -> its writer -> file, standard error or syslog
 *
 * The log thread (log_thread.c) never waits for a destination: each has a
 * writer, a thread of its own (log_dest.h).  So a stuck destination blocks
 * neither the other one, nor a change of the destinations, nor the end of the
 * process.  Lines that it does not accept fill its two buffers (64 KiB each)
 * and then its queue; further lines are dropped and counted.  A destination
 * that is switched off while it is stuck is abandoned at once, and its lines
 * are counted as lost.  Messages report both numbers with the name of the
 * destination.
 *
 *	logger_new()	messages are taken and kept; no file, no thread yet
 *	logger_open()	opens the files, as the user that will reopen them
 *	logger_start()	starts the thread
 *	logger_stop()	writes the remaining lines; the thread ends
 *	logger_free()
 *
 * A process has one logger; log_write() writes to it.
 */
#ifndef LB4_LOG_LOGGER_H
#define LB4_LOG_LOGGER_H

#include <stddef.h>

#include "common/attr.h"
#include "lb4/log/destinations.h"

struct access_record;
struct logger;
struct pulse;

/* A logger that keeps messages for a thread that is started later.  If it is
 * freed before that, it writes them to standard error.  NULL with errno set. */
struct logger *logger_new(void);

/* Opens the destinations (destinations.h).  Returns 0, or -errno with "cannot
 * open /var/log/x: No such file or directory" in `why`. */
must_check int logger_open(struct logger *logger, const struct log_names *names,
    struct why *why);

/*
 * Changes the destinations while the thread runs, in two steps.
 * logger_prepare() opens them as logger_open() does, and returns a change to
 * commit or to abandon, or NULL when nothing differs, which both accept.  The
 * thread applies a committed change after it has written the earlier lines, or
 * at once if the old destination is stuck.  A change that it has not applied
 * yet is replaced by the next one.
 */
struct logger_change;

must_check int logger_prepare(struct logger *logger,
    const struct log_names *names, struct logger_change **out, struct why *why);
void logger_commit(struct logger *logger, const struct log_names *names,
    struct logger_change *change);
void logger_abandon(struct logger_change *change);

/* Starts the thread, once.  Returns 0 or -errno. */
must_check int logger_start(struct logger *logger);

/* Makes the thread reopen its files and log the outcome. */
void logger_reopen(struct logger *logger);

/*
 * Makes the thread write the remaining lines and end.  No other thread logs any
 * more.  A destination gets at most two seconds, and is given up after that
 * long without progress.  Returns 0, or -ETIMEDOUT when one was stuck: its
 * lines are lost, and its writer ends with the process.
 */
int logger_stop(struct logger *logger);

/* NULL is fine. */
void logger_free(struct logger *logger);

/* The heartbeat of the thread. */
const struct pulse *logger_pulse(const struct logger *logger);

/* Posts the record of a conn if there is an access log.  Any thread
 * may call it; it does not wait. */
void logger_access(struct logger *logger, const struct access_record *record);

#endif
