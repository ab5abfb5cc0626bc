/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Edits of a file's lines: see edit.h. */
#include "lb4/config/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/textbuf.h"
#include "common/why.h"
#include "lb4/config/build.h"
#include "lb4/config/config.h"
#include "lb4/config/keys.h"

#define CONTEXT 3 /* lines around a change in a diff */

static const char blanks[] = " \t";

/* ---- lines --------------------------------------------------------------- */

/* A line of the text, and where the next one begins. */
struct line {
	const char *text;
	size_t len; /* without its end */
	size_t end; /* bytes of its end: 0 to 2 */
};

/* Takes the next line from the text; false when there is none. */
static bool
next_line(const char **text, size_t *len, struct line *line)
{
	const char *newline = memchr(*text, '\n', *len);
	size_t whole = newline != NULL ? (size_t)(newline - *text) + 1 : *len;

	if (*len == 0)
		return false;
	line->text = *text;
	line->end = newline != NULL;
	if (whole > 1 && newline != NULL && newline[-1] == '\r')
		line->end = 2;
	line->len = whole - line->end;
	*text += whole;
	*len -= whole;
	return true;
}

/* All lines of the text, the first one at index 0; the caller frees them.  NULL
 * without memory. */
static struct line *
index_lines(const char *text, size_t len, size_t *count)
{
	struct line *lines, line;
	const char *at = text;
	size_t left = len;

	*count = 0;
	while (next_line(&at, &left, &line))
		++*count;
	lines = calloc(*count + 1, sizeof(*lines));
	if (lines == NULL)
		return NULL;
	for (size_t i = 0; next_line(&text, &len, &line); i++)
		lines[i] = line;
	return lines;
}

/* The line end for a new line in its place. */
static const char *
end_of(const struct line *line)
{
	return line->end == 2 ? "\r\n" : "\n";
}

/* ---- edits --------------------------------------------------------------- */

/* Takes `text`. */
static int
add(struct edits *edits, size_t line, bool removes, char *text)
{
	size_t room = edits->room > 0 ? 2 * edits->room : 16;
	struct edit *grown = edits->edit;

	if (edits->count == edits->room) {
		grown = reallocarray(grown, room, sizeof(*grown));
		if (grown == NULL) {
			free(text);
			return -ENOMEM;
		}
		edits->edit = grown;
		edits->room = room;
	}
	grown[edits->count++] = (struct edit){ line, removes, text };
	return 0;
}

void
edits_done(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		free(edits->edit[i].text);
	free(edits->edit);
	free(edits->text);
	*edits = (struct edits){ .count = 0 };
}

/* Where a comment after the value begins (at " ;"), or the length of the
 * line. */
static size_t
value_end(const struct line *line)
{
	for (size_t i = 1; i < line->len; i++)
		if (line->text[i] == ';' &&
		    strchr(blanks, line->text[i - 1]) != NULL)
			return i;
	return line->len;
}

/* The next word of the line, from *at and before `end`; returns its length. */
static size_t
next_word(const struct line *line, size_t *at, size_t end)
{
	size_t len = 0;

	while (*at < end && strchr(blanks, line->text[*at]) != NULL)
		++*at;
	while (*at + len < end && strchr(blanks, line->text[*at + len]) == NULL)
		len++;
	return len;
}

/* "backend = app1 192.0.2.1:80 weight=2 ; ours" with another weight.  The '='
 * is followed by the name, the address, and options. */
static char *
reweigh(const struct line *line, unsigned weight)
{
	static const char option[] = "weight=";
	const char *equals = memchr(line->text, '=', line->len);
	const size_t end = value_end(line);
	size_t at = equals != NULL ? (size_t)(equals - line->text) + 1 : 0;
	size_t from = 0, to = 0, len;
	char *text = NULL;

	for (unsigned n = 0; (len = next_word(line, &at, end)) > 0; n++) {
		if (n == 1)
			from = to = at + len;
		if (n > 1 && len > strlen(option) &&
		    strncasecmp(line->text + at, option, strlen(option)) == 0) {
			from = at;
			to = at + len;
		}
		at += len;
	}
	if (asprintf(&text, "%.*s%sweight=%u%.*s", (int)from, line->text,
		from == to ? " " : "", weight, (int)(line->len - to),
		line->text + to) < 0)
		return NULL;
	return text;
}

/* The backend as the dump writes it: with every option. */
static char *
full_value(const struct config_backend *backend)
{
	struct config_backend copy = *backend;
	const struct config_service service = { .backend = &copy,
		.backends = 1 };
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);

	copy.order = 0;
	if (out != NULL)
		key_print(keys_find(KEY_SERVICE, "backend"), &service, 0, out);
	return textbuf_close(&buf) == 0 ? buf.text : NULL;
}

static bool
has_word(const char *text, const char *word, size_t len)
{
	for (const char *at = text; (at = strchr(at, ' ')) != NULL; at++)
		if (strncmp(at + 1, word, len) == 0 &&
		    (at[1 + len] == ' ' || at[1 + len] == '\0'))
			return true;
	return false;
}

/* Writes the value without the options that `plain`, a backend with none, has
 * by default. */
static void
put_value(const char *value, const char *plain, FILE *out)
{
	for (unsigned n = 0; *value != '\0'; n++) {
		size_t len = strcspn(value, " ");

		if (n < 2 || !has_word(plain, value, len))
			fprintf(out, "%s%.*s", n > 0 ? " " : "", (int)len,
			    value);
		value += len + (value[len] == ' ');
	}
}

/* The line of a backend that the file does not have yet; it starts as its
 * neighbour does: "backend   = ".  NULL: it follows the section's line. */
static char *
new_line(const struct line *neighbour, const struct config_backend *backend)
{
	static const struct line first = { "backend = ",
		sizeof("backend = ") - 1, 0 };
	const struct line *like = neighbour != NULL ? neighbour : &first;
	const char *equals = memchr(like->text, '=', like->len);
	struct config_backend plain = { .line = 0 };
	char *value = full_value(backend), *plain_value;
	bool written = false;
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);
	size_t start;

	keys_preset(KEY_BACKEND, &plain);
	memcpy(plain.name, backend->name, sizeof(plain.name));
	plain.addr = backend->addr;
	plain_value = full_value(&plain);
	if (out != NULL && equals != NULL && value != NULL &&
	    plain_value != NULL) {
		start = (size_t)(equals - like->text) + 1;
		start += strspn(equals + 1, blanks);
		fwrite(like->text, 1, start, out);
		put_value(value, plain_value, out);
		written = true;
	}
	free(value);
	free(plain_value);
	if (textbuf_close(&buf) == 0 && written)
		return buf.text;
	textbuf_done(&buf);
	return NULL;
}

static int
compare_name(const void *name, const void *backend)
{
	return strcmp(name, ((const struct config_backend *)backend)->name);
}

static const struct config_backend *
find_backend(const struct config_service *service, const char *name)
{
	if (service->backends == 0)
		return NULL;
	return bsearch(name, service->backend, service->backends,
	    sizeof(*service->backend), compare_name);
}

static int
edit_line(struct edits *edits, const struct line *lines,
    const struct config_backend *file, const struct config_backend *served)
{
	const size_t number = (size_t)file->line;
	char *changed;

	if (served == NULL)
		return add(edits, number, true, NULL);
	if (served->weight == file->weight)
		return 0;
	changed = reweigh(&lines[number - 1], served->weight);
	return changed != NULL ? add(edits, number, true, changed) : -ENOMEM;
}

/* Adds the backends that the file lacks, in their order, after line `last`. */
static int
add_lines(struct edits *edits, const struct line *lines, size_t last,
    const struct config_service *file, const struct config_service *served)
{
	const struct config_backend **in_order = calloc(served->backends + 1,
	    sizeof(*in_order));
	int error = in_order != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; error == 0 && i < served->backends; i++)
		in_order[served->backend[i].order] = &served->backend[i];
	for (size_t i = 0; error == 0 && i < served->backends; i++) {
		char *added;

		if (in_order[i]->in_file || in_order[i]->of_name != 0 ||
		    find_backend(file, in_order[i]->name) != NULL)
			continue;
		added = new_line(file->backends > 0 ? &lines[last - 1] : NULL,
		    in_order[i]);
		error = added != NULL ? add(edits, last, false, added)
				      : -ENOMEM;
	}
	free(in_order);
	return error;
}

/* First the backends of the file, then the new ones, after the last of the
 * service, or after the section's line. */
static int
edit_service(struct edits *edits, const struct line *lines,
    const struct config_service *file, const struct config_service *served)
{
	size_t last = (size_t)file->line;
	int error = 0;

	for (size_t i = 0; error == 0 && i < file->backends; i++) {
		const struct config_backend *one = &file->backend[i];

		if (one->of_name == 0)
			error = edit_line(edits, lines, one,
			    find_backend(served, one->name));
		if ((size_t)one->line > last)
			last = (size_t)one->line;
	}
	return error == 0 ? add_lines(edits, lines, last, file, served) : error;
}

static int
compare(const void *left, const void *right)
{
	const struct edit *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	/* a replacement comes before an addition */
	return (int)b->removes - (int)a->removes;
}

/* All services written out in full; NULL without memory. */
static char *
services_text(const struct config *config)
{
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);
	char *services;

	if (out != NULL)
		config_dump(config, out);
	if (textbuf_close(&buf) < 0)
		return NULL;
	services = strstr(buf.text, "\n[service ");
	if (services != NULL)
		memmove(buf.text, services, strlen(services) + 1);
	return buf.text;
}

/* Returns 0, -ESTALE when they differ, or -ENOMEM. */
static int
serve_alike(const struct config *one, const struct config *other)
{
	char *a = services_text(one), *b = services_text(other);
	int error = -ENOMEM;

	if (a != NULL && b != NULL)
		error = strcmp(a, b) == 0 ? 0 : -ESTALE;
	free(a);
	free(b);
	return error;
}

static void
apply(const struct edits *edits, const char *text, size_t len, FILE *out)
{
	const struct edit *edit = edits->edit;
	const struct edit *end = edit + edits->count;
	struct line line;

	for (size_t number = 1; next_line(&text, &len, &line); number++) {
		bool removed = edit < end && edit->line == number &&
		    edit->removes;

		if (!removed)
			fwrite(line.text, 1, line.len + line.end, out);
		for (; edit < end && edit->line == number; edit++)
			if (edit->text != NULL)
				fprintf(out, "%s%s", edit->text, end_of(&line));
	}
}

/* Applies the edits and checks that the text then contains the running
 * configuration. */
static int
judge(struct edits *edits, const struct edit_source *source,
    const struct config *served, struct why *why)
{
	struct config_errors errors = { .count = 0 };
	struct config *config;
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);
	int error;

	if (out != NULL)
		apply(edits, source->text, source->len, out);
	if (textbuf_close(&buf) < 0)
		return -ENOMEM;
	edits->text = buf.text;
	edits->len = buf.len;
	config = config_parse("the new text", buf.text, buf.len, &errors);
	error = config != NULL ? serve_alike(config, served)
			       : why_set(why, "%s", errors.text[0]);
	if (error == -ESTALE)
		error = why_set(why,
		    "the file has other changes that are not in effect: "
		    "reload it first");
	config_free(config);
	config_errors_done(&errors);
	return error;
}

int
edits_make(struct edits *edits, const struct edit_source *source,
    const struct config *served, struct why *why)
{
	size_t count;
	struct line *lines = index_lines(source->text, source->len, &count);
	int error = lines != NULL ? 0 : -ENOMEM;

	*edits = (struct edits){ .count = 0 };
	for (size_t i = 0; error == 0 && i < served->services; i++) {
		const struct config_service *one = &served->service[i];
		const struct config_service *was =
		    build_find_service(source->config, one->name);

		if (was != NULL)
			error = edit_service(edits, lines, was, one);
	}
	if (edits->count > 1)
		qsort(edits->edit, edits->count, sizeof(*edits->edit), compare);
	if (error == 0)
		error = judge(edits, source, served, why);
	free(lines);
	if (error < 0)
		edits_done(edits);
	return error;
}

/* ---- as a diff ----------------------------------------------------------- */

/* Edits whose context lines touch, and the lines around them. */
struct hunk {
	const struct edit *edit;
	const struct edit *end;
	size_t first; /* line */
	size_t last;
	long shift; /* lines added before, minus lines removed */
};

static void
diff_hunk(const struct hunk *hunk, const struct line *lines, FILE *out)
{
	const struct edit *edit = hunk->edit, *end = hunk->end;
	size_t old = hunk->last - hunk->first + 1, new = old;

	for (const struct edit *at = edit; at < end; at++)
		new += (at->text != NULL) - (size_t)at->removes;
	fprintf(out, "@@ -%zu,%zu +%ld,%zu @@\n", hunk->first, old,
	    (long)hunk->first + hunk->shift, new);
	for (size_t number = hunk->first; number <= hunk->last; number++) {
		const struct line *line = &lines[number - 1];
		bool removed = edit < end && edit->line == number &&
		    edit->removes;

		/* with its line end, which patch(1) compares too */
		fputc(removed ? '-' : ' ', out);
		fwrite(line->text, 1, line->len + line->end, out);
		for (; edit < end && edit->line == number; edit++)
			if (edit->text != NULL)
				fprintf(out, "+%s%s", edit->text, end_of(line));
	}
}

int
edits_diff(const struct edits *edits, const struct edit_source *source,
    const char *name, FILE *out)
{
	const struct edit *edit = edits->edit;
	const struct edit *end = edit + edits->count;
	size_t count;
	struct line *lines = index_lines(source->text, source->len, &count);
	long shift = 0;

	if (lines == NULL)
		return -ENOMEM;
	if (edits->count > 0)
		fprintf(out, "--- %s\n+++ %s\n", name, name);
	while (edit < end) {
		struct hunk hunk = {
			.edit = edit,
			.first = edit->line > CONTEXT ? edit->line - CONTEXT
						      : 1,
			.shift = shift,
		};
		size_t last = edit->line;

		for (; edit < end && edit->line <= last + 2 * CONTEXT; edit++) {
			last = edit->line;
			shift += (edit->text != NULL) - (long)edit->removes;
		}
		hunk.end = edit;
		hunk.last = last + CONTEXT < count ? last + CONTEXT : count;
		diff_hunk(&hunk, lines, out);
	}
	free(lines);
	return 0;
}
