/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Messages between two processes: see link.h. */
#include "lb4/handover/link.h"

#include <errno.h>
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

uint64_t
link_deadline(struct link *link, unsigned within_ms)
{
	/* what was done since the last wait */
	(void)loop_clock_look(&link->clock, timer_now_ms(), 0);
	return link->clock.own_ms + within_ms;
}

static int
wait_forever(struct pollfd *polled)
{
	int n;

	do
		n = poll(polled, 1, -1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Waits for `events`.  0, or -errno. */
static int
wait_for(struct link *link, short events, uint64_t deadline_ms)
{
	struct pollfd polled = { .fd = link->fd, .events = events };
	const int n = deadline_ms == LINK_FOREVER
	    ? wait_forever(&polled)
	    : loop_poll(&link->clock, &polled, 1, deadline_ms);

	if (n < 0)
		return n;
	return n == 0 ? -ETIMEDOUT : 0;
}

/* Sends what is in link->out. */
static int
send_out(struct link *link, size_t len, const int *fd, unsigned fds)
{
	const uint64_t deadline_ms = link_deadline(link, SEND_MS);
	const struct timespec pause = { .tv_nsec = REFS_PAUSE_NS };
	const struct iovec bytes = { .iov_base = link->out, .iov_len = len };
	int error;

	for (;;) {
		error = fdpass_send(link->fd, bytes, fd, fds, MSG_DONTWAIT);
		if (error == -ETOOMANYREFS &&
		    link_deadline(link, 0) < deadline_ms)
			(void)nanosleep(&pause, NULL);
		else if (error == -EAGAIN || error == -ENOBUFS)
			error = wait_for(link, POLLOUT, deadline_ms);
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
	return send_out(link, (size_t)len, fd, fds);
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
		error = wait_for(link, POLLIN, deadline_ms);
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
