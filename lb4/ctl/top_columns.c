/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Columns: see top_columns.h. */
#include "lb4/ctl/top_columns.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lb4/ctl/top_text.h"

#define GAP 1 /* between columns */

/* Names and addresses are not made wider than this, nor is the sparkline until
 * the reasons have all that they need. */
#define NAME_WIDEST 40
#define ADDRESS_WIDEST 48
#define MINUTE_ENOUGH 30

static const struct {
	const char *title;
	size_t least;  /* as wide at least */
	unsigned rank; /* the highest is left out first, 0 never */
	bool right;
} columns[] = {
	[TOP_COLUMN_NAME] = { "NAME", 14, 0, false },
	[TOP_COLUMN_ADDRESS] = { "ADDRESS", 15, 9, false },
	[TOP_COLUMN_STATE] = { "STATE", 7, 0, false },
	[TOP_COLUMN_WEIGHT] = { "WEIGHT", 6, 8, true },
	[TOP_COLUMN_CONNS] = { "CONNS", 5, 1, true },
	[TOP_COLUMN_SHARE] = { "SHARE", 5, 6, true },
	[TOP_COLUMN_RATE] = { "CONN/S", 6, 2, true },
	[TOP_COLUMN_IN] = { "IN/S", 6, 4, true },
	[TOP_COLUMN_OUT] = { "OUT/S", 6, 4, true },
	[TOP_COLUMN_FAILED] = { "FAILED", 6, 7, true },
	[TOP_COLUMN_MINUTE] = { "LAST MINUTE", 12, 3, false },
	[TOP_COLUMN_REASON] = { "REASON", 16, 5, false },
};
static_assert(sizeof(columns) / sizeof(columns[0]) == TOP_COLUMN_COUNT,
    "each column");

const char *
top_column_title(enum top_column column)
{
	return columns[column].title;
}

bool
top_column_right(enum top_column column)
{
	return columns[column].right;
}

/* ---- the layout ---------------------------------------------------------- */

static size_t
width_of(const struct top_columns *layout)
{
	size_t width = 0;

	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		if (layout->width[i] > 0)
			width += layout->width[i] + GAP;
	return width - GAP;
}

/* Of several with the same rank, the last one.  False when only those that are
 * always shown are left. */
static bool
leave_one_out(struct top_columns *layout)
{
	int most = -1;

	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		if (layout->width[i] > 0 && columns[i].rank > 0 &&
		    (most < 0 || columns[i].rank >= columns[most].rank))
			most = i;
	if (most >= 0)
		layout->width[most] = 0;
	return most >= 0;
}

/* The widest cell of the rows, in bytes: texts are ASCII as a rule. */
static size_t
needs(enum top_column column, const struct top_view *view)
{
	char buf[TOP_LONG_MAX];
	size_t widest = 0;

	for (size_t i = 0; i < view->rows; i++) {
		const size_t len = strlen(top_column_text(column, view->row[i],
		    buf));

		if (len > widest)
			widest = len;
	}
	return widest;
}

/* Widens the column up to `most`, as far as there is room. */
static void
widen(struct top_columns *layout, enum top_column column, size_t most,
    size_t *room)
{
	size_t *width = &layout->width[column];
	size_t more;

	if (*width == 0 || *width >= most)
		return;
	more = most - *width < *room ? most - *width : *room;
	*width += more;
	*room -= more;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

void
top_columns_fit(struct top_columns *layout, size_t width,
    const struct top_view *view)
{
	size_t room = 0, at = 0;

	for (int i = 0; i < TOP_COLUMN_COUNT; i++)
		layout->width[i] = columns[i].least;
	while (width_of(layout) > width && leave_one_out(layout))
		continue;
	if (width_of(layout) < width)
		room = width - width_of(layout);
	widen(layout, TOP_COLUMN_NAME,
	    smaller(needs(TOP_COLUMN_NAME, view), NAME_WIDEST), &room);
	widen(layout, TOP_COLUMN_ADDRESS,
	    smaller(needs(TOP_COLUMN_ADDRESS, view), ADDRESS_WIDEST), &room);
	widen(layout, TOP_COLUMN_MINUTE, MINUTE_ENOUGH, &room);
	widen(layout, TOP_COLUMN_REASON, needs(TOP_COLUMN_REASON, view), &room);
	widen(layout, TOP_COLUMN_MINUTE, TOP_SECONDS, &room);
	for (int i = 0; i < TOP_COLUMN_COUNT; i++) {
		layout->at[i] = at;
		if (layout->width[i] > 0)
			at += layout->width[i] + GAP;
	}
}

/* ---- cells --------------------------------------------------------------- */

/* What only a backend has. */
static const char *
backend_text(enum top_column column, const struct top_row *row,
    char buf[TOP_LONG_MAX])
{
	if (row->backend[0] == '\0')
		return "";
	if (column == TOP_COLUMN_WEIGHT)
		return top_text_number((double)row->weight, buf);
	if (!(row->share >= 0))
		return "-";
	(void)snprintf(buf, TOP_LONG_MAX, "%.0f%%", row->share * 100);
	return buf;
}

const char *
top_column_text(enum top_column column, const struct top_row *row,
    char buf[TOP_LONG_MAX])
{
	switch (column) {
	case TOP_COLUMN_NAME:
		if (row->backend[0] == '\0')
			return row->service;
		(void)snprintf(buf, TOP_LONG_MAX, "  %s", row->backend);
		return buf;
	case TOP_COLUMN_ADDRESS:
		return row->address;
	case TOP_COLUMN_STATE:
		return row->state;
	case TOP_COLUMN_WEIGHT:
	case TOP_COLUMN_SHARE:
		return backend_text(column, row, buf);
	case TOP_COLUMN_CONNS:
		return top_text_number((double)row->conns, buf);
	case TOP_COLUMN_RATE:
		return top_text_number(row->accepted_per_s, buf);
	case TOP_COLUMN_IN:
		return top_text_bytes(row->to_backend_per_s, buf);
	case TOP_COLUMN_OUT:
		return top_text_bytes(row->to_client_per_s, buf);
	case TOP_COLUMN_FAILED:
		return top_text_number((double)row->failed, buf);
	case TOP_COLUMN_REASON:
		return row->reason;
	case TOP_COLUMN_MINUTE:
	case TOP_COLUMN_COUNT:
		break;
	}
	return "";
}
