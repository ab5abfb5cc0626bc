/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Talks with lb4: sends one line, and reads an answer that ends with an empty
 * line.
 */
#ifndef LB4_CTL_TALK_H
#define LB4_CTL_TALK_H

#include <stddef.h>

#include "common/attr.h"

/* What a line of an answer means. */
enum talk_error {
	TALK_NO_ERROR,
	TALK_REFUSED, /* lb4 refused, or failed */
	TALK_MISUSED, /* the command is malformed */
};

/* Connects to the socket at `path`.  The descriptor, or -errno.  With `flags`
 * SOCK_NONBLOCK nothing waits: -EAGAIN when too many others do. */
must_check int talk_connect(const char *path, int flags);

/*
 * Sends `line`, which ends with a newline, to the socket at `path`, and calls
 * `on_line` with each line of the answer, without its end, until the empty one.
 * Returns 0, or -errno: -ENODATA when lb4 left before its answer was complete.
 */
must_check int talk(const char *path, const char *line,
    void (*on_line)(void *owner, const char *line, size_t len), void *owner);

/* What to do about an error of talk_connect() or talk(), to follow a message
 * that ends with it; "" when there is no advice. */
const char *talk_advice(int error);

/* Whether a line is an error as text or as JSON. */
enum talk_error talk_error_of(const char *line, size_t len);

#endif
