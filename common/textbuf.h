/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Text that grows in memory while it is printed with stdio.
 *
 * open_memstream(3) cannot be used where an allocation may fail: glibc's
 * forgets to set the stream's error flag when its buffer cannot grow, and its
 * fclose(3) succeeds with a NULL text when the last realloc(3) fails
 * (libio/strops.c, libio/memstream.c).
 */
#ifndef COMMON_TEXTBUF_H
#define COMMON_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* It must not move while it is open. */
struct textbuf {
	char *text; /* owned; ends with a NUL, which `len` does not count */
	size_t len;
	size_t room;
	bool failed;
	FILE *out;
	char chunk[512]; /* the stream's buffer */
};

/* Begins an empty text.  Returns the stream to print to, or NULL when there is
 * no memory; textbuf_close() follows in either case. */
FILE *textbuf_open(struct textbuf *buf);

/*
 * Ends the printing.  0, and `text` is complete: the caller frees it with
 * textbuf_done() or takes it.  Or -ENOMEM when any part of it was lost, or the
 * stream never opened; `text` is NULL then.
 */
int textbuf_close(struct textbuf *buf);

/* Frees the text of a closed one. */
void textbuf_done(struct textbuf *buf);

#endif
