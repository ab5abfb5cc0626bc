/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The side of lb4: see programs.h. */
#include "lb4/process/programs.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void
programs_begin(struct program_request *request, uint64_t number)
{
	memset(request, 0, sizeof(*request));
	request->kind = PROGRAM_RUN;
	request->number = number;
}

/* Adds "name=value", or "value" alone. */
static bool
add(struct program_request *request, const char *name, const char *value)
{
	const size_t room = sizeof(request->text) - request->len;
	const int len = snprintf(request->text + request->len, room, "%s%s%s",
	    name, name[0] != '\0' ? "=" : "", value);

	if (len < 0 || (size_t)len >= room)
		return false;
	request->len += (uint32_t)len + 1;
	return true;
}

bool
programs_argument(struct program_request *request, const char *word)
{
	request->words++;
	return add(request, "", word);
}

bool
programs_variable(struct program_request *request, const char *name,
    const char *value)
{
	request->variables++;
	return add(request, name, value);
}

static int
post(int socket, const struct program_request *request)
{
	const size_t len = offsetof(struct program_request, text) +
	    request->len;
	ssize_t n;

	do
		n = send(socket, request, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int
programs_run(int socket, const struct program_request *request)
{
	return post(socket, request);
}

void
programs_kill(int socket, uint64_t number)
{
	struct program_request request;

	programs_begin(&request, number);
	request.kind = PROGRAM_KILL;
	/* when the queue is full, the program goes on until it ends */
	(void)post(socket, &request);
}

int
programs_receive(int socket, struct program_answer *answer)
{
	ssize_t n;

	do
		n = recv(socket, answer, sizeof(*answer), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	if (n != (ssize_t)sizeof(*answer))
		return -EPROTO;
	answer->line[sizeof(answer->line) - 1] = '\0';
	return 1;
}
