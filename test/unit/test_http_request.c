/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The request of a check: the Host field for every form of address that can be
 * checked.
 */
#include "lb4/health/http_request.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *addr;
	const char *host;
} samples[] = {
	{ "192.0.2.1:8080", "192.0.2.1:8080" },
	{ "192.0.2.1:80", "192.0.2.1" },
	{ "192.0.2.1:8", "192.0.2.1:8" },
	{ "192.0.2.1:443", "192.0.2.1:443" },
	{ "[2001:db8::1]:8080", "[2001:db8::1]:8080" },
	{ "[2001:db8::1]:80", "[2001:db8::1]" },
	{ "[2001:DB8:0::80]:80", "[2001:db8::80]" },
	{ "[fe80::1%lo]:8080", "[fe80::1]:8080" },
	{ "[fe80::1%lo]:80", "[fe80::1]" },
	{ "unix:/run/app:80/app.sock", "localhost" },
	{ "unix:@app", "localhost" },
};

START_TEST(host_of_each_address)
{
	char host[HTTP_HOST_MAX];
	struct addr addr;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		ck_assert_int_eq(addr_parse(&addr, samples[i].addr,
				     ADDR_PORT_REQUIRED, NULL),
		    0);
		ck_assert_str_eq(http_request_host(&addr, 80, host,
				     sizeof(host)),
		    samples[i].host);
	}
}
END_TEST

static void
require_request(const struct http_ask *ask, const char *host, const char *want)
{
	char buf[HTTP_REQUEST_MAX];
	struct addr addr;
	size_t len;

	ck_assert_int_eq(addr_parse(&addr, "[fe80::1%lo]:80",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	len = http_request_write(ask, host, &addr, buf, sizeof(buf));
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_str_eq(buf, want);
}

START_TEST(request)
{
	const struct http_ask ask = { .method = "HEAD", .path = "/a?b" };

	require_request(&ask, "",
	    "HEAD /a?b HTTP/1.1\r\nHost: [fe80::1]\r\nUser-Agent: lb4\r\n"
	    "Connection: close\r\n\r\n");
	require_request(&ask, "app.example",
	    "HEAD /a?b HTTP/1.1\r\nHost: app.example\r\nUser-Agent: lb4\r\n"
	    "Connection: close\r\n\r\n");
}
END_TEST

/* The port of https may be missing, too; a User-Agent replaces lb4's. */
START_TEST(fields)
{
	const struct http_ask ask = {
		.method = "POST",
		.path = "/",
		.tls = true,
		.headers = "X: y\r\nuser-agent: z\r\n",
	};

	require_request(&ask, "",
	    "POST / HTTP/1.1\r\nHost: [fe80::1]:80\r\n"
	    "Connection: close\r\nContent-Length: 0\r\n"
	    "X: y\r\nuser-agent: z\r\n\r\n");
}
END_TEST

START_TEST(longest_request)
{
	struct http_ask ask = { .tls = false };
	char host[CONFIG_HOST_MAX] = "";
	char buf[HTTP_REQUEST_MAX];
	struct addr addr;

	memset(ask.method, 'M', sizeof(ask.method) - 1);
	memset(ask.path, '/', sizeof(ask.path) - 1);
	memset(host, 'h', sizeof(host) - 1);
	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:1", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	ck_assert_uint_lt(http_request_write(&ask, host, &addr, buf,
			      sizeof(buf)),
	    sizeof(buf));
	ck_assert_ptr_nonnull(strstr(buf, "h\r\nUser-Agent"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_request");
	TCase *tc = tcase_create("http_request");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, host_of_each_address);
	tcase_add_test(tc, request);
	tcase_add_test(tc, fields);
	tcase_add_test(tc, longest_request);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
