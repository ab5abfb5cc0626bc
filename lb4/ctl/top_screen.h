/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The screen of lb4ctl top, by ncurses.  It is drawn as a whole each time, for
 * the size that the terminal has then; ncurses writes what differs.  From the
 * top: the node, its totals, its workers, titles, rows, keys.  A small terminal
 * gets fewer of these lines, and a narrow one fewer columns.
 */
#ifndef LB4_CTL_TOP_SCREEN_H
#define LB4_CTL_TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "lb4/ctl/top_data.h"
#include "lb4/ctl/top_view.h"

struct screen; /* of ncurses */

struct top_screen {
	struct screen *screen; /* NULL: not open */
	bool color;
	bool utf8; /* the locale's characters */
};

/* What is drawn. */
struct top_picture {
	const struct top_data *data;
	struct top_view *view; /* its rows are in order */
	unsigned interval_ms;
	const char *away; /* NULL: lb4 answers; else what to say of it */
};

/* Takes over the terminal of standard input and output.  Returns 0, or -errno:
 * -ENOTTY when one of them is none, -ENXIO when the type of the terminal is
 * unknown (TERM). */
must_check int top_screen_open(struct top_screen *screen, bool color);

/* Restores the terminal. */
void top_screen_close(struct top_screen *screen);

/* Restores it until the next top_screen_draw(). */
void top_screen_leave(const struct top_screen *screen);

/* The next key that was pressed, a character or an enum top_key; -1: none. */
int top_screen_key(void);

void top_screen_draw(const struct top_screen *screen,
    const struct top_picture *picture);

#endif
