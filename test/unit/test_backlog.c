/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Queues of listening sockets: their length and limit, and what was dropped. */
#include "common/backlog.h"

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/sock.h"

#define LIMIT 3
#define MANY 8

static struct addr addr;
static int listener;
static int fd[MANY];
static int fds;

static void
listen_on(const char *text)
{
	ck_assert_int_eq(addr_parse(&addr, text, ADDR_PORT_OPTIONAL, NULL), 0);
	listener = sock_listen(&addr, false, LIMIT, NULL);
	ck_assert_int_ge(listener, 0);
}

static void
connect_some(int count)
{
	bool pending;

	for (int i = 0; i < count; i++) {
		fd[fds] = sock_connect(&addr, NULL, &pending);
		if (fd[fds] >= 0)
			fds++;
	}
}

static struct backlog
look(bool tcp)
{
	struct backlog backlog;

	ck_assert_int_eq(backlog_read(listener, tcp, &backlog), 0);
	ck_assert_uint_eq(backlog.limit, LIMIT);
	return backlog;
}

START_TEST(tcp)
{
	static const char *const where[] = { "127.0.0.1:0", "[::1]:0" };
	struct backlog backlog;

	listen_on(where[_i]);
	backlog = look(true);
	ck_assert_uint_eq(backlog.waiting, 0);
	ck_assert_uint_eq(backlog.drops, 0);
	connect_some(2);
	ck_assert_uint_eq(look(true).waiting, 2);
	ck_assert_uint_eq(look(true).drops, 0);
	/* the kernel lets in one more than the limit */
	connect_some(MANY - 2);
	ck_assert_uint_eq(look(true).waiting, LIMIT + 1);
	ck_assert_uint_ge(look(true).drops, MANY - LIMIT - 1);
}
END_TEST

START_TEST(unix_queue)
{
	struct backlog backlog;

	listen_on("unix:@lb4-backlog-test");
	if (backlog_read(listener, false, &backlog) == -EAFNOSUPPORT)
		return; /* no sock_diag(7) here */
	ck_assert_uint_eq(look(false).waiting, 0);
	connect_some(2);
	ck_assert_uint_eq(look(false).waiting, 2);
	connect_some(MANY - 2);
	ck_assert_uint_eq(look(false).waiting, LIMIT + 1);
	ck_assert_uint_eq(look(false).drops, 0);
}
END_TEST

START_TEST(no_listener)
{
	struct backlog backlog;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_lt(backlog_read(ends[0], true, &backlog), 0);
	ck_assert_int_eq(backlog_read(ends[0], false, &backlog), -ENOENT);
	ck_assert_int_lt(backlog_read(-1, true, &backlog), 0);
	ck_assert_int_eq(backlog_read(-1, false, &backlog), -EBADF);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backlog");
	TCase *tcase = tcase_create("backlog");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, tcp, 0, 2);
	tcase_add_test(tcase, unix_queue);
	tcase_add_test(tcase, no_listener);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
