/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * sd_notify(3) without its library.  Only the control thread calls it, a few
 * times in the life of a process, so a socket for each message is good enough.
 */
#include "lb4/process/notify.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdpass.h"

/* More than any message of lb4, with a name of 255 characters. */
#define TEXT_MAX 512

/* Fills `to` from the variable's text; returns its length, or -errno. */
static int
notify_address(const char *name, struct sockaddr_un *to)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2)
		return -EAFNOSUPPORT;
	if (len >= sizeof(to->sun_path))
		return -ENAMETOOLONG;
	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, name, len);
	if (name[0] == '@') {
		to->sun_path[0] = '\0';
		return (int)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	return (int)(offsetof(struct sockaddr_un, sun_path) + len + 1);
}

bool
notify_is_wanted(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	return name != NULL && name[0] != '\0';
}

/* Sends the text and the descriptors.  Returns as notify_send(). */
static int
send_text(const char *text, size_t len, const int *fds, size_t count)
{
	const struct timeval patience = { .tv_sec = 1 };
	const char *name = getenv("NOTIFY_SOCKET");
	const struct iovec bytes = { .iov_base = (void *)text, .iov_len = len };
	struct sockaddr_un to;
	int tolen, fd, error;

	if (name == NULL || name[0] == '\0')
		return 0;
	tolen = notify_address(name, &to);
	if (tolen < 0)
		return tolen;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&to, (socklen_t)tolen) < 0)
		error = -errno;
	else
		error = fdpass_send(fd, bytes, fds, (unsigned)count, 0);
	close(fd);
	return error == 0 ? 1 : error;
}

static int __attribute__((format(printf, 3, 0)))
send_format(const int *fds, size_t count, const char *format, va_list args)
{
	char text[TEXT_MAX];
	const int len = vsnprintf(text, sizeof(text), format, args);

	if (len < 0 || (size_t)len >= sizeof(text))
		return -EMSGSIZE;
	return send_text(text, (size_t)len, fds, count);
}

int
notify_send(const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = send_format(NULL, 0, format, args);
	va_end(args);
	return result;
}

int
notify_send_fds(const int *fds, size_t count, const char *format, ...)
{
	va_list args;
	int result;

	assert(count <= NOTIFY_FDS_MAX);
	va_start(args, format);
	result = send_format(fds, count, format, args);
	va_end(args);
	return result;
}

int
notify_barrier(int wait_ms)
{
	struct pollfd polled = { .fd = -1 };
	int ends[2], result;

	if (!notify_is_wanted())
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	result = notify_send_fds(&ends[1], 1, "BARRIER=1");
	(void)close(ends[1]);
	polled.fd = ends[0];
	while (result > 0 && poll(&polled, 1, wait_ms) < 0 && errno == EINTR)
		;
	(void)close(ends[0]);
	return result;
}
