/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The log thread: takes messages and records and passes them to destinations.
 *
 * Waking a thread costs the poster a system call, so the bell stays rung while
 * the log thread works:
 *
 *	wait for the bell -> take all -> nap -> clear the bell -> take all
 *
 * A poster during the nap finds the bell rung and does nothing more; its record
 * is taken after the nap.  A poster after the bell is cleared rings it.  Under
 * load this is one system call per NAP_MS for all posters together.
 *
 * The log thread itself never waits for a destination: each has a thread that
 * writes (log_dest.h).  Lines that a destination does not accept stay in its
 * buffers, then in its queue, until the queue is full.
 *
 * Lost and dropped lines are reported as soon as a report can be written, at
 * most once per REPORT_MS.  A report has a buffer of its own, so that the
 * thread knows whether it was written; until then its numbers remain to be
 * reported.
 */
#include "lb4/log/log_thread.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/escape.h"
#include "common/timer.h"
#include "lb4/engine/access.h"
#include "lb4/log/access_format.h"
#include "lb4/log/log_dest.h"

#define NAP_MS 10
#define REPORT_MS 1000

/* At the end and at a change: how long a destination gets in total, and how
 * long without progress. */
#define STOP_MS 2000
#define CHANGE_MS 1000
#define CHANGE_STALLED_MS 200

/* For the last report. */
#define LAST_WORDS_MS 500

static int64_t
realtime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void __attribute__((format(printf, 3, 4)))
say(struct logger *logger, int level, const char *format, ...)
{
	char text[LOG_LINE_MAX], clean[LOG_LINE_MAX];
	va_list args;
	int len;

	if (!log_enabled(level) || logger->to.messages == NULL)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	log_dest_message(logger->to.messages, level, realtime_ms(), clean,
	    escape_text(text, (size_t)len, clean, sizeof(clean)));
}

/* Lines that are missing from the logs and have not been reported. */
static struct missing
missing_now(const struct logger *logger)
{
	struct missing missing = { 0 };

	missing.dropped_messages =
	    atomic_load_explicit(&logger->dropped.messages,
		memory_order_relaxed) -
	    logger->told_messages;
	missing.dropped_records = atomic_load_explicit(&logger->dropped.records,
				      memory_order_relaxed) -
	    logger->told_records;
	if (logger->to.messages != NULL)
		missing.lost_messages = log_dest_lost(logger->to.messages,
		    &missing.error_messages);
	if (destinations_apart(&logger->to) != NULL)
		missing.lost_records = log_dest_lost(logger->to.access,
		    &missing.error_records);
	return missing;
}

/* How many lines the report takes; 0 when there is nothing to report. */
static int
lines_of(const struct missing *missing)
{
	return (missing->dropped_messages > 0) +
	    (missing->dropped_records > 0) + (missing->lost_messages > 0) +
	    (missing->lost_records > 0);
}

static void
say_dropped(struct logger *logger, uint64_t count, const char *name)
{
	if (count > 0)
		say(logger, LOG_LEVEL_WARNING,
		    "dropped %" PRIu64
		    " log records: %s: they came faster than they could be "
		    "written",
		    count, name);
}

static void
say_lost(struct logger *logger, uint64_t count, const char *name,
    const char *why)
{
	if (count > 0)
		say(logger, LOG_LEVEL_WARNING,
		    "lost %" PRIu64 " log records: %s: %s", count, name, why);
}

/* `to` is what they were meant for. */
static void
say_missing(struct logger *logger, const struct missing *missing,
    const struct destinations *to)
{
	const char *messages = log_dest_name(to->messages);
	const char *access = to->access != NULL ? log_dest_name(to->access)
						: "access log";

	say_dropped(logger, missing->dropped_messages, messages);
	say_dropped(logger, missing->dropped_records, access);
	say_lost(logger, missing->lost_messages, messages,
	    strerror(missing->error_messages));
	say_lost(logger, missing->lost_records, access,
	    strerror(missing->error_records));
}

/* Whether the report has been written.  If not, its numbers remain to be
 * reported, and its own lines do not count. */
static void
settle_report(struct logger *logger)
{
	const struct missing *told = &logger->telling;
	uint64_t lost;

	if (!logger->tells || !log_dest_finished(logger->to.messages, &lost))
		return;
	logger->tells = false;
	log_dest_lost_told(logger->to.messages,
	    lost > 0 ? lost : told->lost_messages);
	if (lost > 0)
		return;
	logger->told_messages += told->dropped_messages;
	logger->told_records += told->dropped_records;
	if (told->lost_records > 0)
		log_dest_lost_told(logger->to.access, told->lost_records);
}

/* The buffer of a report stays as it is until its outcome is known. */
static void
flush(struct logger *logger, struct log_dest *dest)
{
	if (dest == logger->to.messages) {
		settle_report(logger);
		if (logger->tells)
			return;
	}
	log_dest_flush(dest);
}

static void
flush_all(struct logger *logger)
{
	if (logger->to.messages != NULL)
		flush(logger, logger->to.messages);
	if (destinations_apart(&logger->to) != NULL)
		flush(logger, logger->to.access);
}

/* Whether there is room for one more line.  Waits a moment for a writer that
 * makes progress. */
static bool
has_room(struct logger *logger, struct log_dest *dest)
{
	if (log_dest_room(dest))
		return true;
	flush(logger, dest);
	if (!log_dest_room(dest) && log_dest_stalled_ms(dest) < NAP_MS) {
		log_dest_wait(dest, NAP_MS);
		flush(logger, dest);
	}
	return log_dest_room(dest);
}

static void
report(struct logger *logger)
{
	struct missing missing = missing_now(logger);

	if (lines_of(&missing) == 0 || logger->tells ||
	    logger->to.messages == NULL ||
	    !log_dest_settled(logger->to.messages))
		return;
	logger->said_ms = timer_now_ms();
	say_missing(logger, &missing, &logger->to);
	logger->telling = missing;
	log_dest_flush(logger->to.messages);
	logger->tells = true;
	settle_report(logger);
}

static void
write_record(struct logger *logger, const struct access_record *record)
{
	char line[ACCESS_LINE_MAX];
	size_t len = access_format(logger->to.format, record, line,
	    sizeof(line));

	if (len > 0)
		log_dest_line(logger->to.access, record->realtime_ms, line,
		    len);
	else
		atomic_fetch_add_explicit(&logger->dropped.records, 1,
		    memory_order_relaxed);
}

/* Takes records while there is room, and passes them on.  True when there may
 * be more. */
static bool
write_batch(struct logger *logger)
{
	struct destinations *to = &logger->to;
	struct access_record record;
	struct message message;
	size_t messages = 0, records = 0;

	while (to->messages != NULL && messages < MESSAGES_MAX &&
	    has_room(logger, to->messages) &&
	    mailbox_take(&logger->box, &message)) {
		log_dest_message(to->messages, message.level,
		    message.realtime_ms, message.text, message.len);
		messages++;
	}
	while (to->access != NULL && records < RECORDS_MAX &&
	    has_room(logger, to->access) &&
	    queue_take(&logger->records, &record)) {
		write_record(logger, &record);
		records++;
	}
	flush_all(logger);
	return messages == MESSAGES_MAX || records == RECORDS_MAX;
}

static void
say_reopened(struct logger *logger, struct log_dest *dest)
{
	int error;

	if (dest == NULL || !log_dest_reopened(dest, &error))
		return;
	if (error < 0)
		say(logger, LOG_LEVEL_ERROR,
		    "cannot reopen %s: %s; the old file stays in use",
		    log_dest_name(dest), strerror(-error));
	else
		say(logger, LOG_LEVEL_INFO, "reopened %s", log_dest_name(dest));
}

/* ---- changes ------------------------------------------------------------- */

/* Records that are no longer wanted. */
static int64_t
discard_records(struct logger *logger)
{
	struct access_record record;
	int64_t count = 0;

	while (queue_take(&logger->records, &record))
		count++;
	return count;
}

static bool
is_done(struct log_dest *dest, unsigned stalled_ms)
{
	return dest == NULL || log_dest_settled(dest) ||
	    log_dest_stalled_ms(dest) >= stalled_ms;
}

/* Writes the gathered lines for at most `ms`, or until the unfinished
 * destinations have made no progress for `stalled_ms`. */
static void
write_all(struct logger *logger, unsigned ms, unsigned stalled_ms)
{
	const uint64_t deadline_ms = timer_now_ms() + ms;
	struct log_dest *messages = logger->to.messages;
	struct log_dest *apart = destinations_apart(&logger->to);
	bool more;

	do {
		more = write_batch(logger);
		if (!is_done(messages, stalled_ms))
			log_dest_wait(messages, NAP_MS);
		if (!is_done(apart, stalled_ms))
			log_dest_wait(apart, NAP_MS);
		more = more || !is_done(messages, stalled_ms) ||
		    !is_done(apart, stalled_ms);
	} while (more && timer_now_ms() < deadline_ms);
}

/* Closes a destination that may be stuck, and reports the lines that are lost
 * with it: those it holds, and `more`. */
static void
let_go(struct logger *logger, struct log_dest *dest, int64_t more)
{
	char name[CONFIG_PATH_MAX];
	int64_t lines;

	strlcpy(name, log_dest_name(dest), sizeof(name));
	lines = (int64_t)log_dest_close(dest) + more;
	say_lost(logger, lines > 0 ? (uint64_t)lines : 0, name,
	    "it was stuck when it was closed");
}

/* Lines from before the change go to the old destination, unless it is
 * stuck. */
static void
take_change(struct logger *logger)
{
	struct logger_change *change = atomic_exchange_explicit(&logger->change,
	    NULL, memory_order_acq_rel);
	struct destinations old = logger->to;
	struct missing missing;
	int64_t own, records = 0;

	if (change == NULL)
		return;
	write_all(logger, CHANGE_MS, CHANGE_STALLED_MS);
	settle_report(logger);
	own = logger->tells ? lines_of(&logger->telling) : 0;
	logger->tells = false;
	missing = missing_now(logger);
	logger->to = change->to;
	free(change);
	if (logger->to.access == NULL && old.access != NULL)
		records = discard_records(logger);
	say_missing(logger, &missing, &old);
	logger->told_messages += missing.dropped_messages;
	logger->told_records += missing.dropped_records;
	if (destinations_apart(&old) != NULL)
		let_go(logger, old.access, records);
	else
		own -= records;
	let_go(logger, old.messages, -own);
	flush_all(logger);
}

/* ---- the thread ------------------------------------------------------- */

/* How long to wait for the bell: not at all when there is more to take, until
 * the next report when one is due, otherwise without a limit. */
static int
wait_ms(const struct logger *logger, bool more)
{
	const struct missing missing = missing_now(logger);
	uint64_t since;

	if (more)
		return 0;
	if (lines_of(&missing) == 0 || logger->tells ||
	    !log_dest_settled(logger->to.messages))
		return -1;
	since = timer_now_ms() - logger->said_ms;
	return since >= REPORT_MS ? 0 : (int)(REPORT_MS - since);
}

/* A destination that did not settle in time is left behind. */
static void
give_up(struct logger *logger)
{
	struct destinations old = logger->to;

	report(logger);
	if (destinations_apart(&old) != NULL && !log_dest_settled(old.access)) {
		settle_report(logger);
		logger->telling.lost_records = 0; /* it goes with it */
		logger->to.access = NULL;
		logger->stuck = true;
		let_go(logger, old.access, discard_records(logger));
	}
	write_all(logger, LAST_WORDS_MS, LAST_WORDS_MS);
	if (log_dest_settled(old.messages))
		return;
	logger->stuck = true;
	logger->to.messages = NULL;
	if (destinations_apart(&old) == NULL)
		logger->to.access = NULL;
	(void)log_dest_close(old.messages);
}

void *
log_thread_main(void *arg)
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
		/* before a message that says that it is in force */
		take_change(logger);
		write_batch(logger);
		nanosleep(&nap, NULL);

		/* A stop that finds the bell rung is seen once the bell is
		 * clear; the last take comes after it, and misses nothing. */
		mailbox_open(&logger->box);
		stop = atomic_load_explicit(&logger->stop,
		    memory_order_acquire);
		if (atomic_exchange_explicit(&logger->reopen, false,
			memory_order_acq_rel))
			destinations_each(&logger->to, log_dest_reopen);
		say_reopened(logger, logger->to.messages);
		say_reopened(logger, destinations_apart(&logger->to));
		take_change(logger);
		more = write_batch(logger);
		if (timer_now_ms() - logger->said_ms >= REPORT_MS)
			report(logger);
	} while (!stop);
	write_all(logger, STOP_MS, STOP_MS);
	give_up(logger);
	destinations_stop(&logger->to);
	return NULL;
}

void
log_thread_finish(struct logger *logger)
{
	while (write_batch(logger))
		;
	report(logger);
	destinations_close(&logger->to);
}
