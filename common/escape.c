/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Text that is not ours: see escape.h. */
#include "common/escape.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPED_LEN 4 /* \xHH */

size_t
escape_decode(const char *bytes, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *text = (const unsigned char *)bytes;
	const unsigned char first = text[0];
	const size_t want = first < 0x80    ? 1
	    : first >= 0xc2 && first < 0xe0 ? 2
	    : first >= 0xe0 && first < 0xf0 ? 3
	    : first >= 0xf0 && first < 0xf5 ? 4
					    : 0;

	if (want == 0 || want > len)
		return 0;
	*code = want == 1 ? first : first & (0x7fU >> want);
	for (size_t i = 1; i < want; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	if (*code < least[want] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return want;
}

static bool
is_plain_code(uint32_t code)
{
	return code >= ' ' && (code < 0x7f || code > 0x9f) && code != 0x061c &&
	    code != 0x200e && code != 0x200f &&
	    (code < 0x2028 || code > 0x202e) &&
	    (code < 0x2066 || code > 0x2069);
}

size_t
escape_plain(const char *text, size_t len)
{
	uint32_t code = 0;
	size_t bytes = escape_decode(text, len, &code);

	return is_plain_code(code) ? bytes : 0;
}

bool
escape_is_plain(const char *text)
{
	size_t len = strlen(text), bytes;

	for (; len > 0; text += bytes, len -= bytes) {
		bytes = escape_plain(text, len);
		if (bytes == 0)
			return false;
	}
	return true;
}

static size_t
escape(const char *text, size_t len, const char *keep, char *out, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0, bytes;

	for (; len > 0; text += bytes, len -= bytes) {
		const unsigned char byte = (unsigned char)text[0];
		const bool kept = byte != '\0' && strchr(keep, byte) != NULL;
		const size_t plain = kept ? 1 : escape_plain(text, len);

		bytes = plain > 0 ? plain : 1;
		if (size - used <= (plain > 0 ? plain : ESCAPED_LEN))
			break;
		if (plain > 0) {
			memcpy(out + used, text, plain);
			used += plain;
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = digits[byte >> 4];
		out[used++] = digits[byte & 15];
	}
	out[used] = '\0';
	return used;
}

size_t
escape_text(const char *text, size_t len, char *out, size_t size)
{
	return escape(text, len, "", out, size);
}

char *
escape_dup(const char *text, size_t len, const char *keep)
{
	const size_t size = ESCAPED_LEN * len + 1;
	char *out = malloc(size);

	if (out != NULL)
		(void)escape(text, len, keep, out, size);
	return out;
}

/* Needs no memory: the message may be about the lack of it. */
void
escape_line(FILE *out, const char *format, ...)
{
	char raw[ESCAPE_LINE_MAX];
	const char *text = raw;
	va_list args;
	size_t left, bytes;

	va_start(args, format);
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	va_end(args);
	for (left = strlen(raw); left > 0; text += bytes, left -= bytes) {
		bytes = escape_plain(text, left);
		if (bytes > 0) {
			(void)fwrite(text, 1, bytes, out);
		} else {
			bytes = 1;
			fprintf(out, "\\x%02x", (unsigned char)*text);
		}
	}
	(void)fputc('\n', out);
}
