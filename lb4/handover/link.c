/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Messages between two processes: see link.h. */
#include "lb4/handover/link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "common/timer.h"

/* How long one message may take to be sent. */
#define SEND_MS 10000

/* How long to wait when too many descriptors are on their way (ETOOMANYREFS,
 * unix(7)). */
#define REFS_PAUSE_NS 1000000

/* Waits for `events`.  0, or -errno. */
static int
wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	uint64_t now_ms, left_ms;
	int timeout, n;

	do {
		now_ms = timer_now_ms();
		left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
		timeout = deadline_ms == LINK_FOREVER ? -1
		    : left_ms > INT_MAX		      ? INT_MAX
						      : (int)left_ms;
		n = poll(&pfd, 1, timeout);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

/* Sends what is in link->out. */
static int
send_out(struct link *link, size_t len, const int *fd, unsigned fds,
    uint64_t deadline_ms)
{
	const struct timespec pause = { .tv_nsec = REFS_PAUSE_NS };
	const struct iovec bytes = { .iov_base = link->out, .iov_len = len };
	int error;

	for (;;) {
		error = fdpass_send(link->fd, bytes, fd, fds, MSG_DONTWAIT);
		if (error == -ETOOMANYREFS && timer_now_ms() < deadline_ms)
			(void)nanosleep(&pause, NULL);
		else if (error == -EAGAIN || error == -ENOBUFS)
			error = wait_for(link->fd, POLLOUT, deadline_ms);
		else
			return error;
		if (error == -ETIMEDOUT)
			return error;
	}
}

int
link_send_fds(struct link *link, const struct record_kind *kind,
    const void *value, const int *fd, unsigned fds)
{
	const int len = record_write(kind, value, link->out, sizeof(link->out));

	if (len < 0)
		return len;
	return send_out(link, (size_t)len, fd, fds, timer_now_ms() + SEND_MS);
}

int
link_send(struct link *link, const struct record_kind *kind, const void *value)
{
	return link_send_fds(link, kind, value, NULL, 0);
}

/* ---- receiving ----------------------------------------------------------- */

int
link_receive(struct link *link, uint64_t deadline_ms)
{
	struct fdpass message = {
		.data = link->in,
		.size = sizeof(link->in),
		.fd = link->in_fd,
		.room = LINK_FDS_MAX,
	};
	ssize_t n;
	int error;

	link_drop_fds(link);
	do {
		error = wait_for(link->fd, POLLIN, deadline_ms);
		if (error < 0)
			return error;
		n = fdpass_receive(link->fd, &message, MSG_DONTWAIT);
	} while (n == -EAGAIN);
	if (n <= 0)
		return n < 0 ? (int)n : -EPIPE;
	link->in_fds = message.fds;
	link->len = (size_t)n;
	return 0;
}

bool
link_is(const struct link *link, const struct record_kind *kind)
{
	return record_is(kind, link->in, link->len);
}

int
link_read(const struct link *link, const struct record_kind *kind, void *value)
{
	return record_read(kind, link->in, link->len, value);
}

int
link_take_fd(struct link *link, unsigned i)
{
	int fd;

	if (i >= link->in_fds)
		return -1;
	fd = link->in_fd[i];
	link->in_fd[i] = -1;
	return fd;
}

void
link_drop_fds(struct link *link)
{
	for (unsigned i = 0; i < link->in_fds; i++)
		if (link->in_fd[i] >= 0)
			(void)close(link->in_fd[i]);
	link->in_fds = 0;
}
