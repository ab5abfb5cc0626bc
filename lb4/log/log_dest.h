/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Where log lines end up: standard error, syslog(3) or a file.  Owned by the
 * log thread, which alone waits here for a slow disk or a stuck pipe.
 *
 * Lines are gathered and written with one system call for many.  What cannot
 * be written is counted, not kept.
 */
#ifndef LB4_LOG_LOG_DEST_H
#define LB4_LOG_LOG_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb4/config/config.h"

#define LOG_DEST_BUFFER ((size_t)64 * 1024)

enum log_dest_kind {
	LOG_DEST_STDERR,
	LOG_DEST_SYSLOG,
	LOG_DEST_FILE,
};

struct log_dest {
	enum log_dest_kind kind;
	char name[CONFIG_PATH_MAX]; /* as configured */
	int fd;			    /* -1: syslog */
	bool journal; /* stderr is the journal's: "<6>text", no time */
	bool torn;    /* the last line out has no end */

	uint64_t lost; /* lines that could not be written; the owner resets */
	int error;     /* errno behind the last of them */

	size_t used; /* of the buffer */
	char buffer[LOG_DEST_BUFFER];
};

/* Opens "stderr", "syslog" or a file, which is made (mode 0640) or appended
 * to.  Returns 0, or -errno with `dest` untouched. */
int log_dest_open(struct log_dest *dest, const char *name);

/* Opens a file again under its name, which may be another file by now, and
 * lets go of the old one; when that fails the old one stays.  Nothing to do
 * for the others.  Returns 0 or -errno. */
int log_dest_reopen(struct log_dest *dest);

void log_dest_close(struct log_dest *dest);

/* A message: "TIME LEVEL: TEXT" or as the destination marks levels itself. */
void log_dest_message(struct log_dest *dest, int level, int64_t realtime_ms,
    const char *text, size_t len);

/* A line that says all by itself. */
void log_dest_line(struct log_dest *dest, const char *line, size_t len);

/* Writes what has been gathered.  Returns 0, or -errno with the lines that
 * did not get out counted in `lost`. */
int log_dest_flush(struct log_dest *dest);

#endif
