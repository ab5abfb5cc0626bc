/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Text that is not ours, made fit for a log, a terminal or JSON: names, words,
 * addresses and paths from a configuration, a command, another node or a
 * client.  The one place where that is done.
 *
 * Valid UTF-8 passes, as far as it is plain.  What is not plain becomes \xHH,
 * byte by byte: control characters (C0, DEL, and C1, which terminals obey as
 * well), U+2028 and U+2029, which end lines, the characters that turn the
 * direction of text around (UAX #9), and bytes that are no UTF-8 (RFC 3629).  A
 * backslash passes, so that text which was escaped stays as it is.
 */
#ifndef COMMON_ESCAPE_H
#define COMMON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The length of the UTF-8 character that `len` > 0 bytes begin with, and its
 * code point; 0 when they begin with none (RFC 3629). */
size_t escape_decode(const char *bytes, size_t len, uint32_t *code);

/* The length of the plain character that `text` of `len` > 0 bytes begins with;
 * 0 when its first byte has to be escaped. */
size_t escape_plain(const char *text, size_t len);

/* Whether nothing in it has to be escaped. */
bool escape_is_plain(const char *text);

/* Writes what fits into `out` of `size` > 0 bytes, with an end; no character
 * and no \xHH is cut.  Returns the length without that end. */
size_t escape_text(const char *text, size_t len, char *out, size_t size);

/* A copy that the caller frees; `keep` lists control characters that pass:
 * "\t\n".  NULL without memory. */
char *escape_dup(const char *text, size_t len, const char *keep);

/* Prints a message, escaped, and ends the line; longer ones are cut. */
#define ESCAPE_LINE_MAX 8192
void escape_line(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
