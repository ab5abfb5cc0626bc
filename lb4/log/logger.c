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
#include "lb4/log/logger.h"

#include <bsd/string.h>
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
#include "common/pulse.h"
#include "common/queue.h"
#include "common/timer.h"
#include "lb4/engine/access.h"
#include "lb4/log/access_format.h"
#include "lb4/log/log_dest.h"

#define NAP_MS 10
#define REPORT_MS 1000
#define STOP_MS 2000

#define MESSAGES_MAX 2048
#define RECORDS_MAX 8192

/* Batches that are written before a change, if it takes so many. */
#define BATCHES_BEFORE 16

struct message {
	int64_t realtime_ms;
	uint16_t level;
	uint16_t len;
	char text[LOG_LINE_MAX];
};

/* Where lines go.  Owned, each. */
struct destinations {
	struct log_dest *messages;
	struct log_dest *access; /* may be the same; NULL: off */
	enum access_format format;
};

struct logger_change {
	struct destinations to;
};

struct logger {
	/* set before start */
	bool started;
	bool stuck;
	int ended; /* eventfd: the thread has nothing left to do */
	pthread_t thread;

	struct pulse pulse; /* writer: the log thread */

	/* shared: who posts writes, the log thread takes */
	struct mailbox box;

	/* Writers: who finds a queue full.  Reader: log thread.  Relaxed: it
	 * is a number and guards nothing. */
	_Alignas(64) _Atomic uint64_t dropped;

	/* Writer: control (release, once `records` is there).  Readers: who
	 * posts (acquire). */
	_Atomic bool wants_records;
	struct queue records;

	/* Writer: control (release, then the bell); log thread acquires, and
	 * takes a change away. */
	_Atomic(struct logger_change *) change;
	_Atomic bool reopen;
	_Atomic bool stop;

	/* the log thread's own */
	uint64_t dropped_said;
	uint64_t said_ms;
	struct destinations to; /* before start, control's */

	/* control's own: what was asked for last */
	char messages_name[CONFIG_PATH_MAX];
	char access_name[CONFIG_PATH_MAX];
	enum access_format format;
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
	if (!atomic_load_explicit(&logger->wants_records, memory_order_acquire))
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
	logger->to.messages = calloc(1, sizeof(*logger->to.messages));
	if (logger->to.messages == NULL) {
		free(logger);
		return NULL;
	}
	(void)log_dest_open(logger->to.messages, "stderr");
	logger->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = logger->ended < 0
	    ? -errno
	    : mailbox_init(&logger->box, MESSAGES_MAX, sizeof(struct message));
	if (error < 0) {
		if (logger->ended >= 0)
			close(logger->ended);
		free(logger->to.messages);
		free(logger);
		errno = -error;
		return NULL;
	}
	the_logger = logger;
	log_set_sink(take_line);
	return logger;
}

static int
open_dest(struct log_dest **out, const char *name, char *why, size_t size)
{
	struct log_dest *dest = calloc(1, sizeof(*dest));
	int error = dest == NULL ? -ENOMEM : log_dest_open(dest, name);

	if (error < 0) {
		snprintf(why, size, "cannot open %s: %s", name,
		    strerror(-error));
		free(dest);
		return error;
	}
	*out = dest;
	return 0;
}

/* `next` goes on with syslog(3), for which there is one for the process. */
static void
close_dest(struct log_dest *dest, bool next)
{
	if (dest == NULL)
		return;
	if (dest->kind == LOG_DEST_SYSLOG && next)
		log_dest_flush(dest);
	else
		log_dest_close(dest);
	free(dest);
}

static bool
use_syslog(const struct destinations *to)
{
	return to != NULL &&
	    (to->messages->kind == LOG_DEST_SYSLOG ||
		(to->access != NULL && to->access->kind == LOG_DEST_SYSLOG));
}

/* `next`: those that come after it, or NULL. */
static void
close_all(struct destinations *to, const struct destinations *next)
{
	const bool syslog = use_syslog(next); /* it may be the same */

	if (to->access != to->messages)
		close_dest(to->access, syslog);
	close_dest(to->messages, syslog);
}

static int
open_all(struct destinations *to, const char *messages, const char *access,
    enum access_format format, char *why, size_t size)
{
	int error = open_dest(&to->messages, messages, why, size);

	if (error < 0)
		return error;
	to->format = format;
	to->access = NULL;
	if (strcmp(access, "off") == 0)
		return 0;
	if (strcmp(access, messages) == 0) {
		to->access = to->messages;
		return 0;
	}
	error = open_dest(&to->access, access, why, size);
	if (error < 0)
		close_dest(to->messages, true);
	return error;
}

/* The queue is made when it is first needed, and stays. */
static int
make_records(struct logger *logger, const char *access, char *why, size_t size)
{
	int error = 0;

	if (strcmp(access, "off") != 0 && logger->records.size == 0)
		error = queue_init(&logger->records, RECORDS_MAX,
		    sizeof(struct access_record));
	if (error < 0)
		snprintf(why, size, "access log: %s", strerror(-error));
	return error;
}

static void
remember(struct logger *logger, const char *messages, const char *access,
    enum access_format format)
{
	strlcpy(logger->messages_name, messages, sizeof(logger->messages_name));
	strlcpy(logger->access_name, access, sizeof(logger->access_name));
	logger->format = format;
}

int
logger_open(struct logger *logger, const char *messages, const char *access,
    enum access_format format, char *why, size_t size)
{
	struct destinations to;
	int error = make_records(logger, access, why, size);

	if (error < 0)
		return error;
	error = open_all(&to, messages, access, format, why, size);
	if (error < 0)
		return error;
	close_all(&logger->to, &to);
	logger->to = to;
	remember(logger, messages, access, format);
	atomic_store_explicit(&logger->wants_records, to.access != NULL,
	    memory_order_release);
	return 0;
}

int
logger_prepare(struct logger *logger, const char *messages, const char *access,
    enum access_format format, struct logger_change **out, char *why,
    size_t size)
{
	struct logger_change *change;
	int error;

	*out = NULL;
	if (strcmp(messages, logger->messages_name) == 0 &&
	    strcmp(access, logger->access_name) == 0 &&
	    format == logger->format)
		return 0;
	if (atomic_load_explicit(&logger->change, memory_order_acquire) !=
	    NULL) {
		snprintf(why, size,
		    "log: the change before is still being "
		    "taken up: try again");
		return -EBUSY;
	}
	error = make_records(logger, access, why, size);
	if (error < 0)
		return error;
	change = calloc(1, sizeof(*change));
	if (change == NULL) {
		snprintf(why, size, "log: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	error = open_all(&change->to, messages, access, format, why, size);
	if (error < 0) {
		free(change);
		return error;
	}
	*out = change;
	return 0;
}

void
logger_abandon(struct logger_change *change)
{
	if (change == NULL)
		return;
	close_all(&change->to, &change->to);
	free(change);
}

void
logger_commit(struct logger *logger, const char *messages, const char *access,
    struct logger_change *change)
{
	const bool on = strcmp(access, "off") != 0;

	if (change == NULL)
		return;
	remember(logger, messages, access, change->to.format);
	atomic_store_explicit(&logger->change, change, memory_order_release);
	atomic_store_explicit(&logger->wants_records, on, memory_order_release);
	mailbox_ring(&logger->box);
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
	log_dest_message(logger->to.messages, level, realtime_ms(), text,
	    (size_t)len);
}

static void
flush_all(struct logger *logger)
{
	log_dest_flush(logger->to.messages);
	if (logger->to.access != NULL)
		log_dest_flush(logger->to.access);
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
		log_dest_message(logger->to.messages, message.level,
		    message.realtime_ms, message.text, message.len);
		messages++;
	}
	while (logger->to.access != NULL && records < RECORDS_MAX &&
	    queue_take(&logger->records, &record)) {
		len = access_format(logger->to.format, &record, line,
		    sizeof(line));
		if (len > 0)
			log_dest_line(logger->to.access, line, len);
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
	reopen_one(logger, logger->to.messages);
	if (logger->to.access != NULL &&
	    logger->to.access != logger->to.messages)
		reopen_one(logger, logger->to.access);
	flush_all(logger);
}

/* What came before the change goes where it was meant to go. */
static void
take_change(struct logger *logger)
{
	struct logger_change *change = atomic_load_explicit(&logger->change,
	    memory_order_acquire);

	if (change == NULL)
		return;
	for (int i = 0; i < BATCHES_BEFORE && write_batch(logger); i++)
		;
	close_all(&logger->to, &change->to);
	logger->to = change->to;
	atomic_store_explicit(&logger->change, NULL, memory_order_release);
	free(change);
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
	    logger->to.messages->lost > 0 ||
	    (logger->to.access != NULL && logger->to.access->lost > 0);
}

/* Reports what is missing from the logs; if that cannot be written either it
 * stays due, and its own lines do not count. */
static void
report(struct logger *logger)
{
	const uint64_t dropped = atomic_load_explicit(&logger->dropped,
	    memory_order_relaxed);
	const bool apart = logger->to.access != NULL &&
	    logger->to.access != logger->to.messages;
	uint64_t lost, lost_access = 0;

	if (!report_due(logger))
		return;
	logger->said_ms = timer_now_ms();
	if (dropped != logger->dropped_said)
		say(logger, LOG_LEVEL_WARNING,
		    "dropped %" PRIu64
		    " log records: they came faster than they could be written",
		    dropped - logger->dropped_said);
	lost = say_lost(logger, logger->to.messages);
	if (apart)
		lost_access = say_lost(logger, logger->to.access);
	if (log_dest_flush(logger->to.messages) < 0) {
		logger->to.messages->lost = lost;
		return;
	}
	logger->dropped_said = dropped;
	logger->to.messages->lost -= lost;
	if (apart)
		logger->to.access->lost -= lost_access;
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
	pulse_start(&logger->pulse);
	do {
		pulse_due(&logger->pulse, 0);
		(void)poll(&bell, 1, wait_ms(logger, more));
		pulse_due(&logger->pulse, timer_now_ms());
		write_batch(logger);
		nanosleep(&nap, NULL);

		/* Before the last taking, which then misses nothing. */
		stop = atomic_load_explicit(&logger->stop,
		    memory_order_acquire);
		mailbox_open(&logger->box);
		if (atomic_exchange_explicit(&logger->reopen, false,
			memory_order_acq_rel))
			reopen_all(logger);
		take_change(logger);
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

const struct pulse *
logger_pulse(const struct logger *logger)
{
	return &logger->pulse;
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
	take_change(logger);
	close_all(&logger->to, NULL);
	queue_done(&logger->records);
	mailbox_done(&logger->box);
	close(logger->ended);
	free(logger);
}
