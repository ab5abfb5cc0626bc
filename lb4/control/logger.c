/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The log thread and its queues.
 *
 * Two bounded queues, so that a flood of access records cannot crowd out a
 * message: the mailbox of messages, whose bell serves both, and the queue of
 * access records.  A poster that finds its queue full drops the record and
 * counts it.
 *
 * Waking a thread costs the poster a system call, so the bell is left rung
 * while the thread is at work:
 *
 *	wait for the bell -> take all -> nap -> clear the bell -> take all
 *
 * Who posts during the nap finds the bell rung and goes on; that record is
 * taken after the nap.  Who posts after the clearing rings.  Under load that
 * is one system call in NAP_MS for all posters together.
 *
 * What was dropped, and what could not be written, is reported as soon as a
 * report can be written, once in REPORT_MS at most.
 */
#include "lb4/control/logger.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mailbox.h"
#include "common/queue.h"
#include "common/timer.h"
#include "lb4/control/access_format.h"
#include "lb4/control/log_dest.h"
#include "lb4/engine/access.h"

#define NAP_MS 10
#define REPORT_MS 1000
#define STOP_MS 2000

#define MESSAGES_MAX 2048
#define RECORDS_MAX 8192

struct message {
	int64_t realtime_ms;
	uint16_t level;
	uint16_t len;
	char text[LOG_LINE_MAX];
};

struct logger {
	/* set before start */
	struct log_dest *messages;
	struct log_dest *access; /* may be the same; NULL: off */
	enum access_format format;
	struct queue records; /* only with `access` */
	bool started;
	bool stuck;
	int ended; /* eventfd: the thread has nothing left to do */
	pthread_t thread;

	/* shared: who posts writes, the log thread takes */
	struct mailbox box;

	/* Writers: who finds a queue full.  Reader: log thread.  Relaxed: it
	 * is a number and guards nothing. */
	_Alignas(64) _Atomic uint64_t dropped;

	/* Writer: control (release, then the bell); log thread acquires. */
	_Atomic bool reopen;
	_Atomic bool stop;

	/* the log thread's own */
	uint64_t dropped_said;
	uint64_t said_ms;
	struct log_dest dest[2];
};

/* The process's logger: a sink of log_write() is told no other way.  Written
 * by control while it is the only thread. */
static struct logger *the_logger;

static int64_t
realtime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
drop(struct logger *logger)
{
	atomic_fetch_add_explicit(&logger->dropped, 1, memory_order_relaxed);
}

static void
take_line(enum log_level level, const char *line, size_t len)
{
	struct logger *logger = the_logger;
	struct message message;

	if (len > sizeof(message.text))
		len = sizeof(message.text);
	message.realtime_ms = realtime_ms();
	message.level = (uint16_t)level;
	message.len = (uint16_t)len;
	memcpy(message.text, line, len);
	if (queue_put(&logger->box.queue, &message,
		offsetof(struct message, text) + len))
		mailbox_ring(&logger->box);
	else
		drop(logger);
}

void
logger_access(struct logger *logger, const struct access_record *record)
{
	if (logger->access == NULL)
		return;
	if (queue_put(&logger->records, record, sizeof(*record)))
		mailbox_ring(&logger->box);
	else
		drop(logger);
}

struct logger *
logger_new(void)
{
	struct logger *logger = aligned_alloc(64, sizeof(*logger));
	int error;

	if (logger == NULL)
		return NULL;
	memset(logger, 0, sizeof(*logger));
	logger->messages = &logger->dest[0];
	(void)log_dest_open(logger->messages, "stderr");
	logger->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = logger->ended < 0
	    ? -errno
	    : mailbox_init(&logger->box, MESSAGES_MAX, sizeof(struct message));
	if (error < 0) {
		if (logger->ended >= 0)
			close(logger->ended);
		free(logger);
		errno = -error;
		return NULL;
	}
	the_logger = logger;
	log_set_sink(take_line);
	return logger;
}

static int
open_dest(struct log_dest *dest, const char *name, char *why, size_t size)
{
	int error = log_dest_open(dest, name);

	if (error < 0)
		snprintf(why, size, "cannot open %s: %s", name,
		    strerror(-error));
	return error;
}

int
logger_open(struct logger *logger, const char *messages, const char *access,
    enum access_format format, char *why, size_t size)
{
	int error;

	error = open_dest(logger->messages, messages, why, size);
	if (error < 0)
		return error;
	logger->format = format;
	if (strcmp(access, "off") == 0)
		return 0;
	error = queue_init(&logger->records, RECORDS_MAX,
	    sizeof(struct access_record));
	if (error < 0) {
		snprintf(why, size, "access log: %s", strerror(-error));
		return error;
	}
	if (strcmp(access, messages) == 0) {
		logger->access = logger->messages;
		return 0;
	}
	error = open_dest(&logger->dest[1], access, why, size);
	if (error == 0)
		logger->access = &logger->dest[1];
	return error;
}

/* From here on to logger_start(): the log thread. */

static void __attribute__((format(printf, 3, 4)))
say(struct logger *logger, int level, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;
	int len;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	log_dest_message(logger->messages, level, realtime_ms(), text,
	    (size_t)len);
}

static void
flush_all(struct logger *logger)
{
	log_dest_flush(logger->messages);
	if (logger->access != NULL)
		log_dest_flush(logger->access);
}

/* Takes what there is and writes it; true when there may be more. */
static bool
write_batch(struct logger *logger)
{
	struct access_record record;
	struct message message;
	char line[ACCESS_LINE_MAX];
	size_t len, messages = 0, records = 0;

	while (messages < MESSAGES_MAX &&
	    mailbox_take(&logger->box, &message)) {
		log_dest_message(logger->messages, message.level,
		    message.realtime_ms, message.text, message.len);
		messages++;
	}
	while (logger->access != NULL && records < RECORDS_MAX &&
	    queue_take(&logger->records, &record)) {
		len = access_format(logger->format, &record, line,
		    sizeof(line));
		if (len > 0)
			log_dest_line(logger->access, line, len);
		else
			drop(logger);
		records++;
	}
	flush_all(logger);
	return messages == MESSAGES_MAX || records == RECORDS_MAX;
}

static void
reopen_one(struct logger *logger, struct log_dest *dest)
{
	int error;

	if (dest->kind != LOG_DEST_FILE)
		return;
	error = log_dest_reopen(dest);
	if (error < 0)
		say(logger, LOG_LEVEL_ERROR,
		    "cannot reopen %s: %s; the old file stays in use",
		    dest->name, strerror(-error));
	else
		say(logger, LOG_LEVEL_INFO, "reopened %s", dest->name);
}

static void
reopen_all(struct logger *logger)
{
	reopen_one(logger, logger->messages);
	if (logger->access != NULL && logger->access != logger->messages)
		reopen_one(logger, logger->access);
	flush_all(logger);
}

static uint64_t
say_lost(struct logger *logger, const struct log_dest *dest)
{
	if (dest->lost > 0)
		say(logger, LOG_LEVEL_WARNING,
		    "lost %" PRIu64 " log records: %s: %s", dest->lost,
		    dest->name, strerror(dest->error));
	return dest->lost;
}

static bool
report_due(const struct logger *logger)
{
	return atomic_load_explicit(&logger->dropped, memory_order_relaxed) !=
	    logger->dropped_said ||
	    logger->messages->lost > 0 ||
	    (logger->access != NULL && logger->access->lost > 0);
}

/* Reports what is missing from the logs; if that cannot be written either it
 * stays due, and its own lines do not count. */
static void
report(struct logger *logger)
{
	const uint64_t dropped = atomic_load_explicit(&logger->dropped,
	    memory_order_relaxed);
	const bool apart = logger->access != NULL &&
	    logger->access != logger->messages;
	uint64_t lost, lost_access = 0;

	if (!report_due(logger))
		return;
	logger->said_ms = timer_now_ms();
	if (dropped != logger->dropped_said)
		say(logger, LOG_LEVEL_WARNING,
		    "dropped %" PRIu64
		    " log records: they came faster than they could be written",
		    dropped - logger->dropped_said);
	lost = say_lost(logger, logger->messages);
	if (apart)
		lost_access = say_lost(logger, logger->access);
	if (log_dest_flush(logger->messages) < 0) {
		logger->messages->lost = lost;
		return;
	}
	logger->dropped_said = dropped;
	logger->messages->lost -= lost;
	if (apart)
		logger->access->lost -= lost_access;
}

/* How long to wait for the bell: not at all with more to take, until a report
 * may be made when one is due, else for ever. */
static int
wait_ms(const struct logger *logger, bool more)
{
	uint64_t since;

	if (more)
		return 0;
	if (!report_due(logger))
		return -1;
	since = timer_now_ms() - logger->said_ms;
	return since >= REPORT_MS ? 0 : (int)(REPORT_MS - since);
}

static void *
logger_main(void *arg)
{
	const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
	struct logger *logger = arg;
	struct pollfd bell = { .fd = logger->box.fd, .events = POLLIN };
	bool more = false, stop;

	pthread_setname_np(pthread_self(), "lb4-log");
	do {
		(void)poll(&bell, 1, wait_ms(logger, more));
		write_batch(logger);
		nanosleep(&nap, NULL);

		/* Before the last taking, which then misses nothing. */
		stop = atomic_load_explicit(&logger->stop,
		    memory_order_acquire);
		mailbox_open(&logger->box);
		if (atomic_exchange_explicit(&logger->reopen, false,
			memory_order_acq_rel))
			reopen_all(logger);
		more = write_batch(logger);
		if (stop || timer_now_ms() - logger->said_ms >= REPORT_MS)
			report(logger);
	} while (!stop || more);
	(void)eventfd_write(logger->ended, 1);
	return NULL;
}

int
logger_start(struct logger *logger)
{
	int error = pthread_create(&logger->thread, NULL, logger_main, logger);

	logger->started = error == 0;
	return -error;
}

void
logger_reopen(struct logger *logger)
{
	atomic_store_explicit(&logger->reopen, true, memory_order_release);
	mailbox_ring(&logger->box);
}

int
logger_stop(struct logger *logger)
{
	struct pollfd ended = { .fd = logger->ended, .events = POLLIN };
	const uint64_t deadline_ms = timer_now_ms() + STOP_MS;

	if (!logger->started)
		return 0;
	log_set_sink(NULL);
	atomic_store_explicit(&logger->stop, true, memory_order_release);
	mailbox_ring(&logger->box);
	for (;;) {
		uint64_t now_ms = timer_now_ms();

		if (poll(&ended, 1,
			now_ms < deadline_ms ? (int)(deadline_ms - now_ms)
					     : 0) == 1)
			break;
		if (now_ms >= deadline_ms) {
			logger->stuck = true;
			pthread_detach(logger->thread);
			return -ETIMEDOUT;
		}
	}
	pthread_join(logger->thread, NULL);
	logger->started = false;
	return 0;
}

void
logger_free(struct logger *logger)
{
	if (logger == NULL || logger->stuck)
		return;
	log_set_sink(NULL);
	while (write_batch(logger))
		;
	report(logger);
	the_logger = NULL;
	if (logger->access != NULL && logger->access != logger->messages)
		log_dest_close(logger->access);
	log_dest_close(logger->messages);
	queue_done(&logger->records);
	mailbox_done(&logger->box);
	close(logger->ended);
	free(logger);
}
