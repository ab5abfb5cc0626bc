/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The HTTP server over socket pairs, turn by turn: methods, invalid requests,
 * which visitor makes room for another, delayed answers and shared bodies. */
#include "lb4/http/http.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 500
#define BIG (1U << 20)

static struct http *http;
static struct http_body *shared;
static bool later;
static unsigned asked;

static enum http_outcome
on_request(void *context, const struct http_request *request,
    struct http_answer *answer)
{
	const char *word = http_argument(request, "word");

	ck_assert_ptr_eq(context, &asked);
	asked++;
	if (strcmp(request->path, "/shared") == 0)
		answer->body = http_body_ref(shared);
	else if (strcmp(request->path, "/constant") == 0)
		answer->body = http_body_constant(http, "text/css", "a { }", 5);
	else if (later)
		return HTTP_LATER;
	else
		(void)snprintf(answer->text, sizeof(answer->text),
		    "%s word=%s accept=%s", request->path,
		    word != NULL ? word : "-", request->accept);
	return HTTP_ANSWERED;
}

static void
setup(void)
{
	const struct http_handler handler = { .context = &asked,
		.answer = on_request };

	(void)signal(SIGPIPE, SIG_IGN);
	later = false;
	asked = 0;
	ck_assert_int_eq(http_open_alone(&http, &handler), 0);
}

static void
teardown(void)
{
	http_free(http);
}

static void
turn(unsigned turns)
{
	while (turns-- > 0)
		ck_assert_int_eq(http_turn(http, 0), 0);
}

/* A visitor that has sent so much; its end of the pair. */
static int
visit(const void *bytes, size_t len)
{
	int pair[2], size = 4 << 20;

	ck_assert_int_eq(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	http_take(http, pair[1]);
	for (size_t at = 0; at < len;) {
		ssize_t n = send(pair[0], (const char *)bytes + at, len - at,
		    MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EAGAIN)
			break;
		turn(1);
	}
	return pair[0];
}

/* All that the visitor is told until its end; "" closed without a word; NULL:
 * not closed. */
static const char *
hear(int fd)
{
	static char text[1024];
	size_t len = 0;

	for (int i = 0; i < TURNS; i++) {
		ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);

		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			close(fd);
			text[len] = '\0';
			return text;
		}
		if (n > 0)
			len += (size_t)n;
		turn(1);
	}
	return NULL;
}

static const char *
ask(const char *request)
{
	return hear(visit(request, strlen(request)));
}

static void
require_status(const char *heard, const char *status)
{
	ck_assert_ptr_nonnull(heard);
	ck_assert_msg(strncmp(heard, status, strlen(status)) == 0, "%s", heard);
}

START_TEST(test_get_and_head)
{
	const char *heard = ask("GET /a%2fb?x=1&word=y%20z HTTP/1.1\r\n"
				"Host: h\r\naccept: q/q\r\n\r\n");

	require_status(heard, "HTTP/1.1 200 ");
	ck_assert_ptr_nonnull(strstr(heard, "\r\nConnection: close\r\n"));
	ck_assert_ptr_nonnull(strstr(heard,
	    "\r\n\r\n/a/b word=y z accept=q/q"));
	heard = ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
	require_status(heard, "HTTP/1.1 200 ");
	ck_assert_str_eq(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(heard, "\r\nContent-Length: 16\r\n"));
	require_status(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.");
	ck_assert_uint_eq(asked, 3);
	turn(2);
	ck_assert_uint_eq(http_visitors(http), 0);
}
END_TEST

/* A browser is to load and run only what is served here. */
START_TEST(test_constant_and_policy)
{
	static const char *const fields[] = {
		"\r\nContent-Security-Policy: default-src 'none'; ",
		"; frame-ancestors 'none'",
		"\r\nX-Content-Type-Options: nosniff\r\n",
		"\r\nReferrer-Policy: no-referrer\r\n",
		"\r\nCache-Control: no-store\r\n",
	};
	const char *heard = ask("GET /constant HTTP/1.0\r\n\r\n");

	require_status(heard, "HTTP/1.1 200 ");
	ck_assert_ptr_nonnull(strstr(heard, "\r\nContent-Type: text/css\r\n"));
	ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\na { }"));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		ck_assert_ptr_nonnull(strstr(heard, fields[i]));
		heard = ask("GET /any HTTP/1.0\r\n\r\n");
		ck_assert_ptr_nonnull(strstr(heard, fields[i]));
		heard = ask("GET /constant HTTP/1.0\r\n\r\n");
	}
}
END_TEST

START_TEST(test_other_methods)
{
	const char *heard = ask("POST / HTTP/1.1\r\nHost: h\r\n"
				"Content-Length: 5\r\n\r\nhello");

	require_status(heard, "HTTP/1.1 405 ");
	ck_assert_ptr_nonnull(strstr(heard, "\r\nAllow: GET, HEAD\r\n"));
	require_status(ask("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"),
	    "HTTP/1.1 405 ");
	require_status(ask("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
	    "HTTP/1.1 405 ");
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* One request a conn: what follows is not answered. */
START_TEST(test_one_request)
{
	const char *heard = ask("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
				"GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");

	require_status(heard, "HTTP/1.1 200 ");
	ck_assert_ptr_null(strstr(heard, "/2"));
	ck_assert_uint_eq(asked, 1);
}
END_TEST

START_TEST(test_no_request)
{
	const char head[] = "GET / HTTP/1.1\r\nX: ";
	char *big = malloc(BIG);

	ck_assert_ptr_nonnull(ask("GET\r\n\r\n"));
	ck_assert_ptr_nonnull(ask("GET / HTTP/9.9\r\nHost\r\n\r\n"));
	memset(big, 'a', BIG);
	ck_assert_ptr_nonnull(hear(visit(big, BIG)));
	memcpy(big, head, sizeof(head) - 1);
	require_status(hear(visit(big, BIG)), "HTTP/1.1 431 ");
	ck_assert_uint_eq(asked, 0);
	turn(2);
	ck_assert_uint_eq(http_visitors(http), 0);
	free(big);
}
END_TEST

/* Idle ones and half requests make room, the oldest first; one who is being
 * answered stays. */
START_TEST(test_making_room)
{
	const char half[] = "GET / HTTP/1.1\r\n";
	const char whole[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	int fd[HTTP_VISITORS_MAX], served;

	later = true;
	served = visit(whole, sizeof(whole) - 1);
	turn(5);
	ck_assert_uint_eq(asked, 1);
	for (int i = 0; i < HTTP_VISITORS_MAX - 1; i++)
		fd[i] = visit(half, i % 2 == 0 ? 0 : sizeof(half) - 1);
	turn(5);
	ck_assert_uint_eq(http_visitors(http), HTTP_VISITORS_MAX);
	require_status(ask("POST / HTTP/1.1\r\nHost: h\r\n\r\n"),
	    "HTTP/1.1 405 ");
	ck_assert_str_eq(hear(fd[0]), "");
	ck_assert_ptr_null(hear(fd[1]));
	for (int i = 0; i < 1000; i++)
		close(visit("", 0));
	for (int i = 1; i < HTTP_VISITORS_MAX - 1; i++)
		close(fd[i]);
	later = false;
	http_retry(http);
	require_status(hear(served), "HTTP/1.1 200 ");
	turn(5);
	ck_assert_uint_eq(http_visitors(http), 0);
}
END_TEST

/* When all are being answered the oldest of them makes room. */
START_TEST(test_all_served)
{
	const char whole[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	int fd[HTTP_VISITORS_MAX];

	later = true;
	for (int i = 0; i < HTTP_VISITORS_MAX; i++) {
		fd[i] = visit(whole, sizeof(whole) - 1);
		turn(2);
	}
	ck_assert_uint_eq(asked, HTTP_VISITORS_MAX);
	require_status(ask("POST / HTTP/1.1\r\nHost: h\r\n\r\n"),
	    "HTTP/1.1 405 ");
	ck_assert_str_eq(hear(fd[0]), "");
	later = false;
	http_retry(http);
	for (int i = 1; i < HTTP_VISITORS_MAX; i++)
		require_status(hear(fd[i]), "HTTP/1.1 200 ");
}
END_TEST

/* Bodies outlive the handler's interest in them; what is not read is bounded,
 * at the cost of those who do not read. */
START_TEST(test_bodies)
{
	const size_t len = HTTP_BODY_BYTES / 2;
	char *text = malloc(len);
	int fd;

	memset(text, 'x', len);
	shared = http_body_new(http, "text/plain", text, len);
	ck_assert(http_body_room(http));
	fd = visit("GET /shared HTTP/1.1\r\n\r\n", 24);
	close(fd); /* it had no Host */
	fd = visit("GET /shared HTTP/1.1\r\nHost: h\r\n\r\n", 33);
	turn(10);
	http_body_unref(shared);
	ck_assert(http_body_room(http)); /* the visitor has it still */

	text = malloc(len + 1);
	memset(text, 'y', len + 1);
	shared = http_body_new(http, "text/plain", text, len + 1);
	ck_assert(!http_body_room(http)); /* the visitor is cut off */
	turn(10);
	ck_assert(http_body_room(http));
	ck_assert_uint_eq(http_visitors(http), 0);
	http_body_unref(shared);
	close(fd);
}
END_TEST

/* With suspended visitors it can end. */
START_TEST(test_end)
{
	const char whole[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

	later = true;
	for (int i = 0; i < 3; i++)
		(void)visit(whole, sizeof(whole) - 1);
	turn(5);
	ck_assert_uint_eq(asked, 3);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http");
	TCase *tests = tcase_create("visitors");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_get_and_head);
	tcase_add_test(tests, test_constant_and_policy);
	tcase_add_test(tests, test_other_methods);
	tcase_add_test(tests, test_one_request);
	tcase_add_test(tests, test_no_request);
	tcase_add_test(tests, test_making_room);
	tcase_add_test(tests, test_all_served);
	tcase_add_test(tests, test_bodies);
	tcase_add_test(tests, test_end);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
