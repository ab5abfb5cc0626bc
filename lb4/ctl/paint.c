/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Colour: see paint.h. */
#include "lb4/ctl/paint.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

static const struct {
	const char *word;
	const char *color;
} words[] = {
	{ "up", GREEN },
	{ "ready", GREEN },
	{ "down", RED },
	{ "drain", YELLOW },
	{ "maint", YELLOW },
	{ "joining", YELLOW },
	{ "ejected", RED },
	{ "removed", YELLOW },
	{ "unknown", YELLOW },
	{ "draining", YELLOW },
	{ "not-ready", RED },
	{ "killing", RED },
};

static const char *
color_of(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == len &&
		    strncmp(words[i].word, word, len) == 0)
			return words[i].color;
	return NULL;
}

/* Titles are all capitals. */
static bool
is_title(const char *line, size_t len)
{
	bool letter = false;

	for (size_t i = 0; i < len; i++) {
		if (islower((unsigned char)line[i]) ||
		    isdigit((unsigned char)line[i]))
			return false;
		letter |= isupper((unsigned char)line[i]) != 0;
	}
	return letter;
}

static bool
in_word(char c)
{
	return !isspace((unsigned char)c) && c != ':' && c != ',';
}

void
paint_line(const char *line, size_t len, FILE *out)
{
	if (is_title(line, len)) {
		fprintf(out, BOLD "%.*s" PLAIN "\n", (int)len, line);
		return;
	}
	for (size_t at = 0; at < len;) {
		size_t word = at;
		const char *color;

		while (word < len && in_word(line[word]))
			word++;
		color = color_of(line + at, word - at);
		if (color != NULL)
			fprintf(out, "%s%.*s" PLAIN, color, (int)(word - at),
			    line + at);
		else
			fprintf(out, "%.*s", (int)(word - at), line + at);
		at = word;
		if (at < len)
			fputc(line[at++], out);
	}
	fputc('\n', out);
}
