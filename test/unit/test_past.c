/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The history for the status page: rates, what is new and gone, its bounds. */
#include "lb4/http/past.h"

#include <check.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/model/service.h"
#include "lb4/table/table.h"
#include "table_config.h"

#define BEGAN_MS 5000

static struct config *config;
static struct tables tables;
static struct past *past;
static json_t *told;
static uint64_t now_ms;

static void
publish(void)
{
	ck_assert_int_eq(tables_publish(&tables, config, &config->hash_seed),
	    0);
}

static void
setup(void)
{
	struct config_service *service;

	config = table_config_new();
	service = table_config_service(config, "web", BALANCE_ROUNDROBIN);
	table_config_backends(service, 2, NULL);
	tables_init(&tables, 1);
	publish();
	past = past_new();
	ck_assert_ptr_nonnull(past);
	now_ms = 10000;
	told = NULL;
}

static void
teardown(void)
{
	json_decref(told);
	past_free(past);
	tables_done(&tables);
	table_config_free(config);
}

/* A sample, four seconds after the last one. */
static void
look(void)
{
	ck_assert(past_look(past, &tables, now_ms));
	ck_assert(!past_look(past, &tables, now_ms + PAST_STEP_MS - 1));
	now_ms += PAST_STEP_MS;
}

static void
accept_some(uint64_t conns)
{
	struct service_state *state = table_current(&tables)->service[0]->state;

	atomic_fetch_add(&state->stats[0].accepted, conns);
}

static void
tell(void)
{
	size_t len;
	char *text = past_text(past, BEGAN_MS, &len);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), len);
	json_decref(told);
	told = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(told);
	free(text);
}

/* A list of the service. */
static json_t *
list(const char *name)
{
	return json_object_get(json_array_get(json_object_get(told, "services"),
				   0),
	    name);
}

START_TEST(rates)
{
	tell();
	ck_assert_uint_eq(json_array_size(json_object_get(told, "uptime_ms")),
	    0);
	look();
	accept_some(10);
	look();
	look();
	tell();
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(told,
							       "uptime_ms"),
			     1)),
	    10000 + PAST_STEP_MS - BEGAN_MS);
	ck_assert_uint_eq(json_array_size(list("accepted")), 3);
	ck_assert(json_is_null(json_array_get(list("accepted"), 0)));
	ck_assert(json_number_value(json_array_get(list("accepted"), 1)) ==
	    2.5);
	ck_assert(json_number_value(json_array_get(list("accepted"), 2)) == 0);
	ck_assert(json_number_value(json_array_get(list("active"), 0)) == 0);
	ck_assert_uint_eq(json_array_size(json_object_get(told, "backends")),
	    2);
}
END_TEST

/* The oldest values make room, and lists stay equally long. */
START_TEST(bounds)
{
	for (int i = 0; i < PAST_SAMPLES + 7; i++) {
		accept_some(4);
		look();
	}
	tell();
	ck_assert_uint_eq(json_array_size(list("accepted")), PAST_SAMPLES);
	ck_assert_uint_eq(json_array_size(json_object_get(told, "uptime_ms")),
	    PAST_SAMPLES);
	for (int i = 0; i < PAST_SAMPLES; i++)
		ck_assert(json_number_value(json_array_get(list("accepted"),
			      (size_t)i)) == 1);
}
END_TEST

START_TEST(comes_and_goes)
{
	struct config *other = table_config_new();
	struct config_service *service;
	json_t *services, *row;

	look();
	look();
	service = table_config_service(other, "first", BALANCE_ROUNDROBIN);
	table_config_backends(service, 1, NULL);
	service = table_config_service(other, "web", BALANCE_ROUNDROBIN);
	table_config_backends(service, 1, NULL);
	ck_assert_int_eq(tables_publish(&tables, other, &config->hash_seed), 0);
	look();
	tell();
	services = json_object_get(told, "services");
	ck_assert_uint_eq(json_array_size(services), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(told, "backends")),
	    2);
	for (size_t i = 0; i < 2; i++) {
		row = json_array_get(services, i);
		ck_assert_uint_eq(json_array_size(json_object_get(row,
				      "accepted")),
		    3);
		/* a value of the second sample has only who was there */
		ck_assert_int_eq(json_is_null(json_array_get(
				     json_object_get(row, "accepted"), 1)),
		    strcmp(json_string_value(json_object_get(row, "service")),
			"first") == 0);
	}
	table_config_free(other);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("past");
	TCase *tcase = tcase_create("past");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, rates);
	tcase_add_test(tcase, bounds);
	tcase_add_test(tcase, comes_and_goes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
