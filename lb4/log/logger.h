/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The log thread: writes messages and access records where the configuration
 * says, so that a slow disk or a stuck pipe stops nobody else.  Control owns
 * it; every thread feeds it.
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

#include "lb4/config/config.h"

struct access_record;
struct logger;
struct pulse;

/* A logger that keeps messages for a thread to come; freed without one, it
 * writes them to standard error.  NULL with errno set. */
struct logger *logger_new(void);

/*
 * Opens the destinations: `messages` is "stderr", "syslog" or a path, `access`
 * may also be "off".  Returns 0, or -errno with "cannot open /var/log/x: No
 * such file or directory" in `why`.
 */
int logger_open(struct logger *logger, const char *messages, const char *access,
    enum access_format format, char *why, size_t size);

/*
 * Other destinations while the thread runs, in two steps: logger_prepare()
 * opens them, as logger_open() does, and gives a change to commit or abandon;
 * NULL when nothing is different, which both take.  -EBUSY while the thread has
 * not yet taken up the change before.  The thread takes a committed one up
 * after what it was given before.
 */
struct logger_change;

int logger_prepare(struct logger *logger, const char *messages,
    const char *access, enum access_format format, struct logger_change **out,
    char *why, size_t size);
void logger_commit(struct logger *logger, const char *messages,
    const char *access, struct logger_change *change);
void logger_abandon(struct logger_change *change);

/* Starts the thread, once.  Returns 0 or -errno. */
int logger_start(struct logger *logger);

/* Has the thread open its files again, and say in the log how that went. */
void logger_reopen(struct logger *logger);

/*
 * Has the thread write what it was given and end.  No other thread logs any
 * more.  Waits at most two seconds: 0, or -ETIMEDOUT when the thread is stuck
 * in a write(2), and then it goes down with the process.
 */
int logger_stop(struct logger *logger);

/* Does nothing to one whose thread is stuck.  NULL is fine. */
void logger_free(struct logger *logger);

/* The thread's heartbeat: how long it is in a turn, as in a write(2). */
const struct pulse *logger_pulse(const struct logger *logger);

/* Takes the record of a finished conn, if there is an access log; from any
 * thread, without waiting. */
void logger_access(struct logger *logger, const struct access_record *record);

#endif
