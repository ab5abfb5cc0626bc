/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The file as lines; config.c reads it through here.
 *
 * inih splits lines into keys and values, but it is forgiving where the
 * administrator of a load balancer wants an error: an indented line becomes one
 * more value of the key above, a long line continues as another key, section
 * names are cut, a section that is empty or given twice is invisible, ':' is as
 * good as '=', text after a "]" is dropped, a truncated last line is accepted,
 * and line numbers are lost.
 *
 * So the function that inih calls to read a line checks each raw line first.
 * It counts, reports errors, and gives inih only what both understand alike: a
 * good line, or an empty one in place of a bad one.  Sections are announced
 * from here and never reach inih.  When inih calls back with a key, the key is
 * on the line that was read last.
 */
#include "lb4/config/inifile.h"

#include <bsd/string.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct inifile {
	const char *at; /* the next line */
	const char *end;
	int line; /* number of the line read last */
	const struct inifile_sink *sink;
};

/* One line with its parts; they point into it. */
struct raw {
	char text[INIFILE_LINE_MAX + 1];
	char *start; /* after the leading spaces */
	char *key;   /* ends where '=' was */
	char *value; /* without spaces and comment */
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_comment(char c)
{
	return c == ';' || c == '#';
}

static void
complain(const struct inifile *file, const char *key, const char *what)
{
	file->sink->on_error(file->sink->context, file->line, key, what);
}

static char *
trim_end(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && is_space(text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

static char *
skip_space(char *text)
{
	return text + strspn(text, " \t");
}

/* Ends `text` where inih sees a comment: at a ';' after a space. */
static void
cut_comment(char *text)
{
	for (size_t i = 1; text[0] != '\0' && text[i] != '\0'; i++) {
		if (text[i] == ';' && is_space(text[i - 1])) {
			text[i] = '\0';
			return;
		}
	}
}

/* True for what was probably meant as "# comment"; inih takes it as part of the
 * value. */
static bool
has_hash_comment(const char *value)
{
	if (value[0] == '#')
		return true;
	for (size_t i = 1; value[0] != '\0' && value[i] != '\0'; i++) {
		if (value[i] == '#' && is_space(value[i - 1]))
			return true;
	}
	return false;
}

/* "[name]", optionally followed by a comment. */
static void
judge_section(const struct inifile *file, struct raw *raw)
{
	char *name = raw->start + 1;
	char *close = strchr(name, ']');
	char *rest;

	if (close == NULL) {
		complain(file, NULL,
		    "no ']' after the section's name: write [name]");
		close = name + strlen(name);
	}
	/* Even then, the keys below belong to this section. */
	rest = close + (*close == ']');
	rest = skip_space(rest);
	if (rest[0] != '\0' && rest[0] != ';')
		complain(file, NULL,
		    "text after ']': write a comment as ; comment");
	*close = '\0';
	name = trim_end(skip_space(name));
	file->sink->on_section(file->sink->context, file->line, name);
}

/* Finds the '=' as inih does.  Sets key and value. */
static bool
split_value(const struct inifile *file, struct raw *raw)
{
	char *mark = strpbrk(raw->start, "=:");
	bool is_equal = mark != NULL && *mark == '=';

	raw->key = raw->start;
	if (mark != NULL) {
		*mark = '\0';
		raw->value = mark + 1;
		trim_end(raw->key);
	}
	if (is_equal && raw->key[0] != '\0')
		return true;

	/* "key value", "key value:more", "key: value" or "= value". */
	if (raw->key[0] == '\0') {
		complain(file, NULL, "no key: write key = value");
	} else if (mark != NULL && strpbrk(raw->key, " \t") == NULL) {
		complain(file, raw->key,
		    "':' after the key: write key = value");
	} else {
		raw->key[strcspn(raw->key, " \t")] = '\0';
		complain(file, raw->key, "no '=': write key = value");
	}
	return false;
}

static bool
judge_value(const struct inifile *file, struct raw *raw)
{
	char *value;

	cut_comment(raw->start);
	if (!split_value(file, raw))
		return false;

	value = trim_end(skip_space(raw->value));
	if (value[0] == '\0')
		complain(file, raw->key,
		    "no value: give one, or comment the line out (;)");
	else if (value[0] == ';')
		complain(file, raw->key,
		    "no value before ';': for a ';' in the value, write \\x3b");
	else if (has_hash_comment(value))
		complain(file, raw->key,
		    "'#' does not start a comment after a value: write ';', "
		    "or \\x23 for a '#' in the value");
	else if (value[0] == '"' || value[0] == '\'')
		complain(file, raw->key, "the value is in quotes: remove them");
	else
		return true;
	return false;
}

static bool
is_clean(const struct inifile *file, const char *line, size_t len)
{
	char what[80];

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < ' ' && c != '\t') || c == 0x7f) {
			snprintf(what, sizeof(what),
			    "control character (byte 0x%02x): remove it", c);
			complain(file, NULL, what);
			return false;
		}
	}
	return true;
}

/* Decides whether inih gets the line, and copies it to `out` if so, from its
 * first non-space character. */
static bool
judge(const struct inifile *file, const char *line, size_t len, char *out,
    size_t limit)
{
	struct raw raw = { .start = NULL };
	char what[80];
	size_t indent = 0;

	if (!is_clean(file, line, len))
		return false;
	while (indent < len && is_space(line[indent]))
		indent++;
	if (indent == len || is_comment(line[indent]))
		return false;
	if (len > limit) {
		snprintf(what, sizeof(what),
		    "line is longer than %zu characters: shorten it", limit);
		complain(file, NULL, what);
		return false;
	}
	if (indent > 0)
		complain(file, NULL,
		    "indented line: start it in the first column");
	memcpy(raw.text, line, len);
	raw.text[len] = '\0';
	raw.start = raw.text + indent;
	memcpy(out, raw.start, len - indent + 1);
	if (raw.start[0] == '[') {
		judge_section(file, &raw);
		return false;
	}
	return judge_value(file, &raw);
}

/* inih calls this instead of fgets(3). */
static char *
on_read(char *out, int size, void *context)
{
	struct inifile *file = context;
	size_t limit = INIFILE_LINE_MAX;
	const char *line = file->at;
	const char *end;
	size_t len;

	if (line == file->end || size < 2)
		return NULL;
	end = memchr(line, '\n', (size_t)(file->end - line));
	file->at = end != NULL ? end + 1 : file->end;
	len = (size_t)((end != NULL ? end : file->end) - line);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	file->line++;
	/* Whatever the line says, part of it may be missing. */
	if (end == NULL)
		complain(file, NULL,
		    "the file ends in the middle of this line, as if it had "
		    "been cut off: complete the line, and end it with a "
		    "newline");

	if (limit > (size_t)size - 2)
		limit = (size_t)size - 2;
	if (!judge(file, line, len, out, limit))
		out[0] = '\0';
	strlcat(out, "\n", (size_t)size);
	return out;
}

static int
on_pair(void *context, const char *section, const char *key, const char *value)
{
	struct inifile *file = context;

	(void)section; /* cut by inih; the sink knows the whole */
	file->sink->on_value(file->sink->context, file->line, key, value);
	return 1;
}

int
inifile_read(const char *text, size_t len, const struct inifile_sink *sink)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct inifile file = {
		.at = text,
		.end = text + len,
		.sink = sink,
	};

	if (len >= strlen(bom) && memcmp(text, bom, strlen(bom)) == 0)
		file.at += strlen(bom);
	return ini_parse_stream(on_read, &file, on_pair, &file) == -2 ? -ENOMEM
								      : 0;
}
