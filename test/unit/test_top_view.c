/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What is shown, and where: order, filter, scrolling and keys; columns that fit
 * any width; numbers, times and sparklines.
 */
#include "lb4/ctl/top_view.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "lb4/ctl/top_columns.h"
#include "lb4/ctl/top_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct top_row rows[] = {
	{ .service = "web", .group = 0, .state = "up", .conns = 5 },
	{ .service = "web", .backend = "a", .group = 0, .state = "up" },
	{ .service = "web",
	    .backend = "b",
	    .group = 0,
	    .state = "down",
	    .conns = 5,
	    .trouble = 5,
	    .address = "10.0.0.2:80",
	    .reason = "connection refused, down for 12s" },
	{ .service = "api", .group = 3, .state = "up", .conns = 9 },
	{ .service = "api", .backend = "z", .group = 3, .state = "up" },
};
static const struct top_data data = { .row = rows, .rows = COUNT(rows) };
static struct top_view view;

/* "api z web a b" */
static const char *
shown(void)
{
	static char text[256];
	size_t len = 0;

	text[0] = '\0';
	ck_assert_int_eq(top_view_order(&view, &data), 0);
	for (size_t i = 0; i < view.rows; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		    i > 0 ? " " : "",
		    view.row[i]->backend[0] != '\0' ? view.row[i]->backend
						    : view.row[i]->service);
	return text;
}

static void
press(const char *keys)
{
	for (; *keys != '\0'; keys++)
		top_view_key(&view, *keys);
}

START_TEST(test_order)
{
	rows[0].accepted_per_s = 2;
	rows[1].accepted_per_s = (double)NAN;
	rows[2].accepted_per_s = 2;
	rows[3].accepted_per_s = 1;
	rows[0].trouble = 5;
	ck_assert_str_eq(shown(), "api z web a b");
	press("R");
	ck_assert_str_eq(shown(), "web b a api z");
	press("c");
	ck_assert_str_eq(shown(), "api z web b a");
	press("R");
	ck_assert_str_eq(shown(), "web a b api z");
	press("r");
	ck_assert_str_eq(shown(), "web b a api z");
	press("s");
	ck_assert_str_eq(shown(), "web b a api z");
	rows[3].to_client_per_s = 100;
	press("b");
	ck_assert_str_eq(shown(), "api z web a b");
	press("n");
	ck_assert_str_eq(top_view_sort_name(view.sort), "name");
}
END_TEST

/* A backend is shown with its service; keys are text until Enter or Esc. */
START_TEST(test_filter)
{
	press("/DOW");
	ck_assert_str_eq(shown(), "web b");
	press("q");
	ck_assert(!view.quit);
	ck_assert_str_eq(shown(), "");
	top_view_key(&view, TOP_KEY_BACKSPACE);
	top_view_key(&view, TOP_KEY_ENTER);
	ck_assert_str_eq(shown(), "web b");
	press("/");
	for (int i = 0; i < 9; i++)
		top_view_key(&view, TOP_KEY_BACKSPACE);
	ck_assert_str_eq(shown(), "api z web a b");
	press("web/a");
	ck_assert_str_eq(shown(), "web a");
	top_view_key(&view, TOP_KEY_ESCAPE);
	ck_assert(!view.typing);
	ck_assert_str_eq(shown(), "api z web a b");
	press("/10.0.0.2");
	ck_assert_str_eq(shown(), "web b");
	for (int i = 0; i < 2 * TOP_FILTER_MAX; i++)
		press("x");
	top_view_key(&view, TOP_KEY_ENTER);
	top_view_key(&view, TOP_KEY_ESCAPE);
	ck_assert_str_eq(view.filter, "");
	press("h");
	ck_assert(view.help);
	top_view_key(&view, TOP_KEY_ESCAPE);
	ck_assert(!view.help);
	press("pq");
	ck_assert(view.paused && view.quit);
}
END_TEST

START_TEST(test_scroll)
{
	(void)shown();
	top_view_fit(&view, 2);
	top_view_key(&view, TOP_KEY_UP);
	ck_assert_uint_eq(view.scroll, 0);
	top_view_key(&view, TOP_KEY_DOWN);
	top_view_key(&view, TOP_KEY_PAGE_DOWN);
	ck_assert_uint_eq(view.scroll, 3);
	top_view_key(&view, TOP_KEY_PAGE_DOWN);
	ck_assert_uint_eq(view.scroll, 3);
	top_view_key(&view, TOP_KEY_PAGE_UP);
	ck_assert_uint_eq(view.scroll, 1);
	top_view_key(&view, TOP_KEY_END);
	ck_assert_uint_eq(view.scroll, 3);
	top_view_fit(&view, 4); /* the screen has grown */
	ck_assert_uint_eq(view.scroll, 1);
	top_view_key(&view, TOP_KEY_HOME);
	ck_assert_uint_eq(view.scroll, 0);
	top_view_fit(&view, 0);
	top_view_key(&view, TOP_KEY_PAGE_DOWN);
	top_view_fit(&view, 10);
	ck_assert_uint_eq(view.scroll, 0);
}
END_TEST

/* No column goes beyond the width, as long as name and state have room. */
START_TEST(test_columns)
{
	struct top_columns columns;

	(void)shown();
	for (size_t width = 1; width < 300; width++) {
		size_t end = 0;

		top_columns_fit(&columns, width, &view);
		for (int i = 0; i < TOP_COLUMN_COUNT; i++)
			if (columns.width[i] > 0) {
				ck_assert_uint_ge(columns.at[i], end);
				end = columns.at[i] + columns.width[i];
			}
		ck_assert(end <= width || width < 22);
		ck_assert_uint_gt(columns.width[TOP_COLUMN_STATE], 0);
	}
	ck_assert_uint_ge(columns.width[TOP_COLUMN_MINUTE], TOP_SECONDS);
	top_columns_fit(&columns, 80, &view);
	ck_assert_uint_gt(columns.width[TOP_COLUMN_MINUTE], 0);
	ck_assert_uint_gt(columns.width[TOP_COLUMN_REASON], 0);
	ck_assert_uint_gt(columns.width[TOP_COLUMN_OUT], 0);
	ck_assert_uint_eq(columns.width[TOP_COLUMN_FAILED], 0);
}
END_TEST

START_TEST(test_numbers)
{
	static const struct {
		double value;
		const char *number, *bytes;
	} cases[] = {
		{ 0, "0", "0" },
		{ 0.44, "0.4", "0.4" },
		{ 9.94, "9.9", "9.9" },
		{ 9.96, "10", "10" },
		{ 999, "999", "999" },
		{ 1023.6, "1024", "1.0K" },
		{ 9999, "9999", "9.8K" },
		{ 12345, "12.3k", "12.1K" },
		{ 999999, "1.0M", "977K" },
		{ 1048000, "1.0M", "1023K" },
		{ 3e9, "3.0G", "2.8G" },
		{ -1, "-", "-" },
	};
	char buf[TOP_TEXT_MAX];

	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_str_eq(top_text_number(cases[i].value, buf),
		    cases[i].number);
		ck_assert_str_eq(top_text_bytes(cases[i].value, buf),
		    cases[i].bytes);
	}
	ck_assert_str_eq(top_text_number((double)NAN, buf), "-");
	ck_assert_uint_lt(strlen(top_text_number(1e300, buf)), TOP_TEXT_MAX);
	ck_assert_str_eq(top_text_time(59999, buf), "59s");
	ck_assert_str_eq(top_text_time(61000, buf), "1m01s");
	ck_assert_str_eq(top_text_time(3661000, buf), "1h01m");
	ck_assert_str_eq(top_text_time(UINT64_C(266400000), buf), "3d02h");
	ck_assert_uint_eq(top_text_parse_time("500ms"), 500);
	ck_assert_uint_eq(top_text_parse_time("2s"), 2000);
	ck_assert_uint_eq(top_text_parse_time("60m"), 3600000);
	ck_assert_uint_eq(top_text_parse_time("61m"), 0);
	ck_assert_uint_eq(top_text_parse_time("2"), 0);
	ck_assert_uint_eq(top_text_parse_time("s"), 0);
	ck_assert_uint_eq(top_text_parse_time("-1s"), 0);
	ck_assert_uint_eq(top_text_parse_time("1s "), 0);
	ck_assert_uint_eq(top_text_parse_time("99999999s"), 0);
}
END_TEST

START_TEST(test_spark)
{
	const float values[] = { NAN, 0, 1, 4, 8, 8 };
	wchar_t out[8] = L"";

	top_text_spark(out, 6, values, 6, true);
	ck_assert_int_eq(wcscmp(out, L" ▁▂▅██"), 0);
	top_text_spark(out, 6, values, 6, false);
	ck_assert_int_eq(wcscmp(out, L" _.=##"), 0);
	/* the mean of what is known */
	top_text_spark(out, 3, values, 6, false);
	out[3] = L'\0';
	ck_assert_int_eq(wcscmp(out, L"_-#"), 0);
	top_text_spark(out, 1, values, 1, false);
	ck_assert_int_eq(out[0], L' ');
	top_text_spark(out, 1, values + 1, 1, false);
	ck_assert_int_eq(out[0], L'_');
}
END_TEST

static void
start(void)
{
	view = (struct top_view){ .page = 2 };
}

static void
done(void)
{
	top_view_done(&view);
}

int
main(void)
{
	Suite *suite = suite_create("top_view");
	TCase *tc = tcase_create("top_view");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, start, done);
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_filter);
	tcase_add_test(tc, test_scroll);
	tcase_add_test(tc, test_columns);
	tcase_add_test(tc, test_numbers);
	tcase_add_test(tc, test_spark);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
