/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The messages of the program.  Callers write one line, without a newline.  The
 * sink decides where the line goes: to standard error until the log thread has
 * started, then to the queue of the log thread.  Writing never waits for a
 * disk.
 *
 * The level is the only global variable of the program.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdatomic.h>
#include <stddef.h>

#include "common/attr.h"

/* The order is that of syslog(3), so that a level can be passed to it. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Longest line, with its end; the rest is cut. */
#define LOG_LINE_MAX 440

/* Written by the control thread, read by all. */
extern _Atomic int log_level;

/* "error", "warning", ...; NULL if the number is not a level. */
const char *log_level_name(int level);

/* The level of that name, or -1. */
must_check int log_level_parse(const char *name);

/* Where lines go: called with a complete line of `len` bytes, ended by a NUL,
 * without newline or level, from any thread, and must not wait.  NULL: standard
 * error, as "level: line".  Set while only one thread runs. */
typedef void log_sink_fn(enum log_level level, const char *line, size_t len);
void log_set_sink(log_sink_fn *sink);

/* Writes a line at any level.  It is escaped (escape.h), so that text from
 * others cannot forge a line.  Does not change errno. */
void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_enabled(level) \
	((level) <= atomic_load_explicit(&log_level, memory_order_relaxed))
#define log_at(level, ...) \
	do { \
		if (log_enabled(level)) \
			log_write((level), __VA_ARGS__); \
	} while (0)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
