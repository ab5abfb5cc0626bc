/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The link between the two processes of a handover: a SOCK_SEQPACKET socket
 * pair.  One message is one record with its descriptors (SCM_RIGHTS, unix(7)).
 */
#ifndef LB4_HANDOVER_LINK_H
#define LB4_HANDOVER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/fdpass.h"
#include "common/loop.h"
#include "lb4/handover/record.h"

/* As many descriptors in one message as there can be: a newer version may send
 * more of them than this one. */
#define LINK_FDS_MAX FDPASS_MAX

/* No deadline. */
#define LINK_FOREVER 0

struct link {
	int fd;
	struct loop_clock clock;       /* starts as zeros, as the rest */
	unsigned char out[RECORD_MAX]; /* the record that is written */

	/* the last message received */
	unsigned char in[RECORD_MAX];
	size_t len;
	int in_fd[LINK_FDS_MAX];
	unsigned in_fds;
};

/*
 * Sends the struct `value`, without and with `fds` descriptors, which stay the
 * caller's.  Returns 0, or -errno: -EPIPE or -ECONNRESET when the other process
 * has gone, -ETIMEDOUT when it reads nothing for long.
 */
must_check int link_send(struct link *link, const struct record_kind *kind,
    const void *value);
must_check int link_send_fds(struct link *link, const struct record_kind *kind,
    const void *value, const int *fd, unsigned fds);

/* The time so many milliseconds from now, on the clock of the link: when the
 * whole machine stands still, the other process is not late. */
must_check uint64_t link_deadline(struct link *link, unsigned within_ms);

/* Receives the next message into `link`, until `deadline_ms` (link_deadline(),
 * or LINK_FOREVER); with a deadline that has passed, only one that is there.
 * The descriptors that come with it are close-on-exec; those that
 * link_take_fd() does not take are closed with the next message.  Returns 0, or
 * -errno: -EPIPE when the other process has gone, -ECONNRESET once before if
 * there was something that it had not read, -ETIMEDOUT, or an error of
 * fdpass_receive(): -EMFILE when not all of its descriptors could be opened
 * here. */
must_check int link_receive(struct link *link, uint64_t deadline_ms);

/* Whether the message is of that kind. */
bool link_is(const struct link *link, const struct record_kind *kind);

/* Reads the message.  As record_read(). */
must_check int link_read(const struct link *link,
    const struct record_kind *kind, void *value);

/* Takes the message's descriptor `i`; -1: there is none. */
must_check int link_take_fd(struct link *link, unsigned i);

/* Closes the descriptors of the message that nobody has taken. */
void link_drop_fds(struct link *link);

#endif
