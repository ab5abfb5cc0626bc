/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Text that grows in memory: see textbuf.h. */
#include "common/textbuf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static bool
grow(struct textbuf *buf, size_t len)
{
	size_t room = buf->room > 0 ? buf->room : 256;
	char *grown;

	if (len > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
		return false;
	while (room <= buf->len + len) /* and the NUL */
		room *= 2;
	if (room == buf->room)
		return true;
	grown = realloc(buf->text, room);
	if (grown == NULL)
		return false;
	buf->text = grown;
	buf->room = room;
	return true;
}

/* 0 makes stdio set the stream's error flag. */
static ssize_t
on_write(void *cookie, const char *data, size_t len)
{
	struct textbuf *buf = cookie;

	if (buf->failed || !grow(buf, len)) {
		buf->failed = true;
		return 0;
	}
	memcpy(buf->text + buf->len, data, len);
	buf->len += len;
	return (ssize_t)len;
}

FILE *
textbuf_open(struct textbuf *buf)
{
	const cookie_io_functions_t calls = { .write = on_write };

	buf->text = NULL;
	buf->len = buf->room = 0;
	buf->failed = false;
	buf->out = fopencookie(buf, "w", calls);
	if (buf->out == NULL)
		return NULL;
	(void)__fsetlocking(buf->out, FSETLOCKING_BYCALLER);
	(void)setvbuf(buf->out, buf->chunk, _IOFBF, sizeof(buf->chunk));
	return buf->out;
}

int
textbuf_close(struct textbuf *buf)
{
	bool failed = buf->out == NULL || ferror(buf->out) != 0;

	if (buf->out != NULL && fclose(buf->out) != 0)
		failed = true;
	buf->out = NULL;
	if (!failed && !buf->failed && grow(buf, 0)) {
		buf->text[buf->len] = '\0';
		return 0;
	}
	textbuf_done(buf);
	return -ENOMEM;
}

void
textbuf_done(struct textbuf *buf)
{
	free(buf->text);
	buf->text = NULL;
	buf->len = buf->room = 0;
}
