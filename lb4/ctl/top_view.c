/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Order, filter and keys: see top_view.h. */
#include "lb4/ctl/top_view.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sort_names[] = {
	[TOP_SORT_NAME] = "name",
	[TOP_SORT_CONNS] = "conns",
	[TOP_SORT_RATE] = "rate",
	[TOP_SORT_BYTES] = "bytes",
	[TOP_SORT_STATE] = "state",
};
static_assert(sizeof(sort_names) / sizeof(sort_names[0]) == TOP_SORT_COUNT,
    "a name for each order");

const char *
top_view_sort_name(enum top_sort sort)
{
	return (unsigned)sort < TOP_SORT_COUNT ? sort_names[sort] : "?";
}

/* ---- order --------------------------------------------------------------- */

/* What the row has of it: more comes first.  The unknown comes last. */
static double
sort_value(const struct top_row *row, enum top_sort sort)
{
	double value = -1;

	switch (sort) {
	case TOP_SORT_CONNS:
		return (double)row->conns;
	case TOP_SORT_RATE:
		value = row->accepted_per_s;
		break;
	case TOP_SORT_BYTES:
		value = row->to_backend_per_s + row->to_client_per_s;
		break;
	case TOP_SORT_STATE:
		return row->trouble;
	case TOP_SORT_NAME:
	case TOP_SORT_COUNT:
		break;
	}
	return isnan(value) ? -1 : value;
}

/* Equal rows are in the order of their names, and else in that of the data. */
static int
compare_rows(const struct top_view *view, const struct top_row *a,
    const struct top_row *b)
{
	const double more = sort_value(b, view->sort) -
	    sort_value(a, view->sort);
	int order = (more > 0) - (more < 0);

	if (order == 0) {
		order = strcmp(a->service, b->service);
		if (order == 0)
			order = strcmp(a->backend, b->backend);
		if (view->sort != TOP_SORT_NAME)
			return order != 0 ? order : (a > b) - (a < b);
	}
	if (order == 0)
		return (a > b) - (a < b);
	return view->reverse ? -order : order;
}

struct ordering {
	const struct top_view *view;
	const struct top_row *row; /* of the data */
};

/* A service comes before its backends. */
static int
compare(const void *one, const void *two, void *owner)
{
	const struct ordering *ordering = owner;
	const struct top_row *a = *(const struct top_row *const *)one;
	const struct top_row *b = *(const struct top_row *const *)two;
	const struct top_row *a_service = &ordering->row[a->group];
	const struct top_row *b_service = &ordering->row[b->group];

	if (a_service != b_service)
		return compare_rows(ordering->view, a_service, b_service);
	if (a == a_service || b == b_service)
		return (b == b_service) - (a == a_service);
	return compare_rows(ordering->view, a, b);
}

static bool
matches(const struct top_view *view, const struct top_row *row)
{
	char name[2 * TOP_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s%s%s", row->service,
	    row->backend[0] != '\0' ? "/" : "", row->backend);
	return strcasestr(name, view->filter) != NULL ||
	    strcasestr(row->address, view->filter) != NULL ||
	    strcasestr(row->state, view->filter) != NULL;
}

static bool
make_room(struct top_view *view, size_t rows)
{
	const struct top_row **row;

	if (rows <= view->room)
		return true;
	row = realloc(view->row, rows * sizeof(*row));
	if (row == NULL)
		return false;
	view->row = row;
	view->room = rows;
	return true;
}

int
top_view_order(struct top_view *view, const struct top_data *data)
{
	struct ordering ordering = { view, data->row };
	size_t service = 0;

	view->rows = 0;
	if (!make_room(view, data->rows))
		return -ENOMEM;
	for (size_t i = 0; i < data->rows; i++) {
		const struct top_row *row = &data->row[i];

		if (!matches(view, row))
			continue;
		/* a backend is shown below its service */
		if (row->group != i &&
		    (view->rows == 0 || service != row->group))
			view->row[view->rows++] = &data->row[row->group];
		view->row[view->rows++] = row;
		service = row->group;
	}
	if (view->rows > 0)
		qsort_r(view->row, view->rows, sizeof(*view->row), compare,
		    &ordering);
	return 0;
}

void
top_view_fit(struct top_view *view, size_t page)
{
	view->page = page;
	if (view->rows <= page)
		view->scroll = 0;
	else if (view->scroll > view->rows - page)
		view->scroll = view->rows - page;
}

/* ---- keys ---------------------------------------------------------------- */

static void
set_sort(struct top_view *view, enum top_sort sort)
{
	view->sort = sort;
	view->reverse = false;
	view->scroll = 0;
}

static void
type(struct top_view *view, int key)
{
	const size_t len = strlen(view->filter);

	if (key == TOP_KEY_ESCAPE) {
		view->filter[0] = '\0';
		view->typing = false;
	} else if (key == TOP_KEY_ENTER) {
		view->typing = false;
	} else if (key == TOP_KEY_BACKSPACE && len > 0) {
		view->filter[len - 1] = '\0';
	} else if (key > ' ' && key <= '~' && len + 1 < TOP_FILTER_MAX) {
		view->filter[len] = (char)key;
		view->filter[len + 1] = '\0';
	}
	view->scroll = 0;
}

/* Whether the key scrolls; top_view_fit() sets the limit at the end. */
static bool
scroll(struct top_view *view, int key)
{
	size_t up = 0;

	switch (key) {
	case TOP_KEY_UP:
		up = 1;
		break;
	case TOP_KEY_PAGE_UP:
		up = view->page;
		break;
	case TOP_KEY_HOME:
		up = view->scroll;
		break;
	case TOP_KEY_DOWN:
		view->scroll++;
		break;
	case TOP_KEY_PAGE_DOWN:
		view->scroll += view->page;
		break;
	case TOP_KEY_END:
		view->scroll = view->rows;
		break;
	default:
		return false;
	}
	view->scroll = up < view->scroll ? view->scroll - up : 0;
	top_view_fit(view, view->page);
	return true;
}

void
top_view_key(struct top_view *view, int key)
{
	static const char letters[] = {
		[TOP_SORT_NAME] = 'n',
		[TOP_SORT_CONNS] = 'c',
		[TOP_SORT_RATE] = 'r',
		[TOP_SORT_BYTES] = 'b',
		[TOP_SORT_STATE] = 's',
	};

	if (scroll(view, key))
		return;
	if (view->typing) {
		type(view, key);
		return;
	}
	for (int i = 0; i < TOP_SORT_COUNT; i++)
		if (key == letters[i])
			set_sort(view, (enum top_sort)i);
	if (key == 'q') {
		view->quit = true;
	} else if (key == 'R') {
		view->reverse = !view->reverse;
	} else if (key == 'p') {
		view->paused = !view->paused;
	} else if (key == '/') {
		view->typing = true;
		view->help = false;
	} else if (key == 'h' || key == '?') {
		view->help = !view->help;
	} else if (key == TOP_KEY_ESCAPE && view->help) {
		view->help = false;
	} else if (key == TOP_KEY_ESCAPE) {
		view->filter[0] = '\0';
		view->scroll = 0;
	}
}

void
top_view_done(struct top_view *view)
{
	free(view->row);
	view->row = NULL;
	view->rows = view->room = 0;
}
