/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The last events: newest first, copied, cut where they are too long, and never
 * more than there is room for.
 */
#include "lb4/command/history.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct history history;

static void
setup(void)
{
	memset(&history, 0, sizeof(history));
}

START_TEST(test_empty)
{
	ck_assert_ptr_null(history_at(&history, 0));
}
END_TEST

START_TEST(test_copies)
{
	char name[CONFIG_NAME_MAX] = "app1";
	const struct history_entry *entry;

	history_add(&history, &(struct event){ "health", "web", name }, "down",
	    7);
	history_add(&history, &(struct event){ .kind = "reload" }, "done", 8);
	memset(name, 'x', 4);
	entry = history_at(&history, 0);
	ck_assert_str_eq(entry->kind, "reload");
	ck_assert_str_eq(entry->service, "");
	ck_assert_str_eq(entry->backend, "");
	ck_assert_int_eq(entry->realtime_ms, 8);
	entry = history_at(&history, 1);
	ck_assert_str_eq(entry->service, "web");
	ck_assert_str_eq(entry->backend, "app1");
	ck_assert_str_eq(entry->text, "down");
	ck_assert_ptr_null(history_at(&history, 2));
}
END_TEST

START_TEST(test_full)
{
	char text[EVENTS_TEXT_MAX + 10];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	history_add(&history, &(struct event){ .kind = text }, text, 0);
	ck_assert_uint_eq(strlen(history_at(&history, 0)->text),
	    EVENTS_TEXT_MAX - 1);
	ck_assert_uint_eq(strlen(history_at(&history, 0)->kind),
	    HISTORY_KIND_MAX - 1);
	for (int i = 0; i < 3 * HISTORY_MAX; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		history_add(&history, &(struct event){ .kind = "kill" }, text,
		    i);
	}
	for (int age = 0; age < HISTORY_MAX; age++)
		ck_assert_int_eq(history_at(&history, (size_t)age)->realtime_ms,
		    3 * HISTORY_MAX - 1 - age);
	ck_assert_ptr_null(history_at(&history, HISTORY_MAX));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("history");
	TCase *tc = tcase_create("history");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_empty);
	tcase_add_test(tc, test_copies);
	tcase_add_test(tc, test_full);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
