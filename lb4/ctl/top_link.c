/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The connection to the control socket: see top_link.h. */
#include "lb4/ctl/top_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb4/ctl/talk.h"

#define ROOM_FIRST (64 * 1024)
#define ROOM_MAX (256 * 1024 * 1024) /* of what is no answer of lb4 */

void
top_link_init(struct top_link *link, const char *path)
{
	*link = (struct top_link){ .path = path, .fd = -1 };
}

void
top_link_close(struct top_link *link)
{
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
	link->asked = false;
}

void
top_link_done(struct top_link *link)
{
	top_link_close(link);
	free(link->answers);
	link->answers = NULL;
}

int
top_link_ask(struct top_link *link)
{
	static const char question[] = "info --json\nstatus --json\n";
	const ssize_t len = (ssize_t)strlen(question);

	if (link->fd < 0) {
		int fd = talk_connect(link->path, SOCK_NONBLOCK);

		if (fd < 0)
			return fd;
		link->fd = fd;
	}
	link->len = 0;
	link->asked = true;
	/* lb4 may have closed it after an answer: that is read */
	if (send(link->fd, question, (size_t)len, MSG_NOSIGNAL) != len &&
	    errno != EPIPE && errno != ECONNRESET) {
		const int error = -errno;

		top_link_close(link);
		return error;
	}
	return 0;
}

static int
make_room(struct top_link *link)
{
	const size_t room = link->room == 0 ? ROOM_FIRST : 2 * link->room;
	char *answers;

	if (link->len + 1 < link->room)
		return 0;
	if (room > ROOM_MAX)
		return -EMSGSIZE;
	answers = realloc(link->answers, room);
	if (answers == NULL)
		return -ENOMEM;
	link->answers = answers;
	link->room = room;
	return 0;
}

/* Each answer ends with an empty line.  1: both are there. */
static int
split(const struct top_link *link, struct top_answers *answers)
{
	char *end, *first_end;

	answers->info = link->answers;
	first_end = strstr(link->answers, "\n\n");
	if (first_end == NULL)
		return 0;
	answers->status = first_end + 2;
	if (talk_error_of(answers->info, link->len) != TALK_NO_ERROR) {
		*first_end = '\0';
		return -EPROTO;
	}
	end = link->answers + link->len;
	if (end < answers->status + 2 || end[-1] != '\n' || end[-2] != '\n')
		return 0;
	*first_end = end[-2] = '\0';
	if (talk_error_of(answers->status, strlen(answers->status)) ==
	    TALK_NO_ERROR)
		return 1;
	answers->info = answers->status;
	return -EPROTO;
}

/* Reads once.  Returns 0 or -errno. */
static int
receive(struct top_link *link)
{
	int error = make_room(link);
	ssize_t len;

	if (error < 0)
		return error;
	len = recv(link->fd, link->answers + link->len,
	    link->room - 1 - link->len, MSG_DONTWAIT);
	if (len == 0)
		return -ENODATA;
	if (len < 0)
		return errno == EINTR ? 0 : -errno;
	link->len += (size_t)len;
	link->answers[link->len] = '\0';
	return 0;
}

int
top_link_read(struct top_link *link, struct top_answers *answers)
{
	int result;

	do {
		result = receive(link);
		if (result == 0)
			result = split(link, answers);
	} while (result == 0);
	if (result == 1)
		link->asked = false;
	if (result == -EAGAIN)
		return 0;
	if (result < 0)
		top_link_close(link);
	return result;
}
