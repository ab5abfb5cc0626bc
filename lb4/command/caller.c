/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Buffers and states of the control socket's callers: see caller.h. */
#include "lb4/command/caller.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/acceptor.h"

#include "common/log.h"

/* How much input of an ending caller to discard at once. */
#define DISCARD_MAX 65536

/* Room for an answer of one line with every byte escaped. */
#define ANSWER_ROOM 3072

/* Discards input until its end. */
static void
discard(struct caller *caller)
{
	char bytes[4096];
	size_t total = 0;
	ssize_t got = 1;

	while (got > 0 && total < DISCARD_MAX) {
		got = recv(caller->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		total += got > 0 ? (size_t)got : 0;
	}
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		caller->state = CALLER_GONE;
}

void
caller_read(struct caller *caller, uint64_t now_ms)
{
	size_t room = sizeof(caller->in) - caller->in_len;
	ssize_t got;

	if (caller->state == CALLER_ENDING && caller_pending(caller) == 0)
		discard(caller);
	if (caller->state != CALLER_OPEN || caller->eof || room == 0)
		return;
	got = recv(caller->fd, caller->in + caller->in_len, room, MSG_DONTWAIT);
	if (got > 0) {
		caller->in_len += (size_t)got;
		caller->seen_ms = now_ms;
	} else if (got == 0) {
		caller->eof = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		caller->state = CALLER_GONE;
	}
}

ssize_t
caller_line(struct caller *caller, char *line)
{
	char *end = memchr(caller->in, '\n', caller->in_len);
	size_t len, used;

	if (end != NULL) {
		len = (size_t)(end - caller->in);
		used = len + 1;
	} else if (caller->eof && caller->in_len > 0) {
		len = used = caller->in_len;
	} else {
		return -1;
	}
	memcpy(line, caller->in, len);
	caller->in_len -= used;
	memmove(caller->in, caller->in + used, caller->in_len);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	return (ssize_t)len;
}

/* Makes room for `len` more bytes. */
static bool
make_room(struct caller *caller, size_t len)
{
	size_t room = caller->out_room > 0 ? caller->out_room : 4096;
	char *grown;

	if (caller->out_at > 0) {
		memmove(caller->out, caller->out + caller->out_at,
		    caller_pending(caller));
		caller->out_len -= caller->out_at;
		caller->out_at = 0;
	}
	while (room - caller->out_len < len)
		room *= 2;
	if (room == caller->out_room)
		return true;
	grown = realloc(caller->out, room);
	if (grown == NULL)
		return false;
	caller->out = grown;
	caller->out_room = room;
	return true;
}

void
caller_write(struct caller *caller, const char *text, size_t len)
{
	if (caller->state == CALLER_GONE || caller->no_memory)
		return;
	if (caller->out_room - caller->out_len < len &&
	    !make_room(caller, len)) {
		caller->no_memory = true;
		return;
	}
	if (len > 0)
		memcpy(caller->out + caller->out_len, text, len);
	caller->out_len += len;
	caller->answer_len += len;
}

void
caller_printf(struct caller *caller, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	caller_write(caller, text,
	    (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

void
caller_flush(struct caller *caller, uint64_t now_ms)
{
	ssize_t sent;

	while (caller->state != CALLER_GONE && caller_pending(caller) > 0) {
		sent = send(caller->fd, caller->out + caller->out_at,
		    caller_pending(caller), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			caller->writable = false;
			return;
		}
		if (sent < 0) {
			caller->state = CALLER_GONE;
			return;
		}
		caller->out_at += (size_t)sent;
		caller->seen_ms = now_ms;
	}
	caller->out_at = caller->out_len = 0;
	if (caller->state == CALLER_ENDING)
		(void)shutdown(caller->fd, SHUT_WR);
}

static void
cancel_job(struct caller *caller)
{
	if (caller->job.step != NULL && caller->job.cancel != NULL)
		caller->job.cancel(caller);
	caller->job.step = NULL;
}

bool
caller_take_back(struct caller *caller)
{
	if (caller->answer_len > caller_pending(caller))
		return false;
	caller->out_len -= caller->answer_len;
	caller->answer_len = 0;
	caller->no_memory = false;
	return true;
}

/* Needs no memory if the socket accepts the text. */
static bool
say_no_memory(struct caller *caller)
{
	const char *text = caller->json
	    ? "{\"schema\":\"lb4.error/1\",\"error\":{\"code\":\"failed\","
	      "\"message\":\"no memory\"}}\n\n"
	    : "error: failed: no memory\n\n";
	const size_t len = strlen(text);

	caller->no_memory = false;
	caller_write(caller, text, len);
	if (!caller->no_memory)
		return true;
	caller->no_memory = false;
	return caller_pending(caller) == 0 &&
	    send(caller->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)len;
}

void
caller_settle(struct caller *caller)
{
	if (!caller->no_memory || caller->state == CALLER_GONE)
		return;
	cancel_job(caller);
	/* lines of text are useful by themselves, half an object is not */
	if ((caller_take_back(caller) || !caller->json) &&
	    say_no_memory(caller))
		return;
	log_warning("control socket: uid %d, pid %d is closed: no memory for "
		    "the rest of its answer",
	    (int)caller->uid, (int)caller->pid);
	caller->state = CALLER_GONE;
}

bool
caller_begin(struct caller *caller)
{
	caller->answer_len = 0;
	caller->no_memory = caller->out_room - caller->out_len < ANSWER_ROOM &&
	    !make_room(caller, ANSWER_ROOM);
	if (!caller->no_memory)
		return true;
	caller_settle(caller);
	return false;
}

void
caller_end(struct caller *caller, uint64_t now_ms)
{
	if (caller->state != CALLER_OPEN)
		return;
	caller_settle(caller);
	if (caller->state != CALLER_OPEN)
		return;
	cancel_job(caller);
	caller->monitors = false;
	caller->state = CALLER_ENDING;
	caller->seen_ms = now_ms;
	caller_flush(caller, now_ms);
	if (caller->eof && caller->state == CALLER_ENDING &&
	    caller_pending(caller) == 0)
		caller->state = CALLER_GONE;
}

void
caller_close(struct caller *caller)
{
	cancel_job(caller);
	if (caller->fd >= 0)
		acceptor_close(caller->acceptor, caller->fd);
	caller->fd = -1;
	caller->generation++;
	caller->state = CALLER_GONE;
	free(caller->out);
	caller->out = NULL;
	caller->out_at = caller->out_len = caller->out_room = 0;
	caller->answer_len = 0;
	caller->no_memory = false;
	caller->in_len = 0;
}
