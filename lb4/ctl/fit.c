/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Fitting answers to a terminal: see fit.h. */
#include "lb4/ctl/fit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MAX 24
#define GAP 2	 /* spaces between columns */
#define SHORT 12 /* a name or text is not made shorter than this */
#define INDENT 4 /* of the rest of a broken line */
#define MARK '~' /* stands for what was left out */

#define NARROWEST 20
#define WIDEST 10000

enum kind {
	KIND_UNKNOWN,
	KIND_NUMBER,
	KIND_WHOLE, /* useless unless complete: an address, a state */
	KIND_NAME,  /* names differ at their ends: shortened in the middle */
	KIND_TEXT,
};

/* The columns with the highest rank are dropped first, those with rank 0
 * never.  An unknown column has UNKNOWN_RANK. */
#define UNKNOWN_RANK 4
static const struct title {
	const char *text;
	enum kind kind;
	unsigned rank;
} titles[] = {
	{ "ID", KIND_NUMBER, 0 },
	{ "COMMAND", KIND_WHOLE, 0 },
	{ "SERVICE", KIND_NAME, 1 },
	{ "BACKEND", KIND_NAME, 0 },
	{ "CLIENT", KIND_WHOLE, 0 },
	{ "STATE", KIND_WHOLE, 0 },
	{ "HEALTH", KIND_WHOLE, 0 },
	{ "ACTIVE", KIND_NUMBER, 0 },
	{ "SHARE/%", KIND_NUMBER, 0 },
	{ "CHECK", KIND_TEXT, 1 },
	{ "RESULT", KIND_TEXT, 0 },
	{ "WHAT IT DOES", KIND_TEXT, 0 },
	{ "SET", KIND_WHOLE, 1 },
	{ "LEVEL", KIND_WHOLE, 1 },
	{ "AGE", KIND_NUMBER, 2 },
	{ "CONNS/S", KIND_NUMBER, 2 },
	{ "IDLE", KIND_NUMBER, 3 },
	{ "ADDRESS", KIND_WHOLE, 3 },
	{ "FAILED", KIND_NUMBER, 3 },
	{ "SLOTS", KIND_NUMBER, 3 },
	{ "TOOK/MS", KIND_NUMBER, 3 },
	{ "WEIGHT", KIND_NUMBER, 4 },
	{ "TOTAL", KIND_NUMBER, 5 },
	{ "ARGUMENTS", KIND_WHOLE, 5 },
	{ "TO-BACKEND", KIND_NUMBER, 6 },
	{ "TO-CLIENT", KIND_NUMBER, 6 },
	{ "ROLE", KIND_WHOLE, 7 },
	{ "ZONE", KIND_WHOLE, 8 },
	{ "WORKER", KIND_NUMBER, 8 },
};

struct cell {
	const char *text;
	size_t len;
};

struct column {
	enum kind kind;
	unsigned rank;
	bool dropped;
	size_t needs; /* for its widest cell */
	size_t width;
};

struct layout {
	struct column column[COLUMNS_MAX];
	size_t columns;
	size_t indent;
};

/* ---- reading a table ----------------------------------------------------- */

/* Splits a line at two or more spaces; cell number `most` takes the rest.
 * Returns the number of cells. */
static size_t
split(const char *line, struct cell *cell, size_t most)
{
	size_t count = 0;

	for (line += strspn(line, " "); *line != '\0'; count++) {
		const char *end = strstr(line, "  ");
		const size_t len = strlen(line);

		cell[count].text = line;
		cell[count].len = end == NULL || count + 1 == most
		    ? len
		    : (size_t)(end - line);
		line += cell[count].len;
		line += strspn(line, " ");
	}
	return count;
}

/* "TO-BACKEND", "CONNS/S" */
static bool
is_title(const struct cell *cell)
{
	bool letter = false;

	for (size_t i = 0; i < cell->len; i++) {
		const unsigned char byte = (unsigned char)cell->text[i];

		if (!isupper(byte) && !isdigit(byte) && byte != ' ' &&
		    byte != '-' && byte != '/' && byte != '%')
			return false;
		letter |= isupper(byte) != 0;
	}
	return letter;
}

static bool
is_titles(const char *line)
{
	struct cell cell[COLUMNS_MAX];
	const size_t count = split(line, cell, COLUMNS_MAX);

	for (size_t i = 0; i < count; i++)
		if (!is_title(&cell[i]))
			return false;
	return count > 1;
}

static const struct title *
find_title(const struct cell *cell)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (strlen(titles[i].text) == cell->len &&
		    memcmp(titles[i].text, cell->text, cell->len) == 0)
			return &titles[i];
	return NULL;
}

static bool
is_number(const struct cell *cell)
{
	if (cell->len == 1 && cell->text[0] == '-')
		return true;
	return isdigit((unsigned char)cell->text[0]) &&
	    memchr(cell->text, ':', cell->len) == NULL;
}

static void
add_row(struct layout *layout, const struct cell *cell)
{
	for (size_t i = 0; i < layout->columns; i++) {
		struct column *column = &layout->column[i];

		if (cell[i].len > column->needs)
			column->needs = cell[i].len;
		if (column->kind == KIND_UNKNOWN && !is_number(&cell[i]))
			column->kind = KIND_TEXT;
	}
}

static void
read_table(const struct fit *fit, struct layout *layout)
{
	struct cell cell[COLUMNS_MAX];

	*layout = (struct layout){ .indent = strspn(fit->lines[0], " ") };
	layout->columns = split(fit->lines[0], cell, COLUMNS_MAX);
	for (size_t i = 0; i < layout->columns; i++) {
		const struct title *title = find_title(&cell[i]);
		struct column *column = &layout->column[i];

		column->kind = title != NULL ? title->kind : KIND_UNKNOWN;
		column->rank = title != NULL ? title->rank : UNKNOWN_RANK;
		column->needs = cell[i].len;
	}
	layout->column[0].rank = 0;
	for (size_t n = 1; n < fit->count; n++)
		if (!is_titles(fit->lines[n]) &&
		    split(fit->lines[n], cell, layout->columns) ==
			layout->columns)
			add_row(layout, cell);
	for (size_t i = 0; i < layout->columns; i++)
		if (layout->column[i].kind == KIND_UNKNOWN)
			layout->column[i].kind = KIND_NUMBER;
	/* a number stands at the right of its column: that is no indent */
	if (layout->column[0].kind == KIND_NUMBER)
		layout->indent = 0;
}

/* ---- the layout ---------------------------------------------------------- */

static bool
may_shrink(const struct column *column)
{
	return column->kind == KIND_NAME || column->kind == KIND_TEXT;
}

static size_t
width_of(const struct layout *layout)
{
	size_t width = layout->indent;

	for (size_t i = 0; i < layout->columns; i++)
		if (!layout->column[i].dropped)
			width += layout->column[i].width + GAP;
	return width - GAP;
}

/* Drops the least important column; of several, the last one.  False when only
 * essential columns are left. */
static bool
drop_one(struct layout *layout)
{
	struct column *least = NULL;

	for (size_t i = 0; i < layout->columns; i++) {
		struct column *column = &layout->column[i];

		if (!column->dropped && column->rank > 0 &&
		    (least == NULL || column->rank >= least->rank))
			least = column;
	}
	if (least != NULL)
		least->dropped = true;
	return least != NULL;
}

/* Gives the remaining width to the columns that were shortened. */
static void
widen(struct layout *layout, size_t room)
{
	bool widened = true;

	while (room > 0 && widened) {
		widened = false;
		for (size_t i = 0; i < layout->columns && room > 0; i++) {
			struct column *column = &layout->column[i];

			if (column->dropped || column->width >= column->needs)
				continue;
			column->width++;
			room--;
			widened = true;
		}
	}
}

static void
lay_out(struct layout *layout, size_t width)
{
	for (size_t i = 0; i < layout->columns; i++) {
		struct column *column = &layout->column[i];

		column->width = column->needs;
		if (may_shrink(column) && column->width > SHORT)
			column->width = SHORT;
	}
	while (width_of(layout) > width && drop_one(layout))
		continue;
	if (width_of(layout) < width)
		widen(layout, width - width_of(layout));
}

/* ---- writing ------------------------------------------------------------- */

/* Whether a cut before text[at] would be within a character of UTF-8. */
static bool
is_within(const char *text, size_t at)
{
	return ((unsigned char)text[at] & 0xc0) == 0x80;
}

/* Writes at most `width` bytes of the text, with a MARK for what is left out:
 * at the end, or before the last `tail` bytes. */
static size_t
shorten(char *out, const struct cell *cell, size_t width, size_t tail)
{
	size_t head = width - tail - 1, from = cell->len - tail;

	while (head > 0 && is_within(cell->text, head))
		head--;
	while (from < cell->len && is_within(cell->text, from))
		from++;
	memmove(out, cell->text, head); /* put_row() shortens in place */
	out[head] = MARK;
	memcpy(out + head + 1, cell->text + from, cell->len - from);
	return head + 1 + cell->len - from;
}

static size_t
put_cell(char *out, const struct column *column, const struct cell *cell)
{
	const size_t width = column->width;
	size_t len = cell->len;

	if (len > width) {
		len = shorten(out, cell, width,
		    column->kind == KIND_NAME ? width / 2 : 0);
		memset(out + len, ' ', width - len);
	} else if (column->kind == KIND_NUMBER) {
		memset(out, ' ', width - len);
		memcpy(out + width - len, cell->text, len);
	} else {
		memcpy(out, cell->text, len);
		memset(out + len, ' ', width - len);
	}
	return width;
}

/* Even the essential columns may be too wide: then the line is cut. */
static void
put_row(const struct fit *fit, const struct layout *layout,
    const struct cell *cell)
{
	char *line = malloc(width_of(layout) + GAP + 1);
	size_t len = layout->indent;

	if (line == NULL)
		return;
	memset(line, ' ', len);
	for (size_t i = 0; i < layout->columns; i++) {
		if (layout->column[i].dropped)
			continue;
		len += put_cell(line + len, &layout->column[i], &cell[i]);
		memset(line + len, ' ', GAP);
		len += GAP;
	}
	while (len > 0 && line[len - 1] == ' ')
		len--;
	if (len > fit->width)
		len = shorten(line, &(struct cell){ .text = line, .len = len },
		    fit->width, 0);
	fit->put(fit->owner, line, len);
	free(line);
}

/* How much of the text goes on a line of so many columns. */
static size_t
break_at(const char *text, size_t width)
{
	size_t at = width;

	if (strlen(text) <= width)
		return strlen(text);
	while (at > 0 && text[at] != ' ')
		at--;
	if (at > 0)
		return at;
	/* one long word */
	for (at = width; at > 1 && is_within(text, at); at--)
		continue;
	return at;
}

static void
put_text(const struct fit *fit, const char *text)
{
	const size_t first = strspn(text, " ");
	size_t indent = first < fit->width / 2 ? first : 0;

	text += first;
	do {
		char line[WIDEST];
		const size_t len = break_at(text, fit->width - indent);

		memset(line, ' ', indent);
		memcpy(line + indent, text, len);
		fit->put(fit->owner, line, indent + len);
		text += len;
		text += strspn(text, " ");
		indent = first + INDENT < fit->width / 2 ? first + INDENT : 0;
	} while (*text != '\0');
}

static void
put_table(struct fit *fit)
{
	struct cell cell[COLUMNS_MAX];
	struct layout layout;

	read_table(fit, &layout);
	lay_out(&layout, fit->width);
	for (size_t n = 0; n < fit->count; n++)
		if (split(fit->lines[n], cell, layout.columns) ==
		    layout.columns)
			put_row(fit, &layout, cell);
		else
			put_text(fit, fit->lines[n]);
}

/* ---- lines --------------------------------------------------------------- */

size_t
fit_terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long width = 0;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns != NULL)
		width = strtol(columns, NULL, 10);
	if (width <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0 || width > WIDEST)
		return 0;
	return width < NARROWEST ? NARROWEST : (size_t)width;
}

bool
fit_suits(const char *command)
{
	static const char *const exact[] = { "config", "save", "monitor" };

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (strcmp(command, exact[i]) == 0)
			return false;
	return true;
}

static bool
keep(struct fit *fit, const char *line)
{
	if (fit->count == fit->room) {
		const size_t room = fit->room == 0 ? 64 : 2 * fit->room;
		char **lines = realloc(fit->lines, room * sizeof(*lines));

		if (lines == NULL)
			return false;
		fit->lines = lines;
		fit->room = room;
	}
	fit->lines[fit->count] = strdup(line);
	return fit->lines[fit->count] != NULL && ++fit->count > 0;
}

void
fit_line(struct fit *fit, const char *line)
{
	if (fit->width == 0) {
		fit->put(fit->owner, line, strlen(line));
		return;
	}
	if (is_titles(line) &&
	    (fit->count == 0 || strcmp(line, fit->lines[0]) != 0))
		fit_end(fit);
	else if (fit->count == 0) {
		put_text(fit, line);
		return;
	}
	if (keep(fit, line))
		return;
	fit_end(fit); /* no memory for more */
	put_text(fit, line);
}

void
fit_end(struct fit *fit)
{
	if (fit->count > 0)
		put_table(fit);
	for (size_t i = 0; i < fit->count; i++)
		free(fit->lines[i]);
	free(fit->lines);
	fit->lines = NULL;
	fit->count = fit->room = 0;
}
