/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What a log destination writes to: standard error, a file, or the socket of
 * the system's log.  Used by one thread at a time; log_dest.c is the caller.
 */
#ifndef LB4_LOG_LOG_OUTPUT_H
#define LB4_LOG_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lb4/config/settings.h"

/* The socket of the system's log (syslog(3), _PATH_LOG). */
#define LOG_OUTPUT_SYSLOG "/dev/log"

enum log_output_kind {
	LOG_OUTPUT_STDERR,
	LOG_OUTPUT_SYSLOG_SOCKET,
	LOG_OUTPUT_FILE,
};

struct log_output {
	enum log_output_kind kind;
	char name[CONFIG_PATH_MAX]; /* as configured */
	int fd;			    /* -1: syslog without a connection */
	bool regular;		    /* a file that takes all it is given */
	bool stream;		    /* syslog: a record ends with a NUL */
	bool torn;		    /* the last line out has no end */
};

/* Opens "stderr", "syslog" or a file, which is made (mode 0640) or appended
 * to.  A system's log that does not listen yet is no error: each line tries to
 * connect.  Returns 0, or -errno with `output` untouched. */
int log_output_open(struct log_output *output, const char *name);

/* Opens a file again under its name, which may be another file by now, and
 * closes the old one; when that fails the old one stays.  Nothing to do for the
 * others.  Returns 0 or -errno. */
int log_output_reopen(struct log_output *output);

void log_output_close(struct log_output *output);

/*
 * Writes from the first of `len` > 0 bytes, which are whole lines.  Returns how
 * many bytes are out: syslog takes one line, a regular file as much as it can,
 * anything else the whole lines that fit in PIPE_BUF, so that the lines of
 * several writers do not mix (pipe(7)).  Waits with poll(2) for room;
 * -ECANCELED when `wake` becomes readable in the meantime (-1: nothing wakes
 * it).  Other errors are -errno: the first line is lost, and where lines are
 * one stream of bytes those behind it are too.
 */
ssize_t log_output_write(struct log_output *output, const char *lines,
    size_t len, int wake);

#endif
