/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Handles the destination of messages and that of access records together: both
 * are opened, put into use and closed at the same time.
 */
#ifndef LB4_LOG_DESTINATIONS_H
#define LB4_LOG_DESTINATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/config/settings.h"

struct log_dest;
struct mailbox;
struct why;

/* What a configuration names as destinations. */
struct log_names {
	const char *messages; /* "stderr", "syslog" or a path */
	const char *access;   /* the same, or "off" */
	enum access_format format;
};

/* Owned, each. */
struct destinations {
	struct log_dest *messages; /* NULL: lost */
	struct log_dest *access;   /* may be the same; NULL: off */
	enum access_format format;
};

/* Opens both.  Returns 0, or -errno with "cannot open PATH: REASON" in `why`. */
must_check int destinations_open(struct destinations *to,
    const struct log_names *names, struct why *why);

/* Starts their threads.  Returns 0, or -errno with none running. */
must_check int destinations_start(struct destinations *to,
    struct mailbox *bell);

/* Ends the threads of destinations that have settled. */
void destinations_stop(struct destinations *to);

/* Closes both; lines that are still in their buffers are lost. */
void destinations_close(struct destinations *to);

/* Calls `act` once for each destination that is open. */
void destinations_each(const struct destinations *to,
    void (*act)(struct log_dest *dest));

/* The destination of the access log if it differs from that of messages, or
 * NULL. */
struct log_dest *destinations_apart(const struct destinations *to);

#endif
