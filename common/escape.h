/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Escapes text from outside for a log, a terminal or JSON: names, words,
 * addresses and paths from a configuration, a command, another node or a
 * client.  All of lb4 does it here.
 *
 * Valid UTF-8 passes if it is plain.  Other bytes become \xHH, one by one:
 * control characters (C0, DEL, and C1, which terminals obey too), the line
 * separators U+2028 and U+2029, characters that change the direction of text
 * (UAX #9), and bytes that are not UTF-8 (RFC 3629).  A backslash passes, so
 * that escaped text is not changed again.
 */
#ifndef COMMON_ESCAPE_H
#define COMMON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The length of the UTF-8 character at the start of `len` > 0 bytes, and its
 * code point; 0 when there is no valid one (RFC 3629). */
size_t escape_decode(const char *bytes, size_t len, uint32_t *code);

/* The length of the plain character at the start of `text` of `len` > 0 bytes;
 * 0 when its first byte must be escaped. */
size_t escape_plain(const char *text, size_t len);

/* Whether the text contains nothing that must be escaped. */
bool escape_is_plain(const char *text);

/* Writes as much as fits into `out` of `size` > 0 bytes, and a NUL.  Never cuts
 * a character or an \xHH.  Returns the length without the NUL. */
size_t escape_text(const char *text, size_t len, char *out, size_t size);

/* An escaped copy, which the caller frees.  `keep` lists control characters to
 * keep, such as "\t\n".  NULL without memory. */
char *escape_dup(const char *text, size_t len, const char *keep);

/* Prints an escaped message and a newline; a longer message is cut. */
#define ESCAPE_LINE_MAX 8192
void escape_line(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
