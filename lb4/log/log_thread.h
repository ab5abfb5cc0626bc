/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The log thread, and what it shares with the threads that post.  Only logger.c
 * uses this; the rest of lb4 sees logger.h.
 *
 * There are two bounded queues, so that a flood of access records cannot crowd
 * out messages: the mailbox of messages, whose bell serves both, and the queue
 * of access records.  A poster that finds its queue full drops the record and
 * counts it.
 */
#ifndef LB4_LOG_LOG_THREAD_H
#define LB4_LOG_LOG_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/log.h"
#include "common/mailbox.h"
#include "common/pulse.h"
#include "common/queue.h"
#include "lb4/config/settings.h"
#include "lb4/log/destinations.h"

#define MESSAGES_MAX 2048
#define RECORDS_MAX 8192

struct message {
	int64_t realtime_ms;
	uint16_t level;
	uint16_t len;
	char text[LOG_LINE_MAX];
};

struct logger_change {
	struct destinations to;
};

/* How many records each queue had no room for.  Writers: the posters.  Reader:
 * the log thread.  Relaxed: a number that guards nothing. */
struct dropped {
	_Alignas(64) _Atomic uint64_t messages;
	_Atomic uint64_t records;
};

/* Numbers that are to be reported, or are being reported. */
struct missing {
	uint64_t dropped_messages, dropped_records;
	uint64_t lost_messages, lost_records;
	int error_messages, error_records;
};

struct logger {
	/* set before start */
	bool started;
	pthread_t thread;

	struct pulse pulse; /* writer: the log thread */

	/* shared: who posts writes, the log thread takes */
	struct mailbox box;
	struct dropped dropped;

	/* Writer: control (release, once `records` is there).  Readers: who
	 * posts (acquire). */
	_Atomic bool wants_records;
	struct queue records;

	/* Writer: control (release, then the bell); log thread acquires, and
	 * takes a change away. */
	_Atomic(struct logger_change *) change;
	_Atomic bool reopen;
	_Atomic bool stop;

	/* the log thread's own; before start and after the end, control's */
	struct destinations to;
	uint64_t told_messages, told_records; /* of those dropped */
	struct missing telling;		      /* while a report is under way */
	bool tells;
	uint64_t said_ms;
	bool stuck; /* a destination was given up at the end */

	/* control's own: what was asked for last */
	char messages_name[CONFIG_PATH_MAX];
	char access_name[CONFIG_PATH_MAX];
	enum access_format format;
};

/* The thread: writes until `stop`, writes the rest, and ends.  arg: the
 * logger. */
void *log_thread_main(void *arg);

/* Without the thread: writes all records, waits for that, and closes
 * everything. */
void log_thread_finish(struct logger *logger);

#endif
