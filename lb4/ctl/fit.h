/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Fits an answer to the width of a terminal.  Tables are recognised by their
 * titles, a line in capitals.  Each column becomes as wide as its cells need.
 * When that is too wide, names and texts are shortened, then the less important
 * columns are dropped.  Other lines are broken between words.
 */
#ifndef LB4_CTL_FIT_H
#define LB4_CTL_FIT_H

#include <stdbool.h>
#include <stddef.h>

/* Takes a line, without its newline. */
typedef void (*fit_put)(void *owner, const char *line, size_t len);

struct fit {
	size_t width; /* in columns; 0: lines pass as they are */
	fit_put put;
	void *owner;

	/* the table that is being read; lines[0] has the titles */
	char **lines; /* owned */
	size_t count, room;
};

/* The width of the terminal on standard output: COLUMNS, or the width that the
 * kernel has (TIOCGWINSZ).  0: not a terminal, or its width is unknown. */
size_t fit_terminal_width(void);

/* Whether the answer to that command may be fitted.  The text of a file or a
 * patch may not be, and events must be printed as they arrive. */
bool fit_suits(const char *command);

/* Takes the next line, without control characters.  Lines of a table are kept
 * until the table ends; other lines are printed at once. */
void fit_line(struct fit *fit, const char *line);

/* Prints the lines that were kept.  `fit` can be used again. */
void fit_end(struct fit *fit);

#endif
