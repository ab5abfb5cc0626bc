/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Queues of listening sockets: their length and limit, and what was dropped. */
#include "common/backlog.h"

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	struct backlog_unix all;
	struct backlog backlog;

	if (tcp) {
		ck_assert_int_eq(backlog_read_tcp(listener, &backlog), 0);
	} else {
		ck_assert_int_eq(backlog_unix_read(&all), 0);
		ck_assert_int_eq(backlog_unix_find(&all, listener, &backlog),
		    0);
		backlog_unix_free(&all);
	}
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
	struct backlog_unix all;

	listen_on("unix:@lb4-backlog-test");
	if (backlog_unix_read(&all) == -EAFNOSUPPORT)
		return; /* no sock_diag(7) here */
	backlog_unix_free(&all);
	ck_assert_uint_eq(look(false).waiting, 0);
	connect_some(2);
	ck_assert_uint_eq(look(false).waiting, 2);
	connect_some(MANY - 2);
	ck_assert_uint_eq(look(false).waiting, LIMIT + 1);
	ck_assert_uint_eq(look(false).drops, 0);
}
END_TEST

/* More sockets than one answer of the kernel holds: each is found. */
START_TEST(many_unix)
{
	struct backlog_unix all;
	struct backlog backlog;
	static int socket[500];
	struct addr name;
	char text[64];

	for (int i = 0; i < 500; i++) {
		(void)snprintf(text, sizeof(text), "unix:@lb4-backlog-%d", i);
		ck_assert_int_eq(addr_parse(&name, text, ADDR_PORT_OPTIONAL,
				     NULL),
		    0);
		socket[i] = sock_listen(&name, false, i + 1, NULL);
		ck_assert_int_ge(socket[i], 0);
	}
	if (backlog_unix_read(&all) == -EAFNOSUPPORT)
		return;
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(backlog_unix_find(&all, socket[i], &backlog),
		    0);
		ck_assert_uint_eq(backlog.limit, (unsigned)i + 1);
		ck_assert_uint_eq(backlog.waiting, 0);
		close(socket[i]);
	}
	backlog_unix_free(&all);
}
END_TEST

START_TEST(no_listener)
{
	struct backlog_unix all;
	struct backlog backlog;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_lt(backlog_read_tcp(ends[0], &backlog), 0);
	ck_assert_int_lt(backlog_read_tcp(-1, &backlog), 0);
	if (backlog_unix_read(&all) == -EAFNOSUPPORT)
		return;
	ck_assert_int_eq(backlog_unix_find(&all, ends[0], &backlog), -ENOENT);
	ck_assert_int_eq(backlog_unix_find(&all, -1, &backlog), -EBADF);
	backlog_unix_free(&all);
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
	tcase_add_test(tcase, many_unix);
	tcase_add_test(tcase, no_listener);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
