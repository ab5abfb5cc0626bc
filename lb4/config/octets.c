/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Words of bytes, from text and to text: see octets.h.
 */
#include "lb4/config/octets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"

/* Reads what stands behind a backslash; returns how long that is, 0 when it is
 * no escape. */
static size_t
read_escape(const char *text, char *out)
{
	static const char letters[] = "rnt\\", bytes[] = "\r\n\t\\";
	const char *letter = text[0] != '\0' ? strchr(letters, text[0]) : NULL;
	char digits[3] = "";

	if (letter != NULL) {
		*out = bytes[letter - letters];
		return 1;
	}
	if (text[0] != 'x' || !isxdigit((unsigned char)text[1]) ||
	    !isxdigit((unsigned char)text[2]))
		return 0;
	memcpy(digits, text + 1, 2);
	*out = (char)strtoul(digits, NULL, 16);
	return 3;
}

int
octets_word(const char **text, struct octets *word, struct why *why)
{
	const char *at = *text + strspn(*text, " \t");
	const char *start = at;
	size_t escape;

	word->len = 0;
	while (*at != '\0' && *at != ' ' && *at != '\t') {
		if (word->len == sizeof(word->byte))
			return why_set(why,
			    "\"%.20s...\" is too long: give at most %zu bytes",
			    start, sizeof(word->byte));
		word->byte[word->len] = *at;
		if (*at++ == '\\') {
			escape = read_escape(at, &word->byte[word->len]);
			if (escape == 0)
				return why_set(why,
				    "'\\' without x and two hex digits, or r, "
				    "n or t: write \\x5c for a backslash");
			at += escape;
		}
		word->len++;
	}
	*text = at;
	return 0;
}

void
octets_print(const char *bytes, size_t len, FILE *out)
{
	size_t plain;

	for (size_t i = 0; i < len; i += plain) {
		const char c = bytes[i];
		bool bare = c != ' ' && c != '\t' && c != '\\' && c != '\0' &&
		    (i > 0 || strchr(";#\"'", c) == NULL);

		plain = bare ? escape_plain(bytes + i, len - i) : 0;
		if (plain > 0) {
			fwrite(bytes + i, 1, plain, out);
			continue;
		}
		fprintf(out, "\\x%02x", (unsigned char)c);
		plain = 1;
	}
}

bool
octets_is(const struct octets *word, const char *text)
{
	return word->len == strlen(text) &&
	    memcmp(word->byte, text, word->len) == 0;
}
