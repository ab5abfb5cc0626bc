/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
#include "lb4/engine/ownconns.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sock.h"

static struct ownconns own;
static struct addr here;
static int listener;

/* A listener of the given address; lb4 listens on its port. */
static void
listen_on(const char *text)
{
	struct port_set ports = { { 0 } };

	ck_assert_int_eq(addr_parse(&here, text, ADDR_PORT_REQUIRED, NULL), 0);
	listener = sock_listen(&here, false, 64, NULL);
	ck_assert_int_ge(listener, 0);
	ports.word[addr_port(&here) / 64] = UINT64_C(1)
	    << addr_port(&here) % 64;
	ownconns_set_ports(&own, &ports, false);
}

static int
connect_there(void)
{
	bool pending;
	int fd = sock_connect(&here, NULL, &pending);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Accepts the next; whether it is taken for one of lb4's own. */
static bool
accept_own(void)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct endpoint client;
	int fd;
	bool ours;

	while ((fd = accept(listener, (struct sockaddr *)&sa, &len)) < 0)
		;
	endpoint_from_sockaddr(&client, (struct sockaddr *)&sa, len);
	ours = ownconns_is_ours(&own, fd, &client, addr_port(&here));
	/* one with the same address and port that came to another port */
	if (client.family != AF_UNIX)
		ck_assert(!ownconns_is_ours(&own, fd, &client,
		    addr_port(&here) ^ 1));
	(void)close(fd);
	return ours;
}

static void
setup(void)
{
	ck_assert_int_eq(ownconns_init(&own, 16), 0);
}

static void
teardown(void)
{
	(void)close(listener);
	ownconns_done(&own);
}

static const char *const families[] = { "127.0.0.1:0", "[::1]:0" };

START_TEST(test_noted)
{
	uint32_t noted, none = 0;
	int fd, other;

	listen_on(families[_i]);
	other = connect_there();
	ck_assert(!accept_own()); /* none is noted yet */
	ck_assert(!atomic_load(&own.used));

	fd = connect_there();
	noted = ownconns_note(&own, fd, &here);
	ck_assert_uint_ne(noted, 0);
	ck_assert(accept_own());
	(void)close(other);
	other = connect_there();
	ck_assert(!accept_own()); /* another's, to the same port */

	ownconns_forget(&own, &noted);
	ck_assert_uint_eq(noted, 0);
	ownconns_forget(&own, &none);
	(void)close(fd);
	(void)close(other);
}
END_TEST

/* A conn of lb4's that goes to another address with the same port: the kernel
 * may give its own port to a client of lb4's, too. */
START_TEST(test_same_source)
{
	static const char *const elsewhere[] = { "127.0.0.2:1", "[fd00::1]:1" };
	struct addr there;
	uint32_t noted;
	int fd;

	listen_on(families[_i]);
	ck_assert_int_eq(addr_parse(&there, elsewhere[_i], ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	addr_set_port(&there, addr_port(&here));
	fd = connect_there();
	noted = ownconns_note(&own, fd, &there);
	ck_assert_uint_ne(noted, 0);
	ck_assert(!accept_own());
	ownconns_forget(&own, &noted);
	(void)close(fd);
}
END_TEST

START_TEST(test_forgotten)
{
	uint32_t noted;
	int fd;

	listen_on("127.0.0.1:0");
	fd = connect_there();
	noted = ownconns_note(&own, fd, &here);
	ownconns_forget(&own, &noted);
	ck_assert(!accept_own());
	(void)close(fd);
}
END_TEST

/* The address that an IPv4 client has at an IPv6 listener is the same one. */
START_TEST(test_mapped)
{
	struct addr dual;
	uint32_t noted;
	int fd;

	listen_on(":0");
	ck_assert_int_eq(addr_parse(&dual, "127.0.0.1:1", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	addr_set_port(&dual, addr_port(&here));
	here = dual;
	fd = connect_there();
	noted = ownconns_note(&own, fd, &here);
	ck_assert(accept_own());
	ownconns_forget(&own, &noted);
	(void)close(fd);
}
END_TEST

START_TEST(test_other_ports)
{
	static const struct port_set none;
	struct addr other;
	int fd;

	listen_on("127.0.0.1:0");
	other = here;
	addr_set_port(&other, addr_port(&here) ^ 1);
	fd = connect_there();
	ck_assert_uint_eq(ownconns_note(&own, fd, &other), 0);
	addr_set_port(&other, 0);
	ck_assert_uint_eq(ownconns_note(&own, fd, &other), 0);
	ownconns_set_ports(&own, &none, true); /* the present ones, too */
	ck_assert_uint_ne(ownconns_note(&own, fd, &here), 0);
	ownconns_set_ports(&own, &none, false);
	ck_assert_uint_eq(ownconns_note(&own, fd, &here), 0);
	(void)close(fd);
}
END_TEST

/* More of the same than fit into their line: noted no more, and all can be
 * forgotten. */
START_TEST(test_full)
{
	uint32_t noted[64];
	unsigned room = 0;
	int fd;

	listen_on("127.0.0.1:0");
	fd = connect_there();
	for (unsigned i = 0; i < 64; i++)
		noted[i] = ownconns_note(&own, fd, &here);
	while (room < 64 && noted[room] != 0)
		room++;
	ck_assert_uint_eq(room, 8);
	for (unsigned i = 0; i < 64; i++)
		ownconns_forget(&own, &noted[i]);
	ck_assert(!accept_own());
	ck_assert_uint_ne(ownconns_note(&own, fd, &here), 0);
	(void)close(fd);
}
END_TEST

/* A table of zeros has no room, and nobody in it. */
START_TEST(test_no_room)
{
	int fd;

	listen_on("127.0.0.1:0");
	ownconns_done(&own);
	fd = connect_there();
	ck_assert_uint_eq(ownconns_note(&own, fd, &here), 0);
	ck_assert(!accept_own());
	(void)close(fd);
}
END_TEST

START_TEST(test_unix)
{
	int fd;
	pid_t child;

	listen_on("unix:@lb4-test-ownconns");
	fd = connect_there();
	ck_assert_uint_eq(ownconns_note(&own, fd, &here), 0);
	ck_assert(accept_own());
	(void)close(fd);
	child = fork();
	if (child == 0) {
		bool pending;

		_exit(sock_connect(&here, NULL, &pending) < 0 ? 1 : 0);
	}
	ck_assert_int_gt(child, 0);
	ck_assert(!accept_own());
}
END_TEST

static void *
note_and_forget(void *unused)
{
	const int fd = connect_there();

	(void)unused;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t noted = ownconns_note(&own, fd, &here);

		ownconns_forget(&own, &noted);
	}
	(void)close(fd);
	return NULL;
}

/* Nobody's entry is left behind, or taken away by another. */
START_TEST(test_threads)
{
	pthread_t thread[4];
	uint32_t noted;
	int fd;

	listen_on("127.0.0.1:0");
	fd = connect_there();
	noted = ownconns_note(&own, fd, &here);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL,
				     note_and_forget, NULL),
		    0);
	for (unsigned i = 0; i < 4; i++)
		(void)pthread_join(thread[i], NULL);
	ck_assert(accept_own());
	ownconns_forget(&own, &noted);
	for (uint32_t i = 0; i < own.lines * 8; i++)
		ck_assert_uint_eq(atomic_load(&own.entry[i]), 0);
	(void)close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ownconns");
	TCase *tc = tcase_create("ownconns");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_noted, 0, 2);
	tcase_add_loop_test(tc, test_same_source, 0, 2);
	tcase_add_test(tc, test_forgotten);
	tcase_add_test(tc, test_mapped);
	tcase_add_test(tc, test_other_ports);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_no_room);
	tcase_add_test(tc, test_unix);
	tcase_add_test(tc, test_threads);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
