/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One destination of log lines: two buffers, and a thread that does nothing but
 * write.  A slow disk, a stuck pipe or a full socket blocks this thread and
 * nobody else.
 *
 *	owner (the log thread):  gather lines -> flush: pass the buffer on
 *	writer (its own thread): write the buffer, ring the owner's bell
 *
 * While the writer is busy, the owner gathers lines in the other buffer.  When
 * that is full too, log_dest_room() returns false, and the owner keeps its
 * lines.  The owner decides how long to wait for a writer, and can abandon a
 * stuck one at any time.
 *
 * Lines that cannot be written are counted, not kept.  Before log_dest_start()
 * and after log_dest_stop(), the owner itself writes, and waits.
 */
#ifndef LB4_LOG_LOG_DEST_H
#define LB4_LOG_LOG_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/log/log_output.h"

#define LOG_DEST_BUFFER ((size_t)64 * 1024)

/* Room for the longest line, with what marks its time and level. */
#define LOG_DEST_LINE ((size_t)1200)

struct log_dest;
struct mailbox;

/* Opens "stderr", "syslog" or a file: see log_output_open().  Returns 0, or
 * -errno with *out untouched. */
must_check int log_dest_open(struct log_dest **out, const char *name);

/* Starts the writer.  It rings `bell` when the owner has asked for it, when
 * lines were lost, and when a file was reopened.  Returns 0 or -errno. */
must_check int log_dest_start(struct log_dest *dest, struct mailbox *bell);

/* Ends the writer of a destination that has settled, and waits for it. */
void log_dest_stop(struct log_dest *dest);

/*
 * Abandons the destination at once, whatever its writer does; lines that are
 * not written yet may be lost.  Returns how many lines these are.  The writer
 * closes the descriptor when it can.  If it hangs in write(2), it keeps its
 * thread and its buffers until the kernel returns.  Accepts NULL.
 */
uint64_t log_dest_close(struct log_dest *dest);

const char *log_dest_name(const struct log_dest *dest);

/* Whether there is room for one more line. */
bool log_dest_room(const struct log_dest *dest);

/* Adds a message of at most LOG_LINE_MAX bytes, as "TIME LEVEL: TEXT" or with
 * the marks that the destination uses for levels.  Without room, it is lost and
 * counted. */
void log_dest_message(struct log_dest *dest, int level, int64_t realtime_ms,
    const char *text, size_t len);

/* Adds a complete line of at most ACCESS_LINE_MAX bytes. */
void log_dest_line(struct log_dest *dest, int64_t realtime_ms, const char *line,
    size_t len);

/* Passes the gathered lines to the writer if it is idle. */
void log_dest_flush(struct log_dest *dest);

/* Whether all lines are written or lost.  If not, the bell rings when this may
 * have changed. */
bool log_dest_settled(struct log_dest *dest);

/* How long the writer has been busy without progress; 0: it is idle. */
uint64_t log_dest_stalled_ms(struct log_dest *dest);

/* Waits until the writer is idle, for at most `ms`. */
void log_dest_wait(struct log_dest *dest, unsigned ms);

/* Makes the writer reopen its file; it does so at once, even while it waits for
 * room.  Does nothing for other destinations. */
void log_dest_reopen(struct log_dest *dest);

/* Whether the file was reopened since the last call.  `error` is 0, or -errno:
 * then the old file stays in use. */
bool log_dest_reopened(struct log_dest *dest, int *error);

/* How many lines have been lost, and the errno behind the last of them. */
uint64_t log_dest_lost(struct log_dest *dest, int *error);

/* Subtracts lines from that number once they have been reported. */
void log_dest_lost_told(struct log_dest *dest, uint64_t count);

/* False while the writer is busy; the bell rings when it becomes idle.
 * Otherwise, sets `lost` to the number of lost lines in the buffer that it has
 * just finished. */
bool log_dest_finished(struct log_dest *dest, uint64_t *lost);

#endif
