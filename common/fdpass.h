/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Passes descriptors to another process: SCM_RIGHTS of unix(7).  One message
 * carries bytes and the descriptors that belong to them, so both functions are
 * for sockets that keep messages apart: SOCK_SEQPACKET, or SOCK_DGRAM that is
 * connected.
 */
#ifndef COMMON_FDPASS_H
#define COMMON_FDPASS_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "common/attr.h"

/* The most descriptors in one message: SCM_MAX_FD of the kernel. */
#define FDPASS_MAX 253

/*
 * Sends `bytes` and `fds` descriptors, at least 0 and at most FDPASS_MAX, as
 * one message.  The descriptors stay the caller's.  `flags` are those of
 * sendmsg(2); MSG_NOSIGNAL is always set, and a signal does not interrupt the
 * call.  Returns 0, or -errno; nothing was sent then.
 *
 * -ETOOMANYREFS means that this user has too many descriptors on their way to
 * receivers that have not taken them yet: it may work later.
 */
must_check int fdpass_send(int socket, struct iovec bytes, const int *fd,
    unsigned fds, int flags);

/* What fdpass_receive() receives into. */
struct fdpass {
	/* set by the caller */
	void *data;
	size_t size;   /* of data */
	int *fd;       /* has room for `room` descriptors */
	unsigned room; /* at most FDPASS_MAX */

	/* set by fdpass_receive(): descriptors that are the caller's now */
	unsigned fds;
};

/*
 * Receives one message.  The descriptors that come with it are close-on-exec.
 * `flags` are those of recvmsg(2); MSG_CMSG_CLOEXEC is always set, and a signal
 * does not interrupt the call.
 *
 * Returns the length of the message, 0 at the end of the stream, or -errno.
 * After an error there are no descriptors (`fds` 0): those that came with a
 * message which is not whole are closed.  Its bytes are in `data` all the same,
 * as far as they came.
 *
 *	-EMSGSIZE	the message is longer than `size`, or has more than
 *			`room` descriptors
 *	-EMFILE		not all of its descriptors could be opened here: this
 *			process may have no more
 */
must_check ssize_t fdpass_receive(int socket, struct fdpass *message,
    int flags);

#endif
