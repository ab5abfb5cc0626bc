/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The health word and the counts of a backend: packing and unpacking a word
 * gives the same values, availability is the AND of the states, and a backend
 * is unused only if neither a reference nor a conn holds it.
 */
#include "lb4/model/backend.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct backend *
backend_make(void)
{
	struct addr addr;
	struct backend *backend;

	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:80", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	backend = backend_new(7, "web", "app1", &addr, 3);
	ck_assert_ptr_nonnull(backend);
	ck_assert(addr_equal(&backend->addr, &addr));
	return backend;
}

START_TEST(health_word)
{
	for (int result = 0; result < HEALTH_RESULT_COUNT; result++) {
		for (int down = 0; down < 2; down++) {
			uint32_t word = health_pack(down, result, 0xabcd);

			ck_assert_int_eq(health_is_down(word), down);
			ck_assert_int_eq(health_result(word), result);
			ck_assert_uint_eq(health_detail(word), 0xabcd);
		}
	}
	ck_assert(!health_is_down(0));
	ck_assert_int_eq(health_result(0), HEALTH_UNKNOWN);
}
END_TEST

START_TEST(names)
{
	for (int i = 0; i < HEALTH_RESULT_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(health_result_name(i),
			    health_result_name(j));
	for (int i = 0; i < ADMIN_STATE_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(admin_state_name(i),
			    admin_state_name(j));
	for (int i = 0; i < AGENT_STATE_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(agent_state_name(i),
			    agent_state_name(j));
	for (int i = 0; i < BACKEND_STATE_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(backend_state_name(i),
			    backend_state_name(j));
	ck_assert_str_eq(health_result_name(HEALTH_RESULT_COUNT), "?");
	ck_assert_str_eq(admin_state_name(ADMIN_STATE_COUNT), "?");
}
END_TEST

START_TEST(a_new_one)
{
	struct backend *backend = backend_make();

	ck_assert_uint_eq(backend->id, 7);
	ck_assert_str_eq(backend->service, "web");
	ck_assert_str_eq(backend->name, "app1");
	ck_assert_uint_eq(backend->workers, 3);
	ck_assert_uint_eq((uintptr_t)backend % 64, 0);
	ck_assert_uint_eq((uintptr_t)&backend->stats[2] % 64, 0);
	ck_assert_uint_eq(atomic_load(&backend->stats[2].conns), 0);
	ck_assert(backend_is_available(backend));
	backend_free(backend);
	backend_free(NULL);
	backend_unref(NULL);
}
END_TEST

START_TEST(available_is_the_and)
{
	struct backend *backend = backend_make();

	for (int down = 0; down < 2; down++) {
		for (int admin = 0; admin < ADMIN_STATE_COUNT; admin++) {
			atomic_store(&backend->health,
			    health_pack(down, HEALTH_RESET, 0));
			atomic_store(&backend->admin, (uint32_t)admin);
			ck_assert_int_eq(backend_is_available(backend),
			    !down && admin == ADMIN_READY);
		}
	}
	backend_free(backend);
}
END_TEST

/* It became available when the last thing that kept it from that ended. */
START_TEST(since_when_it_is_available)
{
	struct backend *backend = backend_make();
	uint32_t up = health_pack(false, HEALTH_PASSED, 0);
	uint32_t down = health_pack(true, HEALTH_REFUSED, 0);

	ck_assert_uint_eq(backend_since_ms(backend), 0);
	backend_set_health(backend, up, 10);
	backend_set_admin(backend, ADMIN_READY, 10);
	ck_assert_uint_eq(backend_since_ms(backend), 0);
	backend_set_health(backend, down, 20);
	ck_assert(health_is_down(atomic_load(&backend->health)));
	ck_assert_uint_eq(backend_since_ms(backend), 0);
	backend_set_health(backend, up, 30);
	ck_assert_uint_eq(backend_since_ms(backend), 30);
	backend_set_admin(backend, ADMIN_DRAIN, 40);
	backend_set_admin(backend, ADMIN_MAINT, 50);
	ck_assert_uint_eq(atomic_load(&backend->admin), ADMIN_MAINT);
	ck_assert_uint_eq(backend_since_ms(backend), 30);
	backend_set_admin(backend, ADMIN_READY, 60);
	ck_assert_uint_eq(backend_since_ms(backend), 60);
	backend_set_admin(backend, ADMIN_READY, 70);
	ck_assert_uint_eq(backend_since_ms(backend), 60);
	backend_free(backend);
}
END_TEST

START_TEST(reserves_below_the_limit)
{
	struct backend *backend = backend_make();

	ck_assert(!backend_reserve(backend, 0));
	ck_assert(backend_reserve(backend, 2));
	ck_assert(backend_reserve(backend, 2));
	ck_assert(!backend_reserve(backend, 2));
	ck_assert(!backend_reserve(backend, 1));
	ck_assert_uint_eq(atomic_load(&backend->active), 2);
	ck_assert(backend_reserve(backend, UINT32_MAX));
	ck_assert_uint_eq(atomic_load(&backend->active), 3);
	backend_free(backend);
}
END_TEST

/* Each part alone, and which of two names the state. */
START_TEST(effective_state)
{
	const uint32_t down = health_pack(true, HEALTH_REFUSED, 5);
	static const struct {
		enum admin_state admin;
		enum agent_state agent;
		bool joining, down, ejected;
		enum backend_state state;
	} rows[] = {
		{ ADMIN_READY, AGENT_NONE, false, false, false, BACKEND_UP },
		{ ADMIN_READY, AGENT_UP, false, false, false, BACKEND_UP },
		{ ADMIN_READY, AGENT_NONE, false, true, false, BACKEND_DOWN },
		{ ADMIN_READY, AGENT_UP, false, true, false, BACKEND_DOWN },
		{ ADMIN_READY, AGENT_DOWN, false, false, false, BACKEND_DOWN },
		{ ADMIN_READY, AGENT_UP, false, false, true, BACKEND_EJECTED },
		{ ADMIN_READY, AGENT_UP, false, true, true, BACKEND_DOWN },
		{ ADMIN_READY, AGENT_UP, true, true, true, BACKEND_JOINING },
		{ ADMIN_DRAIN, AGENT_DOWN, true, true, true, BACKEND_DRAIN },
		{ ADMIN_READY, AGENT_DRAIN, false, true, false, BACKEND_DRAIN },
		{ ADMIN_DRAIN, AGENT_MAINT, false, true, false, BACKEND_MAINT },
		{ ADMIN_MAINT, AGENT_DRAIN, true, true, true, BACKEND_MAINT },
	};
	struct backend *backend = backend_make();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		backend_set_admin(backend, rows[i].admin, 1);
		backend_set_agent(backend, rows[i].agent, 1);
		backend_set_joining(backend, rows[i].joining);
		backend_set_health(backend, rows[i].down ? down : 0, 1);
		backend_set_passive(backend, rows[i].ejected ? down : 0, 1);
		ck_assert_msg(backend_state(backend) == rows[i].state,
		    "row %zu: %s", i,
		    backend_state_name(backend_state(backend)));
		ck_assert_int_eq(backend_is_available(backend),
		    rows[i].state == BACKEND_UP);
	}
	backend_free(backend);
}
END_TEST

START_TEST(each_part_has_its_since)
{
	const uint32_t ejected = health_pack(true, HEALTH_NO_ANSWER, 5);
	struct backend *backend = backend_make();
	char text[HEALTH_TEXT_MAX];

	backend_set_passive(backend, ejected, 100);
	backend_set_agent(backend, AGENT_DOWN, 200);
	ck_assert_uint_eq(backend->passive_since_ms, 100);
	ck_assert_uint_eq(backend->agent_since_ms, 200);
	ck_assert_uint_eq(backend_since_ms(backend), 0);
	ck_assert_str_eq(passive_text(ejected, text, sizeof(text)),
	    "5 failures in a row, the last: no answer");
	/* another reason is no change */
	backend_set_passive(backend, health_pack(true, HEALTH_RESET, 6), 300);
	ck_assert_uint_eq(backend->passive_since_ms, 100);
	backend_set_passive(backend, 0, 400);
	ck_assert_uint_eq(backend->passive_since_ms, 400);
	ck_assert_uint_eq(backend_since_ms(backend), 400);
	backend_set_agent(backend, AGENT_UP, 500);
	ck_assert_uint_eq(backend_since_ms(backend), 500);
	ck_assert_str_eq(passive_text(0, text, sizeof(text)), "no failures");
	backend_free(backend);
}
END_TEST

START_TEST(unused_when_nothing_holds_it)
{
	struct backend *backend = backend_make();

	ck_assert(!backend_is_unused(backend));
	backend_ref(backend);
	atomic_fetch_add(&backend->active, 1);
	backend_unref(backend);
	ck_assert(!backend_is_unused(backend));
	backend_unref(backend);
	ck_assert(!backend_is_unused(backend));
	atomic_fetch_sub(&backend->active, 1);
	ck_assert(backend_is_unused(backend));
	backend_free(backend);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backend");
	TCase *tc = tcase_create("backend");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, health_word);
	tcase_add_test(tc, names);
	tcase_add_test(tc, a_new_one);
	tcase_add_test(tc, available_is_the_and);
	tcase_add_test(tc, since_when_it_is_available);
	tcase_add_test(tc, reserves_below_the_limit);
	tcase_add_test(tc, effective_state);
	tcase_add_test(tc, each_part_has_its_since);
	tcase_add_test(tc, unused_when_nothing_holds_it);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
