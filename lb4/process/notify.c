/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * sd_notify(3) without its library.  Only the control thread calls it, a few
 * times in the life of a process, so a socket for each message is good enough.
 */
#include "lb4/process/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

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

int
notify_send(const char *format, ...)
{
	const char *name = getenv("NOTIFY_SOCKET");
	const struct timeval patience = { .tv_sec = 1 };
	struct sockaddr_un to;
	char text[256];
	va_list args;
	int tolen, len, fd, result = 1;

	if (name == NULL || name[0] == '\0')
		return 0;
	tolen = notify_address(name, &to);
	if (tolen < 0)
		return tolen;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		return -EMSGSIZE;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	if (sendto(fd, text, (size_t)len, MSG_NOSIGNAL,
		(const struct sockaddr *)&to, (socklen_t)tolen) < 0)
		result = -errno;
	close(fd);
	return result;
}
