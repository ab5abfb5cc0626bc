/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One destination of log lines: two buffers, and a thread that does nothing but
 * write.  A slow disk, a stuck pipe or a full socket holds up that thread and
 * nobody else.
 *
 *	owner (the log thread):  gather lines -> flush: hand the buffer over
 *	writer (its own thread): write the buffer, ring the owner's bell
 *
 * While the writer is busy the owner gathers into the other buffer; when that
 * is full too, log_dest_room() says so, and the owner keeps what it has.  The
 * owner waits for a writer only as long as it likes to, and can let go of one
 * that is stuck at any time.
 *
 * Lines that cannot be written are counted, not kept.  Before log_dest_start(),
 * and after log_dest_stop(), the owner writes by itself and waits.
 */
#ifndef LB4_LOG_LOG_DEST_H
#define LB4_LOG_LOG_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/log/log_output.h"

#define LOG_DEST_BUFFER ((size_t)64 * 1024)

/* Room for the longest line, with what marks its time and level. */
#define LOG_DEST_LINE ((size_t)1200)

struct log_dest;
struct mailbox;

/* Opens "stderr", "syslog" or a file: see log_output_open().  Returns 0, or
 * -errno with *out untouched. */
int log_dest_open(struct log_dest **out, const char *name);

/* Starts the writer, which rings `bell` when the owner has asked for it, when
 * lines were lost and when a file was opened again.  Returns 0 or -errno. */
int log_dest_start(struct log_dest *dest, struct mailbox *bell);

/* Ends the writer of a settled destination; waits for it. */
void log_dest_stop(struct log_dest *dest);

/*
 * Lets go of it and of the memory, now, whatever the writer does: what has not
 * been written by then stays unwritten.  Returns how many lines these are.  The
 * writer closes the descriptor when it can; one that hangs in write(2) keeps
 * its thread and its buffers until the kernel returns.  NULL is fine.
 */
uint64_t log_dest_close(struct log_dest *dest);

const char *log_dest_name(const struct log_dest *dest);

/* Whether one more line can be gathered. */
bool log_dest_room(const struct log_dest *dest);

/* A message of at most LOG_LINE_MAX bytes: "TIME LEVEL: TEXT", or as the
 * destination marks levels itself.  With no room it is lost, and counted. */
void log_dest_message(struct log_dest *dest, int level, int64_t realtime_ms,
    const char *text, size_t len);

/* A line of at most ACCESS_LINE_MAX bytes that says all by itself. */
void log_dest_line(struct log_dest *dest, int64_t realtime_ms, const char *line,
    size_t len);

/* Hands over what has been gathered, if the writer is idle. */
void log_dest_flush(struct log_dest *dest);

/* Whether all is written, or lost; if not, the bell rings when it may be. */
bool log_dest_settled(struct log_dest *dest);

/* For how long the writer has been busy without any progress; 0: it is idle. */
uint64_t log_dest_stalled_ms(struct log_dest *dest);

/* Waits until the writer is idle, for at most `ms`. */
void log_dest_wait(struct log_dest *dest, unsigned ms);

/* Has the writer open its file again; it does so at once, even when it waits
 * for room.  Nothing to do for the others. */
void log_dest_reopen(struct log_dest *dest);

/* Whether the file was opened again since the last call; `error` is 0 or
 * -errno: then the old one stays in use. */
bool log_dest_reopened(struct log_dest *dest, int *error);

/* How many lines have been lost, and the errno behind the last of them. */
uint64_t log_dest_lost(struct log_dest *dest, int *error);

/* Takes lines off that count, once they have been told. */
void log_dest_lost_told(struct log_dest *dest, uint64_t count);

/* False while the writer is busy, and then the bell rings when it no longer
 * is; else `lost` is how many lines of the buffer that it has finished were
 * lost. */
bool log_dest_finished(struct log_dest *dest, uint64_t *lost);

#endif
