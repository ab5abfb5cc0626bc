/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * One target, with a simulated clock: an answer that arrives too late fails the
 * check, one that is only read late does not.
 */
#include "lb4/health/target.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/sock.h"
#include "lb4/model/backend.h"

#define START_MS 100000
#define TIMEOUT_MS 1000

/* A target whose check has been begun; it is accepted, and the request read. */
struct rig {
	struct target_env env;
	struct backend *backend;
	struct target *target;
	int listener, peer;
};

static void
look(struct rig *rig, uint64_t passed_ms, int wait_ms)
{
	(void)loop_clock_look(&rig->env.clock,
	    rig->env.clock.now_ms + passed_ms, wait_ms);
}

/* Gives the events that wait, as the prober does. */
static void
serve(struct rig *rig)
{
	struct epoll_event events[4];
	int count;

	while ((count = loop_wait(rig->env.epfd, events, 4, 0)) > 0)
		for (int i = 0; i < count; i++)
			target_on_event(&rig->env, rig->target,
			    events[i].events);
}

/* Whether the timer was due. */
static bool
turn(struct rig *rig)
{
	struct timer *timer = timer_wheel_next(&rig->env.timers,
	    rig->env.clock.now_ms);

	if (timer == NULL)
		return false;
	ck_assert_ptr_eq(timer, &rig->target->timer);
	target_on_timer(&rig->env, rig->target);
	return true;
}

static void
open_rig(struct rig *rig)
{
	struct config_check check = {
		.kind = CHECK_HTTP,
		.args = "GET /",
		.inter_ms = 86400000,
		.timeout_ms = TIMEOUT_MS,
		.rise = 1,
		.fall = 1,
	};
	struct addr addr;

	memset(rig, 0, sizeof(*rig));
	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:0", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	rig->listener = sock_listen(&addr, false, 4, NULL);
	ck_assert_int_ge(rig->listener, 0);
	rig->env.epfd = loop_open();
	loop_clock_start(&rig->env.clock, START_MS);
	timer_wheel_init(&rig->env.timers, START_MS);
	rig->backend = backend_new(1, "web", "app", &addr, 1);
	rig->target = target_new(rig->backend, NULL);
	ck_assert_ptr_nonnull(rig->target);
	ck_assert_int_eq(target_set(&rig->env, rig->target, &check, &addr), 0);
	look(rig, 500, 500); /* when the first check is due at the latest */
	ck_assert(turn(rig));
	ck_assert_uint_eq(rig->env.busy, 1);
}

static void
accept_one(struct rig *rig)
{
	char request[512];

	while ((rig->peer = accept(rig->listener, NULL, NULL)) < 0)
		;
	while (recv(rig->peer, request, sizeof(request), MSG_DONTWAIT) <= 0)
		serve(rig);
}

static void
close_rig(struct rig *rig)
{
	target_free(&rig->env, rig->target);
	ck_assert_uint_eq(rig->env.busy, 0);
	backend_free(rig->backend);
	close(rig->env.epfd);
	close(rig->listener);
	close(rig->peer);
}

static enum health_result
result(const struct rig *rig)
{
	return health_result(atomic_load(&rig->backend->health));
}

START_TEST(silence_is_no_answer)
{
	struct rig rig;

	open_rig(&rig);
	accept_one(&rig);
	for (unsigned i = 0; i < TIMEOUT_MS / LOOP_LOOK_MS; i++) {
		ck_assert(!turn(&rig));
		ck_assert_int_eq(result(&rig), HEALTH_UNKNOWN);
		look(&rig, LOOP_LOOK_MS, LOOP_LOOK_MS);
	}
	ck_assert(turn(&rig));
	ck_assert_int_eq(result(&rig), HEALTH_NO_ANSWER);
	ck_assert_uint_eq(rig.env.busy, 0);
	close_rig(&rig);
}
END_TEST

/* Stopped for an hour before the request could go out: the backend has all of
 * its time yet, and no more than that. */
START_TEST(a_gap_is_no_silence)
{
	struct rig rig;
	unsigned looks = 0;

	open_rig(&rig);
	look(&rig, 3600000, LOOP_LOOK_MS);
	ck_assert(turn(&rig));
	ck_assert_int_eq(result(&rig), HEALTH_UNKNOWN);
	ck_assert_uint_eq(rig.env.busy, 1);
	accept_one(&rig);
	while (!turn(&rig)) {
		look(&rig, LOOP_LOOK_MS, LOOP_LOOK_MS);
		looks++;
	}
	ck_assert_uint_eq(looks, TIMEOUT_MS / LOOP_LOOK_MS - 1);
	ck_assert_int_eq(result(&rig), HEALTH_NO_ANSWER);
	close_rig(&rig);
}
END_TEST

START_TEST(an_answer_after_a_gap_counts)
{
	struct rig rig;

	open_rig(&rig);
	look(&rig, 3600000, LOOP_LOOK_MS);
	(void)turn(&rig);
	accept_one(&rig);
	look(&rig, LOOP_LOOK_MS, LOOP_LOOK_MS);
	ck_assert_int_eq(send(rig.peer, "HTTP/1.1 200 OK\r\n\r\n", 19, 0), 19);
	while (result(&rig) == HEALTH_UNKNOWN)
		serve(&rig);
	ck_assert_int_eq(result(&rig), HEALTH_PASSED);
	ck_assert_uint_eq(rig.env.busy, 0);

	/* The same for the goodbye. */
	ck_assert_int_eq(rig.target->probe.phase, PROBE_GOODBYE);
	look(&rig, 10000, LOOP_LOOK_MS);
	ck_assert(turn(&rig));
	ck_assert_int_eq(rig.target->probe.phase, PROBE_GOODBYE);
	look(&rig, 500, 500);
	ck_assert(turn(&rig));
	ck_assert_int_eq(rig.target->probe.phase, PROBE_IDLE);
	close_rig(&rig);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("target");
	TCase *tc = tcase_create("target");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, silence_is_no_answer);
	tcase_add_test(tc, a_gap_is_no_silence);
	tcase_add_test(tc, an_answer_after_a_gap_counts);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
