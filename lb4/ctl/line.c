/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Joining words: see line.h. */
#include "lb4/ctl/line.h"

#include <stdio.h>
#include <string.h>

static void
put_word(const char *word, FILE *out)
{
	for (; *word != '\0'; word++) {
		unsigned char byte = (unsigned char)*word;

		if (byte <= ' ' || byte == 0x7f || byte == '\\')
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

/* "--rate 20/s" and "--rate=20/s" are rate=20/s. */
static bool
is_flag(const char *word)
{
	return word[0] == '-' && word[1] == '-' && word[2] != '\0';
}

int
line_option(char *const *words, int count)
{
	if (!is_flag(words[0]))
		return 0;
	if (strcmp(words[0], "--json") == 0 || strchr(words[0], '=') != NULL ||
	    count == 1 || is_flag(words[1]))
		return 1;
	return 2;
}

int
line_join(char *line, size_t size, char *const *words, int count, bool *json)
{
	FILE *out = fmemopen(line, size, "w");
	bool asked = false;
	bool fits;

	if (out == NULL)
		return -1;
	for (int i = 0; i < count; i++) {
		const char *word = words[i];
		bool json_word = strcmp(word, "--json") == 0;

		asked |= json_word;
		if (i > 0)
			fputc(' ', out);
		if (i == 0 || json_word || !is_flag(word)) {
			put_word(word, out);
			continue;
		}
		put_word(word + 2, out);
		if (line_option(words + i, count - i) == 2) {
			fputc('=', out);
			put_word(words[++i], out);
		}
	}
	if (*json && !asked)
		fputs(" --json", out);
	*json |= asked;
	fputc('\n', out);
	fits = fflush(out) == 0 && !ferror(out) && (size_t)ftell(out) < size;
	return fclose(out) == 0 && fits ? 0 : -1;
}
