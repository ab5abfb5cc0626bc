/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The output of a log destination: standard error, a file, or the socket of
 * syslog.  Used by one thread at a time; log_dest.c calls it.
 */
#ifndef LB4_LOG_LOG_OUTPUT_H
#define LB4_LOG_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/attr.h"
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

/* Opens "stderr", "syslog" or a file, which is created (mode 0640) or appended
 * to.  A syslog daemon that does not listen yet is no error: each line tries to
 * connect.  Returns 0, or -errno with `output` unchanged. */
must_check int log_output_open(struct log_output *output, const char *name);

/* Reopens a file under its name, which may now refer to another file, and
 * closes the old one; on failure the old one stays.  Does nothing for other
 * outputs.  Returns 0 or -errno. */
must_check int log_output_reopen(struct log_output *output);

void log_output_close(struct log_output *output);

/*
 * Writes some of the `len` > 0 bytes, which are whole lines, from the start.
 * Returns how many bytes were written: one line to syslog, as many as possible
 * to a regular file, and elsewhere as many whole lines as fit in PIPE_BUF, so
 * that the lines of several writers do not mix (pipe(7)).  Waits with poll(2)
 * for room; returns -ECANCELED when `wake` becomes readable (-1: nothing wakes
 * it).  For any other -errno, the first line is lost, and so are the lines
 * behind it if the output is a stream of bytes.
 */
ssize_t log_output_write(struct log_output *output, const char *lines,
    size_t len, int wake);

#endif
