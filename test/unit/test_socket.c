/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The control socket with real callers and a clock of our own: answers, and
 * what becomes of those who are silent, deaf, too long, or too many.
 */
#include "common/why.h"
#include "lb4/command/socket.h"

#include <bsd/string.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/timer.h"
#include "lb4/config/config.h"
#include "lb4/control/backlogs.h"
#include "lb4/control/events.h"
#include "lb4/control/follow.h"
#include "lb4/control/handle.h"
#include "lb4/control/running.h"
#include "lb4/control/source.h"
#include "lb4/control/threads.h"
#include "lb4/engine/engine.h"
#include "lb4/engine/engine_limits.h"
#include "lb4/engine/peers.h"
#include "lb4/table/table.h"
#include "table_config.h"

#define PLACES 64 /* for callers */
#define TEXT_MAX 131072

static char folder[] = "/tmp/test_socket.XXXXXX";
static struct config *config;
static struct tables tables;
static struct running running;
static struct source source, files;
static struct engine *engine;
static struct control_socket *sock;
static uint64_t now_ms;

static void
setup(void)
{
	struct why why = { "" };
	struct config_service *service;

	atomic_store(&log_level, LOG_LEVEL_ERROR);
	strlcpy(folder, "/tmp/test_socket.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	config = table_config_new();
	service = table_config_service(config, "web", BALANCE_ROUNDROBIN);
	table_config_backends(service, 100, NULL);
	(void)snprintf(config->control, sizeof(config->control), "%s/s",
	    folder);
	config->control_mode = 0640;
	config->workers = 1;
	tables_init(&tables, 1);
	ck_assert_int_eq(tables_publish(&tables, config, &config->hash_seed),
	    0);
	ck_assert_int_eq(control_socket_open(&sock, config, NULL, &why), 0);
	engine = engine_new(&tables, config,
	    &(struct engine_limits){ .nofile = 1000, .maxconn = 100 },
	    &(struct engine_peers){ .control = NULL });
	ck_assert_ptr_nonnull(engine);
	memset(&running, 0, sizeof(running));
	running.engine = engine;
	running.version = "1";
	running.tables = &tables;
	running.config = config;
	running.threads = threads_new(engine, NULL, NULL);
	ck_assert_ptr_nonnull(running.threads);
	running.backlogs = backlogs_new();
	ck_assert_ptr_nonnull(running.backlogs);
	ck_assert_int_eq(follow_new(&running.follow, &running, &files), 0);
	ck_assert_int_eq(control_socket_start(sock, handle_of(&running),
			     &source),
	    0);
	events_subscribe(&running.events, control_socket_event, sock);
	now_ms = timer_now_ms();
}

static void
teardown(void)
{
	struct stat st;

	control_socket_stop(sock);
	control_socket_free(sock);
	threads_free(running.threads);
	backlogs_free(running.backlogs);
	follow_free(running.follow);
	engine_free(engine);
	ck_assert_int_eq(stat(config->control, &st), -1);
	ck_assert_int_eq(rmdir(folder), 0);
	tables_done(&tables);
	table_config_free(config);
}

/* Enough turns for all that can be done now. */
static void
turn(void)
{
	for (int i = 0; i < 40; i++)
		source.turn(source.owner, now_ms);
}

static int
call(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strlcpy(addr.sun_path, config->control, sizeof(addr.sun_path));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
	    0);
	turn();
	return fd;
}

static void
say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    (ssize_t)strlen(text));
	turn();
}

/* What has come so far; *closed: and nothing more will. */
static const char *
heard(int fd, bool *closed)
{
	static char text[TEXT_MAX];
	size_t len = 0;
	ssize_t got = 1;

	while (got > 0 && len < sizeof(text) - 1) {
		got = recv(fd, text + len, sizeof(text) - 1 - len,
		    MSG_DONTWAIT);
		len += got > 0 ? (size_t)got : 0;
	}
	text[len] = '\0';
	*closed = got == 0;
	return text;
}

static void
expect(int fd, const char *text, bool want_closed)
{
	bool closed;

	ck_assert_str_eq(heard(fd, &closed), text);
	ck_assert_int_eq(closed, want_closed);
}

START_TEST(test_file)
{
	struct stat st;

	ck_assert_int_eq(stat(config->control, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(test_answers_in_order)
{
	int fd = call();

	say(fd, "log-lev");
	expect(fd, "", false);
	say(fd, "el\r\n\n  \nnosuch\nlog-level --json");
	expect(fd,
	    "error\n\nerror: usage: there is no command \"nosuch\": help "
	    "lists them\n\n",
	    false);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	turn();
	expect(fd,
	    "{\"schema\":\"lb4.log-level/1\",\"log_level\":\"error\"}\n\n",
	    true);
	ck_assert_uint_eq(control_socket_callers(sock), 0);
	close(fd);
}
END_TEST

/* An answer of many pieces, read slowly, is whole. */
START_TEST(test_long_answer)
{
	static char text[TEXT_MAX];
	size_t len = 0;
	ssize_t got;
	int fd = call();

	say(fd, "status --json\n");
	while (len < 2 || memcmp(text + len - 2, "\n\n", 2) != 0) {
		got = recv(fd, text + len, 1000, MSG_DONTWAIT);
		ck_assert_int_gt(got, 0);
		len += (size_t)got;
		turn();
	}
	text[len] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "\"app0000\""));
	ck_assert_ptr_nonnull(strstr(text, "\"app0099\""));
	close(fd);
}
END_TEST

START_TEST(test_too_long_a_line)
{
	char line[5000];
	int fd = call();

	memset(line, 'a', sizeof(line));
	ck_assert_int_eq(send(fd, line, sizeof(line), 0), sizeof(line));
	turn();
	expect(fd, "error: syntax: the line is too long\n\n", true);
	/* still there to throw away what comes, but not for long */
	ck_assert_uint_eq(control_socket_callers(sock), 1);
	now_ms += 3000;
	turn();
	ck_assert_uint_eq(control_socket_callers(sock), 0);
	close(fd);
}
END_TEST

START_TEST(test_silence)
{
	int fd = call();

	now_ms += 299000;
	turn();
	expect(fd, "", false);
	now_ms += 2000;
	turn();
	expect(fd, "error: idle: no command for 5 minutes\n\n", true);
	close(fd);
}
END_TEST

/* Who asks and does not read is not answered without end, and then closed. */
START_TEST(test_deaf)
{
	int fd = call();
	bool closed;

	for (int i = 0; i < 2000; i++) {
		(void)send(fd, "help\n", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
		source.turn(source.owner, now_ms);
	}
	now_ms += 9000;
	turn();
	ck_assert_uint_eq(control_socket_callers(sock), 1);
	now_ms += 2000;
	turn();
	ck_assert_uint_eq(control_socket_callers(sock), 0);
	(void)heard(fd, &closed);
	close(fd);
}
END_TEST

START_TEST(test_all_places_taken)
{
	int fds[PLACES], fresh, late;

	for (int i = 0; i < PLACES; i++)
		fds[i] = call();
	fresh = call();
	expect(fresh, "error: busy: too many callers\n\n", true);
	now_ms += 2000;
	for (int i = 1; i < PLACES; i++)
		say(fds[i], "log-level\n");
	late = call();
	expect(fds[0],
	    "error: busy: too many callers, and you have been idle "
	    "longest\n\n",
	    true);
	say(late, "log-level\n");
	expect(late, "error\n\n", false);
	ck_assert_uint_eq(control_socket_callers(sock), PLACES);
	for (int i = 0; i < PLACES; i++)
		close(fds[i]);
	close(fresh);
	close(late);
	turn();
	ck_assert_uint_eq(control_socket_callers(sock), 0);
}
END_TEST

START_TEST(test_monitor)
{
	int fd = call(), slow = call();
	bool closed;
	const char *text;

	say(fd, "monitor\n");
	say(slow, "monitor --json\n");
	now_ms += 400000; /* monitors may be silent */
	turn();
	events_tell(&running.events,
	    &(struct event){ "admin", "web", "app0000" }, "%s", "drain");
	turn();
	text = heard(fd, &closed);
	ck_assert_str_eq(text + strcspn(text, " "),
	    " admin web/app0000 drain\n");
	/* the next line ends it */
	say(fd, "log-level\n");
	expect(fd, "error\n\n", false);
	events_tell(&running.events, &(struct event){ .kind = "kill" },
	    "%d conns", 3);
	turn();
	expect(fd, "", false);

	/* the other one does not read */
	for (int i = 0; i < 30000 && control_socket_callers(sock) > 1; i++) {
		events_tell(&running.events, &(struct event){ .kind = "kill" },
		    "%d conns", i);
		source.turn(source.owner, now_ms);
	}
	ck_assert_uint_eq(control_socket_callers(sock), 1);
	close(fd);
	close(slow);
}
END_TEST

/* What was sent is done, even if nobody waits for the answer. */
START_TEST(test_gone_at_once)
{
	int fd = call();

	ck_assert_int_eq(send(fd, "log-level notice\n", 17, 0), 17);
	close(fd);
	turn();
	ck_assert_int_eq(atomic_load(&log_level), LOG_LEVEL_NOTICE);
	ck_assert_uint_eq(control_socket_callers(sock), 0);
	atomic_store(&log_level, LOG_LEVEL_ERROR);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("socket");
	TCase *tc = tcase_create("socket");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_file);
	tcase_add_test(tc, test_answers_in_order);
	tcase_add_test(tc, test_long_answer);
	tcase_add_test(tc, test_too_long_a_line);
	tcase_add_test(tc, test_silence);
	tcase_add_test(tc, test_deaf);
	tcase_add_test(tc, test_all_places_taken);
	tcase_add_test(tc, test_monitor);
	tcase_add_test(tc, test_gone_at_once);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
