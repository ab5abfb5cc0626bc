/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The connection of lb4ctl top to the control socket.  It waits for nothing: an
 * lb4 that hangs does not make the terminal hang.
 */
#ifndef LB4_CTL_TOP_LINK_H
#define LB4_CTL_TOP_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"

struct top_link {
	const char *path;
	int fd;	       /* -1: not connected */
	bool asked;    /* an answer is awaited */
	char *answers; /* owned; what has arrived of them */
	size_t len, room;
};

/* What was asked, once all of it has arrived. */
struct top_answers {
	char *info, *status; /* within the link; until the next call */
};

void top_link_init(struct top_link *link, const char *path);

/* Connects if there is no connection, and asks for the figures.  Returns 0 or
 * -errno; after an error there is no connection. */
must_check int top_link_ask(struct top_link *link);

/*
 * Reads what there is.  Returns 1 when `answers` is complete, 0 when more is to
 * come, or -errno, after which there is no connection: -ENODATA when lb4 has
 * closed it; -EPROTO when the answer is an error: it is answers->info.
 */
must_check int top_link_read(struct top_link *link,
    struct top_answers *answers);

/* Closes the connection. */
void top_link_close(struct top_link *link);

void top_link_done(struct top_link *link);

#endif
