/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * What each kind of check sends, how it judges the answers, and how it closes:
 * dialogues over loopback, in which the test plays the peer from a script.
 */
#include "lb4/health/probe.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/sock.h"
#include "lb4/config/check.h"
#include "lb4/config/keys.h"
#include "lb4/config/names.h"

/* The peer's side. */
enum deed {
	DEED_END,   /* the result is there */
	DEED_HEAR,  /* reads exactly that */
	DEED_SAY,   /* sends that, and the check takes it */
	DEED_BYTES, /* the same, byte by byte */
	DEED_QUIET, /* the time is up */
	DEED_LEAVE, /* closes */
	DEED_GONE,  /* sees the other side close, not reset */
};

struct line {
	enum deed deed;
	const char *bytes;
	size_t len;
};

#define HEAR(text) \
	{ \
		DEED_HEAR, text, sizeof(text) - 1 \
	}
#define SAY(text) \
	{ \
		DEED_SAY, text, sizeof(text) - 1 \
	}
#define BYTES(text) \
	{ \
		DEED_BYTES, text, sizeof(text) - 1 \
	}
#define QUIET \
	{ \
		DEED_QUIET, NULL, 0 \
	}
#define LEAVE \
	{ \
		DEED_LEAVE, NULL, 0 \
	}
#define GONE \
	{ \
		DEED_GONE, NULL, 0 \
	}

#define LINES_MAX 12

struct talk {
	const char *check; /* as the file has it, behind "check = "; other
			    * keys may follow, as "name=value" lines */
	struct line line[LINES_MAX];
	enum health_result result;
	const char *words;
};

struct rig {
	struct probe probe;
	int listener, epfd, peer;
};

static void
pump(struct rig *rig, int wait_ms)
{
	struct epoll_event event;

	while (loop_wait(rig->epfd, &event, 1, wait_ms) > 0) {
		probe_on_event(&rig->probe, event.events);
		wait_ms = 0;
	}
}

static void
hear(struct rig *rig, const struct line *line, const char *check)
{
	size_t want = line->len;
	size_t have = 0;
	char buf[1024] = "";
	ssize_t n;

	while (have < want) {
		n = recv(rig->peer, buf + have, sizeof(buf) - have,
		    MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			pump(rig, 1);
			continue;
		}
		ck_assert_msg(n > 0, "%s: gone", check);
		have += (size_t)n;
	}
	ck_assert_msg(have == want && memcmp(buf, line->bytes, want) == 0,
	    "%s: heard \"%.*s\"", check, (int)have, buf);
}

static void
say(struct rig *rig, const char *bytes, size_t len)
{
	ck_assert_int_eq(send(rig->peer, bytes, len, MSG_NOSIGNAL),
	    (ssize_t)len);
	pump(rig, 1000);
}

/* The kernel tells the one that resets from the one that closes. */
static void
see_end(struct rig *rig, const char *check)
{
	char byte;
	ssize_t n;

	if (rig->probe.phase == PROBE_GOODBYE && rig->probe.kind != NULL)
		probe_on_timeout(&rig->probe);
	n = recv(rig->peer, &byte, 1, 0);
	ck_assert_msg(n == 0, "%s: %zd, %s", check, n, strerror(errno));
}

static void
play(struct rig *rig, const struct talk *talk)
{
	for (const struct line *line = talk->line; line->deed != DEED_END;
	     line++) {
		switch (line->deed) {
		case DEED_HEAR:
			hear(rig, line, talk->check);
			break;
		case DEED_SAY:
			say(rig, line->bytes, line->len);
			break;
		case DEED_BYTES:
			for (size_t i = 0; i < line->len; i++)
				say(rig, line->bytes + i, 1);
			break;
		case DEED_QUIET:
			probe_on_timeout(&rig->probe);
			break;
		case DEED_LEAVE:
			shutdown(rig->peer, SHUT_WR);
			pump(rig, 1000);
			break;
		case DEED_GONE:
			see_end(rig, talk->check);
			break;
		case DEED_END:
			break;
		}
	}
}

static void
read_key(struct config_service *service, const char *name, const char *value)
{
	const struct key *key = keys_find(KEY_SERVICE, name);
	struct why why = { "" };

	ck_assert_ptr_nonnull(key);
	ck_assert_msg(key_parse(key, service, value, &why) == 0, "%s: %s: %s",
	    name, value, why.text);
}

static struct config_check
read_check(const char *text)
{
	struct config_service service = { .name = "" };
	char copy[512], *rest = copy, *line, *value;

	snprintf(copy, sizeof(copy), "%s", text);
	read_key(&service, "check", strsep(&rest, "\n"));
	while ((line = strsep(&rest, "\n")) != NULL) {
		value = strchr(line, '=');
		*value++ = '\0';
		read_key(&service, line, value);
	}
	return service.settings.check;
}

static void
run(const struct talk *talk)
{
	const struct config_check check = read_check(talk->check);
	struct rig rig = { .peer = -1 };
	char words[HEALTH_TEXT_MAX];
	struct addr addr;

	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:0", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	rig.listener = sock_listen(&addr, false, 4, NULL);
	rig.epfd = loop_open();
	ck_assert_int_ge(rig.listener, 0);
	ck_assert_int_eq(probe_set(&rig.probe, &check, &addr), 0);
	/* twice: the second one knows nothing of the first */
	for (int i = 0; i < 2; i++) {
		probe_start(&rig.probe, rig.epfd, 1);
		while ((rig.peer = accept(rig.listener, NULL, NULL)) < 0)
			continue;
		pump(&rig, 0);
		play(&rig, talk);
		pump(&rig, probe_is_busy(&rig.probe) ? 1000 : 0);
		ck_assert_msg(!probe_is_busy(&rig.probe), "%s (%s): no result",
		    talk->check, talk->words);
		ck_assert_str_eq(probe_text(&rig.probe, words, sizeof(words)),
		    talk->words);
		ck_assert_int_eq(rig.probe.result, talk->result);
		probe_close(&rig.probe);
		close(rig.peer);
	}
	probe_done(&rig.probe);
	close(rig.listener);
	close(rig.epfd);
}

static const struct talk tcp[] = {
	{ "tcp", { GONE }, HEALTH_PASSED, "connected" },
	{ "tcp send bye\\x0a", { HEAR("bye\n"), GONE }, HEALTH_PASSED,
	    "connected" },
	{ "tcp send a\\x00 send b expect ok",
	    { HEAR("a\0b"), BYTES("--ook"), GONE }, HEALTH_PASSED,
	    "expected answer" },
	{ "tcp expect 220\\x20 send Q\\x0d\\x0a expect 221 send z",
	    { SAY("220 me\r\n"), HEAR("Q\r\n"), SAY("221 x\r\n"), HEAR("z"),
		GONE },
	    HEALTH_PASSED, "expected answer" },
	{ "tcp expect a expect b send c", { SAY("ab"), HEAR("c") },
	    HEALTH_PASSED, "expected answer" },
	/* what came before it was asked for is no answer */
	{ "tcp expect a send b expect c",
	    { SAY("ac"), HEAR("b"), SAY("d"), QUIET }, HEALTH_UNEXPECTED,
	    "unexpected answer in step 3" },
	{ "tcp expect aab", { SAY("aa"), SAY("ab") }, HEALTH_PASSED,
	    "expected answer" },
	{ "tcp expect abcabd", { BYTES("abcabcabd") }, HEALTH_PASSED,
	    "expected answer" },
	{ "tcp expect x", { SAY("y"), LEAVE }, HEALTH_UNEXPECTED,
	    "unexpected answer in step 1" },
	{ "tcp expect x", { LEAVE }, HEALTH_CLOSED,
	    "closed without an answer" },
	{ "tcp expect x", { QUIET }, HEALTH_NO_ANSWER, "no answer" },
};

/* Of http, with all that follows the fixed fields. */
#define REQUEST(method, rest) \
	method " / HTTP/1.1\r\n" \
	       "Host: app.example\r\nUser-Agent: lb4\r\n" \
	       "Connection: close\r\n" rest "\r\n"

static const struct talk http[] = {
	{ "http HEAD /", { BYTES("HTTP/1.1 204 \r\n\r\n"), LEAVE },
	    HEALTH_PASSED, "HTTP status 204" },
	{ "http GET /", { SAY("HTTP/1.1 500 Oops\r\n\r\n"), LEAVE },
	    HEALTH_STATUS, "HTTP status 500, expected 200-399" },
	{ "http GET /", { SAY("+OK\r\n") }, HEALTH_GARBLED,
	    "answer is not HTTP" },
	{ "http GET /", { SAY("HTTP/1."), LEAVE }, HEALTH_CLOSED,
	    "closed without an answer" },
	{ "http /\ncheck-host=app.example",
	    { HEAR(REQUEST("GET", "")), SAY("HTTP/1.1 200 OK\r\n") },
	    HEALTH_PASSED, "HTTP status 200" },
	{ "http PUT /\ncheck-host=app.example\ncheck-header=X-Check:  a  b\ncheck-header=X-Key: c",
	    { HEAR(REQUEST("PUT",
		  "Content-Length: 0\r\n"
		  "X-Check: a b\r\nX-Key: c\r\n")),
		SAY("HTTP/1.1 201 Created\r\n") },
	    HEALTH_PASSED, "HTTP status 201" },
	{ "http /\ncheck-status=200-204,401", { SAY("HTTP/1.1 302 Found\r\n") },
	    HEALTH_STATUS, "HTTP status 302, expected 200-204,401" },
	{ "http /\ncheck-status=200-204,401", { SAY("HTTP/1.1 401 No\r\n") },
	    HEALTH_PASSED, "HTTP status 401" },
	{ "http /\ncheck-body=all well",
	    { SAY("HTTP/1.1 404 No\r\n\r\nall well") }, HEALTH_STATUS,
	    "HTTP status 404, expected 200-399" },
	{ "http /\ncheck-body=all well",
	    { BYTES("HTTP/1.1 200\r\n\r\nwe are all well") }, HEALTH_PASSED,
	    "HTTP status 200" },
	{ "http /\ncheck-body=all well",
	    { SAY("HTTP/1.1 200 OK\r\n\r\nwe are all"), LEAVE },
	    HEALTH_UNEXPECTED,
	    "HTTP status 200, check-body is not in the body" },
	{ "http /\ncheck-body=all well",
	    { SAY("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
		  "all weak") },
	    HEALTH_UNEXPECTED,
	    "HTTP status 200, check-body is not in the body" },
	{ "http /\ncheck-body=all well",
	    { SAY("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n"
		  "all"),
		LEAVE },
	    HEALTH_UNEXPECTED, "HTTP status 200, incomplete body" },
	{ "http /\ncheck-body=all well",
	    { SAY("HTTP/1.1 200 OK\r\n\r\nall"), QUIET }, HEALTH_UNEXPECTED,
	    "HTTP status 200, incomplete body within timeout-check" },
	{ "http /\ncheck-body=all well",
	    { BYTES("HTTP/1.1 200 OK\r\n"
		    "Transfer-Encoding: gzip, Chunked\r\n\r\n"
		    "5;x=y\r\nall w\r\n3\r\nell\r\n") },
	    HEALTH_PASSED, "HTTP status 200" },
	{ "http /\ncheck-body=all well",
	    { SAY("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		  "\r\n5\r\nall w\r\n0\r\n") },
	    HEALTH_UNEXPECTED,
	    "HTTP status 200, check-body is not in the body" },
	{ "http /\ncheck-body=all well",
	    { SAY("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		  "\r\nall well\r\n") },
	    HEALTH_GARBLED, "answer is not HTTP" },
	{ "http /\ncheck-body=x", { SAY("HTTP/1.1 204 No Content\r\n\r\n") },
	    HEALTH_UNEXPECTED,
	    "HTTP status 204, check-body is not in the body, "
	    "which this status excludes" },
};

static const struct talk redis[] = {
	{ "redis",
	    { HEAR("PING\r\n"), BYTES("+PONG\r\n"), HEAR("QUIT\r\n"),
		SAY("+OK\r\n"), LEAVE, GONE },
	    HEALTH_PASSED, "PONG" },
	{ "redis",
	    { HEAR("PING\r\n"), SAY("-NOAUTH Authentication required.\r\n"),
		HEAR("QUIT\r\n") },
	    HEALTH_PASSED, "asks for a password" },
	{ "redis",
	    { SAY("-LOADING Redis is loading the dataset in memory, and "
		  "that is a long line to be held here\r\n") },
	    HEALTH_ERROR, "error LOADING" },
	{ "redis", { SAY("-ERR max number of clients reached\r\n") },
	    HEALTH_ERROR, "error ERR" },
	{ "redis", { SAY("-NEW\r\n") }, HEALTH_ERROR, "error of another kind" },
	{ "redis", { SAY("+PONGS\r\n") }, HEALTH_GARBLED,
	    "answer is not Redis" },
	{ "redis", { SAY("HTTP/1.1 400 Bad Request\r\n") }, HEALTH_GARBLED,
	    "answer is not Redis" },
	{ "redis", { SAY("+PO"), LEAVE }, HEALTH_CLOSED,
	    "closed without an answer" },
};

static const struct talk smtp[] = {
	{ "smtp",
	    { BYTES("220 mail ESMTP\r\n"), HEAR("QUIT\r\n"), SAY("221 bye\r\n"),
		LEAVE, GONE },
	    HEALTH_PASSED, "status 220" },
	{ "smtp",
	    { BYTES("220-mail\r\n220-please\r\n220\r\n"), HEAR("QUIT\r\n") },
	    HEALTH_PASSED, "status 220" },
	{ "smtp",
	    { SAY("554-no\r\n"), SAY("554 service\r\n"), HEAR("QUIT\r\n") },
	    HEALTH_STATUS, "status 554" },
	{ "smtp", { SAY("220mail\r\n") }, HEALTH_GARBLED,
	    "answer is not SMTP" },
	{ "smtp", { SAY("HTTP/1.1 400\r\n") }, HEALTH_GARBLED,
	    "answer is not SMTP" },
	{ "smtp", { SAY("220-mail\r\n"), QUIET }, HEALTH_NO_ANSWER,
	    "no answer" },
};

#define START \
	"\0\0\0\x39\0\3\0\0user\0lb4\0database\0postgres\0" \
	"application_name\0lb4\0"
#define LET_IN "R\0\0\0\x08\0\0\0\0"
#define READY "Z\0\0\0\5I"
static const struct talk postgresql[] = {
	{ "postgresql lb4",
	    { HEAR(START "\0"),
		BYTES(LET_IN "S\0\0\0\x0c"
			     "a\0"
			     "bcdef\0" READY),
		HEAR("X\0\0\0\4"), GONE },
	    HEALTH_PASSED, "logged in" },
	{ "postgresql lb4 postgres",
	    { HEAR(START "\0"), BYTES("R\0\0\0\x0c\0\0\0\5abcd"), GONE },
	    HEALTH_PASSED, "asks for a password" },
	{ "postgresql lb4",
	    { BYTES("E\0\0\0\x1bSFATAL\0VFATAL\0C57P03\0M\0\0") }, HEALTH_ERROR,
	    "error of class 57: starting up, or shutting down" },
	{ "postgresql lb4",
	    { SAY("E\0\0\0\x0d"
		  "SFATAL\0C\0") },
	    HEALTH_GARBLED, "answer is not PostgreSQL" },
	{ "postgresql lb4", { SAY("EFATAL:  sorry") }, HEALTH_GARBLED,
	    "answer is not PostgreSQL" },
	{ "postgresql lb4", { SAY("R\0\0\0\3") }, HEALTH_GARBLED,
	    "answer is not PostgreSQL" },
	{ "postgresql lb4", { SAY("R\0\0\0\4") }, HEALTH_GARBLED,
	    "answer is not PostgreSQL" },
	{ "postgresql lb4", { SAY(LET_IN), LEAVE }, HEALTH_CLOSED,
	    "closed without an answer" },
};

#define GREETING \
	"\x0a\0\0\0\x0a" \
	"10.11\0" \
	"abc"
#define LOGIN \
	"\x3b\0\0\1\1\x82\x08\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"\0\0\0\0\0\0\0\0\0\0lb4\0\0mysql_native_password\0"
static const struct talk mysql[] = {
	{ "mysql lb4",
	    { BYTES(GREETING), HEAR(LOGIN), BYTES("\7\0\0\2\0\0\0\2\0\0\0"),
		HEAR("\1\0\0\0\1"), LEAVE, GONE },
	    HEALTH_PASSED, "logged in" },
	{ "mysql lb4",
	    { SAY(GREETING), HEAR(LOGIN),
		SAY("\x17\0\0\2\xfe"
		    "caching_sha2_password\0"),
		HEAR("\1\0\0\3\0"), SAY("\7\0\0\4\0\0\0\2\0\0\0"),
		HEAR("\1\0\0\0\1") },
	    HEALTH_PASSED, "logged in" },
	{ "mysql lb4",
	    { SAY(GREETING), HEAR(LOGIN),
		SAY("\x0f\0\0\2\xfe"
		    "client_ed2551\0"),
		HEAR("\0\0\0\3"), SAY("\x05\0\0\4\xff\x15\4no") },
	    HEALTH_ERROR, "error 1045" },
	{ "mysql lb4", { BYTES("\5\0\0\0\xff\x69\4no") }, HEALTH_ERROR,
	    "error 1129" },
	{ "mysql lb4", { SAY("\1\0\0\0\x09") }, HEALTH_GARBLED,
	    "answer is not MySQL" },
	{ "mysql lb4", { SAY("\7\0\0\0\0\0\0\2\0\0\0") }, HEALTH_GARBLED,
	    "answer is not MySQL" },
	{ "mysql lb4", { SAY("HTTP/1.1 400\r\n") }, HEALTH_GARBLED,
	    "answer is not MySQL" },
	{ "mysql lb4", { SAY("\0\0\0\0") }, HEALTH_GARBLED,
	    "answer is not MySQL" },
};

#define EACH(talks) \
	for (size_t i = 0; i < sizeof(talks) / sizeof((talks)[0]); i++) \
	run(&(talks)[i])

START_TEST(tcp_talks)
{
	EACH(tcp);
}
END_TEST

START_TEST(http_talks)
{
	EACH(http);
}
END_TEST

START_TEST(redis_talks)
{
	EACH(redis);
}
END_TEST

START_TEST(smtp_talks)
{
	EACH(smtp);
}
END_TEST

START_TEST(postgresql_talks)
{
	EACH(postgresql);
}
END_TEST

START_TEST(mysql_talks)
{
	EACH(mysql);
}
END_TEST

/* What is refused of the arguments, and in which words. */
START_TEST(arguments)
{
	static const struct {
		enum check_kind kind;
		const char *args;
		const char *why;
	} samples[] = {
		{ CHECK_TCP, "send", "send has no text: write send TEXT" },
		{ CHECK_TCP, "send a expect",
		    "expect has no text: write expect TEXT" },
		{ CHECK_TCP, "80",
		    "\"80\" is not a step of a check: give send "
		    "TEXT or expect TEXT" },
		{ CHECK_TCP, "send \\q",
		    "'\\' without x and two hex digits, or r, n or t: write "
		    "\\x5c for a backslash" },
		{ CHECK_TCP,
		    "expect a expect a expect a expect a expect a expect a "
		    "expect a expect a expect a expect a expect a expect a "
		    "expect a expect a expect a expect a expect a",
		    "more than 16 steps: remove some" },
		{ CHECK_REDIS, "x", "\"x\" is one word too many: remove it" },
		{ CHECK_SMTP, "x", "\"x\" is one word too many: remove it" },
		{ CHECK_MYSQL, "",
		    "mysql needs a user: write check = mysql USER" },
		{ CHECK_MYSQL, "a b", "\"b\" is one word too many: remove it" },
		{ CHECK_POSTGRESQL, "",
		    "postgresql needs a user: write check = postgresql USER" },
		{ CHECK_POSTGRESQL, "a b c",
		    "\"c\" is one word too many: remove it" },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct config_check check = { .kind = samples[i].kind };
		struct why why = { "" };
		void *own = &own;

		snprintf(check.args, sizeof(check.args), "%s", samples[i].args);

		ck_assert_int_eq(check_way(samples[i].kind)
				     ->parse(&check, &own, &why),
		    -EINVAL);
		ck_assert_ptr_null(own);
		ck_assert_str_eq(why.text, samples[i].why);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tc = tcase_create("probe");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, tcp_talks);
	tcase_add_test(tc, http_talks);
	tcase_add_test(tc, redis_talks);
	tcase_add_test(tc, smtp_talks);
	tcase_add_test(tc, postgresql_talks);
	tcase_add_test(tc, mysql_talks);
	tcase_add_test(tc, arguments);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
