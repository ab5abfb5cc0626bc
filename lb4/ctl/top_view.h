/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Which rows lb4ctl top shows, and in which order: sorting, the filter, the
 * place that was scrolled to, and what keys change of these.  Pure.
 */
#ifndef LB4_CTL_TOP_VIEW_H
#define LB4_CTL_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "lb4/ctl/top_data.h"

#define TOP_FILTER_MAX 64

enum top_sort {
	TOP_SORT_NAME,
	TOP_SORT_CONNS,
	TOP_SORT_RATE,
	TOP_SORT_BYTES,
	TOP_SORT_STATE,
	TOP_SORT_COUNT,
};

/* Keys that are no characters. */
enum top_key {
	TOP_KEY_ESCAPE = 0x1b,
	TOP_KEY_UP = 0x1000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_BACKSPACE,
};

struct top_view {
	enum top_sort sort;
	bool reverse;
	char filter[TOP_FILTER_MAX]; /* "": all rows */
	bool typing;		     /* keys change the filter */
	bool paused, help, quit;
	size_t scroll; /* the first row that is shown */
	size_t page;   /* rows that fit the screen; set by who draws */

	const struct top_row **row; /* owned; rows of the data, in order */
	size_t rows, room;
};

/* "name", "conns", ...; for any value of the enum. */
const char *top_view_sort_name(enum top_sort sort);

/* Chooses and sorts the rows of `data`, which must stay as they are while `row`
 * is used.  The services are sorted, and the backends of each.  Returns 0 or
 * -ENOMEM. */
must_check int top_view_order(struct top_view *view,
    const struct top_data *data);

/* Keeps the place within the rows, for that many rows of the screen. */
void top_view_fit(struct top_view *view, size_t page);

/* Does what the key asks for.  `key` is a character or an enum top_key. */
void top_view_key(struct top_view *view, int key);

void top_view_done(struct top_view *view);

#endif
