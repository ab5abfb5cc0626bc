/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The side of the log that other threads see: posting, and changes by control.
 */
#include "lb4/log/logger.h"

#include <bsd/string.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/why.h"
#include "lb4/engine/access.h"
#include "lb4/log/log_dest.h"
#include "lb4/log/log_thread.h"

/* The logger of the process.  A global, because the sink of log_write() gets no
 * argument.  Written by control while it is the only thread. */
static struct logger *the_logger;

static int64_t
realtime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
drop(_Atomic uint64_t *dropped)
{
	atomic_fetch_add_explicit(dropped, 1, memory_order_relaxed);
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
		drop(&logger->dropped.messages);
}

void
logger_access(struct logger *logger, const struct access_record *record)
{
	if (!atomic_load_explicit(&logger->wants_records, memory_order_acquire))
		return;
	if (queue_put(&logger->records, record, sizeof(*record)))
		mailbox_ring(&logger->box);
	else
		drop(&logger->dropped.records);
}

struct logger *
logger_new(void)
{
	struct logger *logger = aligned_alloc(64, sizeof(*logger));
	int error;

	if (logger == NULL)
		return NULL;
	memset(logger, 0, sizeof(*logger));
	error = log_dest_open(&logger->to.messages, "stderr");
	if (error < 0)
		goto fail;
	error = mailbox_init(&logger->box, MESSAGES_MAX,
	    sizeof(struct message));
	if (error < 0)
		goto fail;
	the_logger = logger;
	log_set_sink(take_line);
	return logger;
fail:
	log_dest_close(logger->to.messages);
	free(logger);
	errno = -error;
	return NULL;
}

/* The queue is created when it is first needed, and kept. */
static int
make_records(struct logger *logger, const char *access, struct why *why)
{
	int error = 0;

	if (strcmp(access, "off") != 0 && logger->records.size == 0)
		error = queue_init(&logger->records, RECORDS_MAX,
		    sizeof(struct access_record));
	if (error < 0)
		return why_fail(why, error, "access log: %s", strerror(-error));
	return 0;
}

static void
remember(struct logger *logger, const struct log_names *names)
{
	strlcpy(logger->messages_name, names->messages,
	    sizeof(logger->messages_name));
	strlcpy(logger->access_name, names->access,
	    sizeof(logger->access_name));
	logger->format = names->format;
}

int
logger_open(struct logger *logger, const struct log_names *names,
    struct why *why)
{
	struct destinations to;
	int error = make_records(logger, names->access, why);

	if (error < 0)
		return error;
	error = destinations_open(&to, names, why);
	if (error < 0)
		return error;
	destinations_close(&logger->to);
	logger->to = to;
	remember(logger, names);
	atomic_store_explicit(&logger->wants_records, to.access != NULL,
	    memory_order_release);
	return 0;
}

int
logger_prepare(struct logger *logger, const struct log_names *names,
    struct logger_change **out, struct why *why)
{
	struct logger_change *change;
	int error;

	*out = NULL;
	if (strcmp(names->messages, logger->messages_name) == 0 &&
	    strcmp(names->access, logger->access_name) == 0 &&
	    names->format == logger->format)
		return 0;
	error = make_records(logger, names->access, why);
	if (error < 0)
		return error;
	change = calloc(1, sizeof(*change));
	if (change == NULL)
		return why_fail(why, -ENOMEM, "log: %s", strerror(ENOMEM));
	error = destinations_open(&change->to, names, why);
	if (error < 0)
		goto fail;
	error = destinations_start(&change->to, &logger->box);
	if (error < 0) {
		(void)why_fail(why, error, "log: %s", strerror(-error));
		destinations_close(&change->to);
		goto fail;
	}
	*out = change;
	return 0;
fail:
	free(change);
	return error;
}

void
logger_abandon(struct logger_change *change)
{
	if (change == NULL)
		return;
	destinations_close(&change->to);
	free(change);
}

void
logger_commit(struct logger *logger, const struct log_names *names,
    struct logger_change *change)
{
	const bool on = strcmp(names->access, "off") != 0;

	if (change == NULL)
		return;
	remember(logger, names);
	/* A change that the thread has not taken is obsolete. */
	logger_abandon(atomic_exchange_explicit(&logger->change, change,
	    memory_order_acq_rel));
	atomic_store_explicit(&logger->wants_records, on, memory_order_release);
	mailbox_ring(&logger->box);
}

int
logger_start(struct logger *logger)
{
	int error = destinations_start(&logger->to, &logger->box);

	if (error < 0)
		return error;
	error = pthread_create(&logger->thread, NULL, log_thread_main, logger);
	if (error != 0)
		destinations_stop(&logger->to);
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
	if (!logger->started)
		return 0;
	log_set_sink(NULL);
	atomic_store_explicit(&logger->stop, true, memory_order_release);
	mailbox_ring(&logger->box);
	pthread_join(logger->thread, NULL);
	logger->started = false;
	return logger->stuck ? -ETIMEDOUT : 0;
}

void
logger_free(struct logger *logger)
{
	if (logger == NULL)
		return;
	log_set_sink(NULL);
	log_thread_finish(logger);
	the_logger = NULL;
	logger_abandon(atomic_exchange_explicit(&logger->change, NULL,
	    memory_order_acq_rel));
	queue_done(&logger->records);
	mailbox_done(&logger->box);
	free(logger);
}
