/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Who is told an event, and what of it. */
#include "lb4/control/events.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct heard {
	unsigned count;
	char last[2 * EVENTS_TEXT_MAX];
};

static void
hear(void *owner, const struct event *event, const char *text)
{
	struct heard *heard = owner;

	heard->count++;
	(void)snprintf(heard->last, sizeof(heard->last), "%s %s/%s %s",
	    event->kind, event->service != NULL ? event->service : "",
	    event->backend != NULL ? event->backend : "", text);
}

START_TEST(every_subscriber_is_told)
{
	struct heard one = { .count = 0 }, two = { .count = 0 };
	struct events events = { .subscribers = 0 };

	events_tell(&events, &(struct event){ .kind = "kill" }, "nobody");
	events_subscribe(&events, hear, &one);
	events_tell(&events, &(struct event){ "admin", "web", "app1" },
	    "weight %d", 3);
	ck_assert_str_eq(one.last, "admin web/app1 weight 3");
	events_subscribe(&events, hear, &two);
	events_tell(&events, &(struct event){ .kind = EVENTS_RELOAD }, "done");
	ck_assert_str_eq(one.last, "reload / done");
	ck_assert_str_eq(two.last, "reload / done");
	ck_assert_uint_eq(one.count, 2);
	ck_assert_uint_eq(two.count, 1);
}
END_TEST

START_TEST(a_long_text_is_cut)
{
	struct heard heard = { .count = 0 };
	struct events events = { .subscribers = 0 };
	char text[2 * EVENTS_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	events_subscribe(&events, hear, &heard);
	events_tell(&events, &(struct event){ .kind = "save" }, "%s", text);
	ck_assert_uint_eq(strlen(heard.last),
	    strlen("save / ") + EVENTS_TEXT_MAX - 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("events");
	TCase *tc = tcase_create("events");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, every_subscriber_is_told);
	tcase_add_test(tc, a_long_text_is_cut);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
