/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What the service manager hears and when, as far as no engine is needed: the
 * environment, and the message of a reload.
 */
#include "lb4/control/manager.h"

#include <check.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct timer_wheel wheel;
static struct manager manager;
static int manager_fd;

/* The manager's end: an abstract socket. */
static void
setup(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char name[64];

	snprintf(name, sizeof(name), "@lb4-test-manager-%ld", (long)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(manager_fd, 0);
	memcpy(to.sun_path + 1, name + 1, strlen(name) - 1);
	ck_assert_int_eq(bind(manager_fd, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un,
					     sun_path) +
				 strlen(name))),
	    0);
	memset(&manager, 0, sizeof(manager));
	timer_wheel_init(&wheel, timer_now_ms());
}

static void
teardown(void)
{
	close(manager_fd);
}

static void
begin(const char *usec, const char *pid)
{
	if (usec != NULL)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	manager_start(&manager, &wheel, NULL, NULL, NULL);
}

START_TEST(beats_at_half)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	begin("30000000", pid);
	ck_assert_uint_eq(manager.beat_ms, 15000);
	ck_assert(timer_armed(&manager.watchdog));
	ck_assert(timer_armed(&manager.status));
}
END_TEST

START_TEST(beats_at_least_each_ms)
{
	begin("3", NULL);
	ck_assert_uint_eq(manager.beat_ms, 1);
}
END_TEST

START_TEST(does_not_beat_for_others)
{
	begin("30000000", "1");
	ck_assert_uint_eq(manager.beat_ms, 0);
	ck_assert(!timer_armed(&manager.watchdog));
	ck_assert(timer_armed(&manager.status));
}
END_TEST

START_TEST(does_not_beat_unasked)
{
	begin(NULL, NULL);
	ck_assert(!timer_armed(&manager.watchdog));
	begin("nonsense", NULL);
	ck_assert(!timer_armed(&manager.watchdog));
}
END_TEST

START_TEST(says_nothing_to_nobody)
{
	unsetenv("NOTIFY_SOCKET");
	begin("30000000", NULL);
	ck_assert(!timer_armed(&manager.watchdog));
	ck_assert(!timer_armed(&manager.status));
	ck_assert_int_eq(manager_reloading(), 0);
}
END_TEST

START_TEST(knows_its_timers)
{
	struct timer other = { 0 };

	begin(NULL, NULL);
	ck_assert(!manager_on_timer(&manager, &wheel, &other));
	manager_stop_status(&manager, &wheel);
	ck_assert(!timer_armed(&manager.status));
}
END_TEST

/* systemd compares the time with the one at which it sent the signal. */
START_TEST(reloading_says_when)
{
	const uint64_t before_ms = timer_now_ms();
	uint64_t usec = 0;
	char got[256];
	ssize_t n;

	ck_assert_int_eq(manager_reloading(), 1);
	n = recv(manager_fd, got, sizeof(got) - 1, 0);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_int_eq(sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%" SCNu64,
			     &usec),
	    1);
	ck_assert_uint_ge(usec / 1000, before_ms);
	ck_assert_uint_le(usec / 1000, timer_now_ms());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("manager");
	TCase *tcase = tcase_create("manager");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, beats_at_half);
	tcase_add_test(tcase, beats_at_least_each_ms);
	tcase_add_test(tcase, does_not_beat_for_others);
	tcase_add_test(tcase, does_not_beat_unasked);
	tcase_add_test(tcase, says_nothing_to_nobody);
	tcase_add_test(tcase, knows_its_timers);
	tcase_add_test(tcase, reloading_says_when);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
