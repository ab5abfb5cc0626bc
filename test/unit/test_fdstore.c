/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Sockets with the service manager: the names, and what is told of a change.
 * Each test is a process of its own, and is its own manager.
 */
#include "lb4/process/fdstore.h"

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdpass.h"
#include "lb4/process/inherited.h"
#include "lb4/process/notify.h"
#include "lb4/process/stored_name.h"

static const struct sockfile_id no_file;
static struct fdstore store;
static int manager;

static void
setup(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char name[64];
	int len = snprintf(name, sizeof(name), "@lb4-test-fdstore-%ld",
	    (long)getpid());

	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(to.sun_path + 1, name + 1, (size_t)len - 1);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un,
					     sun_path) +
				 (size_t)len)),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static struct addr
address(const char *text)
{
	struct addr addr;

	ck_assert_int_eq(addr_parse(&addr, text, ADDR_PORT_REQUIRED, NULL), 0);
	return addr;
}

static int
new_socket(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static ino_t
inode_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return st.st_ino;
}

static void
add(struct fdstore *list, const char *text, int fd)
{
	const struct addr addr = address(text);

	ck_assert_int_eq(fdstore_add(list, &addr, &no_file, fd), 0);
}

/* The manager gets that, in this order: "TEXT", or "TEXT +N" with N
 * descriptors; "" is the end. */
static void
expect(const char *want)
{
	char text[600] = "", got[700];
	int fds[NOTIFY_FDS_MAX] = { 0 };
	struct fdpass message = {
		.data = text,
		.size = sizeof(text) - 1,
		.fd = fds,
		.room = NOTIFY_FDS_MAX,
	};
	const bool came = fdpass_receive(manager, &message, 0) > 0;
	const unsigned count = came ? message.fds : 0;

	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '\n' ? ' ' : *c;
	if (count > 0)
		snprintf(got, sizeof(got), "%s +%u", text, count);
	else
		snprintf(got, sizeof(got), "%s", text);
	ck_assert_str_eq(got, want);
}

static void
change(struct fdstore *next)
{
	ck_assert_int_eq(fdstore_change(&store, next), 0);
	ck_assert_uint_eq(next->count, 0);
}

START_TEST(names)
{
	static const char *const others[] = { "", "lb4", "web", "lb4-web",
		"xlb4,127.0.0.1,80" };
	const struct sockfile_id file = { 0xfd01, 0x8a3f };
	struct sockfile_id found;
	char name[STORED_NAME_MAX];
	struct addr addr = address("127.0.0.1:80");

	ck_assert_int_eq(stored_name_format(name, sizeof(name), &addr,
			     &no_file),
	    0);
	ck_assert_str_eq(name, "lb4,127.0.0.1,80");
	ck_assert(stored_name_parse(name, &found));
	ck_assert_uint_eq(found.ino, 0);
	addr = address("[::1]:80");
	ck_assert_int_eq(stored_name_format(name, sizeof(name), &addr,
			     &no_file),
	    0);
	ck_assert_str_eq(name, "lb4,[,,1],80");
	addr = address("unix:/run/a,b%c");
	ck_assert_int_eq(stored_name_format(name, sizeof(name), &addr, &file),
	    0);
	ck_assert_str_eq(name, "lb4,unix,/run/a%2Cb%25c,fd01,8a3f");
	ck_assert(stored_name_parse(name, &found));
	ck_assert_uint_eq(found.dev, file.dev);
	ck_assert_uint_eq(found.ino, file.ino);
	ck_assert_int_eq(stored_name_format(name, 20, &addr, &file),
	    -ENAMETOOLONG);
	ck_assert_int_eq(stored_name_format(name, 33, &addr, &file),
	    -ENAMETOOLONG);
	ck_assert_int_eq(stored_name_format(name, 34, &addr, &file), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert(!stored_name_parse(others[i], &found));
	/* of another version: no file is known */
	ck_assert(stored_name_parse("lb4,unix,/run/x,1,2,3", &found));
	ck_assert_uint_eq(found.ino, 0);
	ck_assert(stored_name_parse("lb4,unix,/run/x,z", &found));
	ck_assert_uint_eq(found.ino, 0);
}
END_TEST

START_TEST(changes)
{
	struct fdstore next = { .socket = NULL };
	const int one = new_socket(), two = new_socket(), three = new_socket();

	/* a group is one message */
	add(&next, "127.0.0.1:2", two);
	add(&next, "127.0.0.1:1", one);
	add(&next, "127.0.0.1:2", three);
	change(&next);
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,1 FDPOLL=0 +1");
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,2 FDPOLL=0 +2");
	expect("");

	/* nothing has changed */
	add(&next, "127.0.0.1:1", one);
	add(&next, "127.0.0.1:2", three);
	add(&next, "127.0.0.1:2", two);
	change(&next);
	expect("");

	/* one address goes, one comes, one grows */
	add(&next, "127.0.0.1:2", two);
	add(&next, "127.0.0.1:2", three);
	add(&next, "127.0.0.1:2", new_socket());
	add(&next, "127.0.0.1:3", new_socket());
	change(&next);
	expect("FDSTOREREMOVE=1 FDNAME=lb4,127.0.0.1,1");
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,2 FDPOLL=0 +1");
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,3 FDPOLL=0 +1");
	expect("BARRIER=1 +1");
	expect("");

	/* one of a group goes: the others stay */
	add(&next, "127.0.0.1:2", two);
	add(&next, "127.0.0.1:2", three);
	change(&next);
	expect("FDSTOREREMOVE=1 FDNAME=lb4,127.0.0.1,2");
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,2 FDPOLL=0 +2");
	expect("FDSTOREREMOVE=1 FDNAME=lb4,127.0.0.1,3");
	expect("BARRIER=1 +1");

	change(&next);
	expect("FDSTOREREMOVE=1 FDNAME=lb4,127.0.0.1,2");
	expect("BARRIER=1 +1");
	expect("");
	change(&next);
	expect("");
	fdstore_done(&store);
}
END_TEST

/* What has come back is known, and is forgotten when it is not wanted. */
START_TEST(comes_back)
{
	const int one = new_socket();
	struct inherited_socket socket[] = {
		{ .fd = -1,
		    .stored = (char *)"lb4,127.0.0.1,1",
		    .ino = inode_of(one) },
		{ .fd = -1, .stored = NULL },
		{ .fd = -1, .stored = (char *)"lb4,127.0.0.1,9", .ino = 1 },
	};
	const struct inherited inherited = { .socket = socket, .count = 3 };
	struct fdstore next = { .socket = NULL };

	add(&next, "127.0.0.1:1", one);
	change(&next);
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,1 FDPOLL=0 +1");
	fdstore_done(&store);

	/* as the next process */
	ck_assert_int_eq(fdstore_add_inherited(&store, &inherited), 0);
	add(&next, "127.0.0.1:1", one);
	change(&next);
	expect("FDSTOREREMOVE=1 FDNAME=lb4,127.0.0.1,9");
	expect("BARRIER=1 +1");
	expect("");
	fdstore_done(&store);
}
END_TEST

START_TEST(many_sockets)
{
	struct fdstore next = { .socket = NULL };

	for (int i = 0; i < NOTIFY_FDS_MAX + 1; i++)
		add(&next, "127.0.0.1:1", new_socket());
	change(&next);
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,1 FDPOLL=0 +128");
	expect("FDSTORE=1 FDNAME=lb4,127.0.0.1,1 FDPOLL=0 +1");
	expect("");
	fdstore_done(&store);
}
END_TEST

/* A manager that has gone: the list stays as it was. */
START_TEST(nobody_hears)
{
	struct fdstore next = { .socket = NULL };

	close(manager);
	add(&next, "127.0.0.1:1", new_socket());
	ck_assert_int_eq(fdstore_change(&store, &next), -ECONNREFUSED);
	ck_assert_uint_eq(store.count, 0);
	ck_assert_uint_eq(next.count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fdstore");
	TCase *tcase = tcase_create("fdstore");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, changes);
	tcase_add_test(tcase, comes_back);
	tcase_add_test(tcase, many_sockets);
	tcase_add_test(tcase, nobody_hears);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
