/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Passes descriptors to another process: see fdpass.h. */
#include "common/fdpass.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors of one message, as cmsg(3) lays them out. */
union control {
	char space[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
	struct cmsghdr align;
};

int
fdpass_send(int socket, struct iovec bytes, const int *fd, unsigned fds,
    int flags)
{
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *header;
	ssize_t n;

	assert(fds <= FDPASS_MAX);
	if (fds > 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(header), fd, fds * sizeof(int));
	}
	do
		n = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void
take_fds(struct fdpass *message, struct msghdr *header)
{
	struct cmsghdr *one;

	for (one = CMSG_FIRSTHDR(header); one != NULL;
	     one = CMSG_NXTHDR(header, one)) {
		size_t size;

		if (one->cmsg_level != SOL_SOCKET ||
		    one->cmsg_type != SCM_RIGHTS)
			continue;
		size = one->cmsg_len - CMSG_LEN(0);
		memcpy(message->fd + message->fds, CMSG_DATA(one), size);
		message->fds += (unsigned)(size / sizeof(int));
	}
}

static void
close_fds(struct fdpass *message)
{
	while (message->fds > 0)
		(void)close(message->fd[--message->fds]);
}

ssize_t
fdpass_receive(int socket, struct fdpass *message, int flags)
{
	struct iovec part = { message->data, message->size };
	union control control;
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	assert(message->room <= FDPASS_MAX);
	message->fds = 0;
	/* not CMSG_SPACE: its padding holds a descriptor more, and the kernel
	 * uses it */
	header.msg_control = message->room > 0 ? control.space : NULL;
	header.msg_controllen = message->room > 0
	    ? CMSG_LEN(message->room * sizeof(int))
	    : 0;
	do
		n = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_fds(message, &header);
	if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return n;
	/* the kernel opens one descriptor after another, as far as it can */
	n = (header.msg_flags & MSG_TRUNC) != 0 || message->fds == message->room
	    ? -EMSGSIZE
	    : -EMFILE;
	close_fds(message);
	return n;
}
