/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The columns of lb4ctl top: which ones a width has room for, how wide each is,
 * and the text of a cell.  Pure.
 */
#ifndef LB4_CTL_TOP_COLUMNS_H
#define LB4_CTL_TOP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "lb4/ctl/top_data.h"
#include "lb4/ctl/top_view.h"

enum top_column {
	TOP_COLUMN_NAME,
	TOP_COLUMN_ADDRESS,
	TOP_COLUMN_STATE,
	TOP_COLUMN_WEIGHT,
	TOP_COLUMN_CONNS,
	TOP_COLUMN_SHARE,
	TOP_COLUMN_RATE,
	TOP_COLUMN_IN,
	TOP_COLUMN_OUT,
	TOP_COLUMN_FAILED,
	TOP_COLUMN_MINUTE, /* a sparkline */
	TOP_COLUMN_REASON,
	TOP_COLUMN_COUNT,
};

struct top_columns {
	size_t width[TOP_COLUMN_COUNT]; /* 0: left out */
	size_t at[TOP_COLUMN_COUNT];	/* where it begins */
};

/* The title, and whether the cells stand at the right. */
const char *top_column_title(enum top_column column);
bool top_column_right(enum top_column column);

/* Lays the columns out for the rows of the view. */
void top_columns_fit(struct top_columns *layout, size_t width,
    const struct top_view *view);

/* The text of a cell other than the sparkline.  Returns it, in `buf` or within
 * the row. */
const char *top_column_text(enum top_column column, const struct top_row *row,
    char buf[TOP_LONG_MAX]);

#endif
