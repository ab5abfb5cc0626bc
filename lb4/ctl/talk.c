/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Talking with lb4: see talk.h. */
#include "lb4/ctl/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
talk_connect(const char *path, int flags)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	error = -errno;
	(void)close(fd);
	return error;
}

/* Writing may fail although there is an answer: a socket with too many callers
 * answers without reading. */
static void
send_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return;
		text += sent;
		len -= (size_t)sent;
	}
}

int
talk(const char *path, const char *line,
    void (*on_line)(void *owner, const char *line, size_t len), void *owner)
{
	int fd = talk_connect(path, 0);
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	FILE *in;

	if (fd < 0)
		return fd;
	in = fdopen(fd, "r");
	if (in == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	send_all(fd, line);
	while ((len = getline(&text, &room, in)) > 0 && text[0] != '\n')
		on_line(owner, text,
		    (size_t)len - (text[len - 1] == '\n' ? 1 : 0));
	free(text);
	(void)fclose(in);
	return len > 0 ? 0 : -ENODATA;
}

static enum talk_error
error_of_code(const char *code, const char *end)
{
	static const char *const misuses[] = { "usage", "syntax" };

	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++)
		if ((size_t)(end - code) >= strlen(misuses[i]) &&
		    strncmp(code, misuses[i], strlen(misuses[i])) == 0)
			return TALK_MISUSED;
	return TALK_REFUSED;
}

enum talk_error
talk_error_of(const char *line, size_t len)
{
	static const char text[] = "error: ";
	static const char json[] = "{\"schema\":\"lb4.error/1\",\"error\":{"
				   "\"code\":\"";

	if (len >= strlen(text) && strncmp(line, text, strlen(text)) == 0)
		return error_of_code(line + strlen(text), line + len);
	if (len >= strlen(json) && strncmp(line, json, strlen(json)) == 0)
		return error_of_code(line + strlen(json), line + len);
	return TALK_NO_ERROR;
}

const char *
talk_advice(int error)
{
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		return ": does lb4 run, and does control in its lb4.ini name "
		       "this path? Else give it with -s";
	case EACCES:
	case EPERM:
		return ": control-group and control-mode in lb4.ini say who "
		       "may connect";
	default:
		return "";
	}
}
