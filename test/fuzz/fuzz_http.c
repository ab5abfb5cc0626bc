/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Requests to the metrics server, over a socket: whatever a visitor sends, in
 * one piece and in two, it is answered or closed, and nobody is left behind.
 * The first byte says where the input is cut.
 */
#include "lb4/http/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb4/http/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 100000

static struct http *http;
static bool put_off;

static enum http_outcome
on_request(void *context, const struct http_request *request,
    struct http_answer *answer)
{
	const char *service = http_argument(request, "service");

	(void)context;
	if (strcmp(request->path, "/later") == 0 && !put_off) {
		put_off = true;
		return HTTP_LATER;
	}
	answer->status = service != NULL ? 404 : 200;
	(void)snprintf(answer->text, sizeof(answer->text), "%s %s %d",
	    request->path, service != NULL ? service : "",
	    accept_openmetrics(request->accept));
	return HTTP_ANSWERED;
}

static void
turn(void)
{
	if (http_turn(http, 0) != 0)
		abort();
	http_retry(http);
}

/* Sends all that is taken, and reads what comes. */
static void
send_piece(int fd, const uint8_t *data, size_t size)
{
	uint8_t answer[4096];
	size_t at = 0;

	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t sent = at < size
		    ? send(fd, data + at, size - at, MSG_NOSIGNAL)
		    : 0;

		at += sent > 0 ? (size_t)sent : 0;
		turn();
		while (recv(fd, answer, sizeof(answer), 0) > 0)
			;
		if (at == size || http_visitors(http) == 0)
			return;
	}
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct http_handler handler = { .answer = on_request };
	size_t cut = size > 0 ? data[0] : 0;
	int pair[2];

	(void)signal(SIGPIPE, SIG_IGN);
	if (http == NULL && http_open_alone(&http, &handler) != 0)
		abort();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		pair) != 0)
		abort();
	put_off = false;
	if (size > 0) {
		data++;
		size--;
	}
	cut = cut < size ? cut : size;
	http_take(http, pair[1]);
	send_piece(pair[0], data, cut);
	send_piece(pair[0], data + cut, size - cut);
	close(pair[0]);
	for (int i = 0; i < TURNS_MAX && http_visitors(http) > 0; i++)
		turn();
	if (http_visitors(http) > 0)
		abort();
	return 0;
}
