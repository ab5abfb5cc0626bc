/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Writes lines to a descriptor and to syslog.
 *
 * syslog(3) does not report a line that the daemon did not accept.  So this
 * file sends lines to its socket itself, in the format of RFC 3164 that
 * syslog(3) uses: one datagram per line, or a stream of records that end with a
 * NUL if the daemon listens on a stream socket.
 */
#include "lb4/log/log_output.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* poll(2) waits for a file that cannot be written at once, such as a fifo.
 * Without O_NONBLOCK, opening a fifo that has no reader would block the
 * start. */
static int
file_open(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0640);

	return fd < 0 ? -errno : fd;
}

static bool
is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int
syslog_connect_as(int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	strlcpy(addr.sun_path, LOG_OUTPUT_SYSLOG, sizeof(addr.sun_path));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	error = -errno;
	(void)close(fd);
	return error;
}

static int
syslog_connect(struct log_output *output)
{
	int fd = syslog_connect_as(SOCK_DGRAM);

	output->stream = fd == -EPROTOTYPE;
	if (output->stream)
		fd = syslog_connect_as(SOCK_STREAM);
	if (fd < 0)
		return fd;
	output->fd = fd;
	return 0;
}

static void
syslog_disconnect(struct log_output *output)
{
	if (output->fd >= 0)
		(void)close(output->fd);
	output->fd = -1;
}

int
log_output_open(struct log_output *output, const char *name)
{
	enum log_output_kind kind = LOG_OUTPUT_FILE;
	int fd = -1;

	if (strcmp(name, "stderr") == 0) {
		kind = LOG_OUTPUT_STDERR;
		fd = STDERR_FILENO;
	} else if (strcmp(name, "syslog") == 0) {
		kind = LOG_OUTPUT_SYSLOG_SOCKET;
	} else {
		fd = file_open(name);
		if (fd < 0)
			return fd;
	}
	memset(output, 0, sizeof(*output));
	strlcpy(output->name, name, sizeof(output->name));
	output->kind = kind;
	output->fd = fd;
	output->regular = is_regular(fd);
	return 0;
}

int
log_output_reopen(struct log_output *output)
{
	int fd;

	if (output->kind != LOG_OUTPUT_FILE)
		return 0;
	fd = file_open(output->name);
	if (fd < 0)
		return fd;
	(void)close(output->fd);
	output->fd = fd;
	output->regular = is_regular(fd);
	output->torn = false;
	return 0;
}

void
log_output_close(struct log_output *output)
{
	if (output->kind != LOG_OUTPUT_STDERR)
		syslog_disconnect(output);
	output->fd = -1;
}

/* Until there is room.  Returns 0, -ECANCELED or -errno. */
static int
wait_for_room(int fd, int wake)
{
	struct pollfd polled[2] = { { .fd = fd, .events = POLLOUT },
		{ .fd = wake, .events = POLLIN } };

	for (;;) {
		if (poll(polled, 2, -1) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (polled[0].revents != 0)
			return 0;
		if (polled[1].revents != 0)
			return -ECANCELED;
	}
}

/* The length of the first line with its end. */
static size_t
first_line(const char *lines, size_t len)
{
	const char *end = memchr(lines, '\n', len);

	return end != NULL ? (size_t)(end - lines) + 1 : len;
}

/* The whole lines among the first PIPE_BUF bytes. */
static size_t
piece_of(const char *lines, size_t len)
{
	const char *end;

	if (len <= PIPE_BUF)
		return len;
	end = memrchr(lines, '\n', PIPE_BUF);
	return end != NULL ? (size_t)(end - lines) + 1 : PIPE_BUF;
}

/* One record, without the line's end, to the system's log. */
static ssize_t
send_record(const struct log_output *output, const char *line, size_t len)
{
	struct iovec parts[2] = { { (char *)line, len }, { (char *)"", 1 } };
	struct msghdr message = { .msg_iov = parts,
		.msg_iovlen = output->stream ? 2 : 1 };

	return sendmsg(output->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A restarted daemon has a new socket, so a line that the old one refuses is
 * tried once more on a new connection. */
static ssize_t
syslog_write(struct log_output *output, const char *lines, size_t len, int wake)
{
	const size_t taken = first_line(lines, len);
	const size_t record = lines[taken - 1] == '\n' ? taken - 1 : taken;
	bool fresh = output->fd < 0;
	int error = 0;

	for (;;) {
		if (output->fd < 0)
			error = syslog_connect(output);
		if (error < 0)
			return error;
		if (send_record(output, lines, record) >= 0)
			return (ssize_t)taken;
		error = -errno;
		if (error == -EAGAIN)
			error = wait_for_room(output->fd, wake);
		if (error == 0 || error == -EINTR) {
			error = 0;
			continue;
		}
		if (error == -ECANCELED || error == -EMSGSIZE)
			return error;
		syslog_disconnect(output);
		if (fresh)
			return error;
		fresh = true;
		error = 0;
	}
}

static ssize_t
stream_write(const struct log_output *output, const char *data, size_t len,
    int wake)
{
	ssize_t n;
	int error;

	for (;;) {
		/* Standard error may be a blocking descriptor: ask first. */
		error = output->regular ? 0 : wait_for_room(output->fd, wake);
		if (error < 0)
			return error;
		n = write(output->fd, data, len);
		if (n >= 0)
			return n;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

ssize_t
log_output_write(struct log_output *output, const char *lines, size_t len,
    int wake)
{
	ssize_t n;

	if (output->kind == LOG_OUTPUT_SYSLOG_SOCKET)
		return syslog_write(output, lines, len, wake);
	/* End a torn line, so that the next one does not join it. */
	if (output->torn) {
		n = stream_write(output, "\n", 1, wake);
		if (n < 0)
			return n;
		output->torn = n != 1;
	}
	return stream_write(output, lines,
	    output->regular ? len : piece_of(lines, len), wake);
}
