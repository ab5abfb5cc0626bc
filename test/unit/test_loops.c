/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
#include "lb4/config/config.h"
#include "lb4/config/loops.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/here.h"

#define SELF(text, service, listen) \
	"t.ini:4: [service a] backend: one leads back to lb4: " text \
	" is where [service " service "] listens (" listen "): give " \
	"the address of a server"

#define A(listen, backend) \
	"[service a]\nlisten = " listen "\n\nbackend = one " backend "\n"
#define B(listen) "[service b]\nlisten = " listen "\nbackend = x 10.9.9.9:9\n"

static const struct {
	const char *text;
	const char *want; /* NULL: nothing is wrong */
} samples[] = {
	/* the same address */
	{ A("10.0.0.1:80", "10.0.0.1:80"),
	    SELF("10.0.0.1:80", "a", "10.0.0.1:80") },
	{ A("[2001:db8::1]:80", "[2001:db8::1]:80"),
	    SELF("[2001:db8::1]:80", "a", "[2001:db8::1]:80") },
	{ A("10.0.0.1:80", "[::ffff:10.0.0.1]:80"),
	    SELF("[::ffff:10.0.0.1]:80", "a", "10.0.0.1:80") },
	{ A("10.0.0.1:80", "10.0.0.1:81"), NULL },
	{ A("10.0.0.1:80", "10.0.0.2:80"), NULL },
	{ A("[fe80::1%lo]:80", "[fe80::1%lo]:80"),
	    SELF("[fe80::1%lo]:80", "a", "[fe80::1%lo]:80") },
	/* of another service */
	{ A("10.0.0.1:80", "10.0.0.1:81") B("10.0.0.1:81"),
	    SELF("10.0.0.1:81", "b", "10.0.0.1:81") },
	/* loopback and a wildcard */
	{ A(":80", "127.0.0.1:80"), SELF("127.0.0.1:80", "a", ":80") },
	{ A(":80", "127.9.9.9:80"), SELF("127.9.9.9:80", "a", ":80") },
	{ A(":80", "[::1]:80"), SELF("[::1]:80", "a", ":80") },
	{ A("0.0.0.0:80", "127.0.0.1:80"),
	    SELF("127.0.0.1:80", "a", "0.0.0.0:80") },
	{ A("[::]:80", "[::1]:80"), SELF("[::1]:80", "a", "[::]:80") },
	{ A("[::]:80", "127.0.0.1:80"), NULL },
	{ A("0.0.0.0:80", "[::1]:80"), NULL },
	{ A(":80", "127.0.0.1:81"), NULL },
	{ A("10.0.0.1:80", "127.0.0.1:80"), NULL },
	/* no port: the one that the client came to */
	{ A(":80", "127.0.0.1"), SELF("127.0.0.1:80", "a", ":80") },
	{ A("10.0.0.1:80", "10.0.0.1"),
	    SELF("10.0.0.1:80", "a", "10.0.0.1:80") },
	{ A("10.0.0.1:80\nlisten = 10.0.0.1:81", "10.0.0.2"), NULL },
	/* ... but not to that of another service */
	{ A("10.0.0.1:80", "127.0.0.1") B(":81"), NULL },
	{ A("10.0.0.1:80", "127.0.0.1") B("127.0.0.1:80"),
	    SELF("127.0.0.1:80", "b", "127.0.0.1:80") },
	/* a wildcard, and an address of this host: 192.0.2.1 here */
	{ A(":80", "192.0.2.1:80"), SELF("192.0.2.1:80", "a", ":80") },
	{ A(":80", "192.0.2.1"), SELF("192.0.2.1:80", "a", ":80") },
	{ A(":80", "192.0.2.2:80"), NULL },
	/* only the kernel knows the port */
	{ A("127.0.0.1:0", "127.0.0.1:80"), NULL },
	{ A("127.0.0.1:0", "127.0.0.1"), NULL },
	{ A("fd:web", "127.0.0.1:80"), NULL },
	/* unix sockets */
	{ A("unix:/run/a", "unix:/run/a"),
	    SELF("unix:/run/a", "a", "unix:/run/a") },
	{ A("unix:@a", "unix:@a"), SELF("unix:@a", "a", "unix:@a") },
	{ A("unix:/run/a", "unix:/run/ab"), NULL },
	{ A("unix:/run/a", "unix:/run/b"), NULL },
	{ A("unix:/run/a", "unix:/run/b") B("unix:/run/b"),
	    SELF("unix:/run/b", "b", "unix:/run/b") },
	{ A(":80", "unix:/run/c") "[global]\ncontrol = /run/c\n",
	    "t.ini:4: [service a] backend: one leads back to lb4: unix:/run/c "
	    "is its control socket: give the address of a server" },
	{ A(":80", "unix:/run/d") "[global]\ncontrol = /run/c\n", NULL },
};

static bool
is_here(const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	return strncmp(addr_format(addr, text, sizeof(text)),
		   "192.0.2.1:", 10) == 0;
}

/* What is wrong by the text alone is an error of the file; the rest is found
 * with the addresses of the host. */
START_TEST(test_samples)
{
	const char *text = samples[_i].text;
	const char *want = samples[_i].want;
	const bool by_host = strstr(text, "192.0.2.1") != NULL;
	struct config_errors list, found;
	struct errors errors;
	struct config *config = config_parse("t.ini", text, strlen(text),
	    &list);

	if (config != NULL) {
		ck_assert(want == NULL || by_host);
		errors_init(&errors, "t.ini", &found);
		ck_assert_int_eq(loops_check(config, NULL, is_here, &errors),
		    0);
		ck_assert_uint_eq(found.count, want != NULL);
		if (want != NULL)
			ck_assert_str_eq(found.text[0], want);
		errors_done(&errors);
		config_errors_done(&found);

		errors_init(&errors, "t.ini", &found);
		ck_assert_int_eq(loops_check_backend(config,
				     &config->service[0],
				     &config->service[0].backend[0], is_here,
				     &errors),
		    0);
		ck_assert_uint_eq(found.count, want != NULL);
		errors_done(&errors);
		config_errors_done(&found);
	} else {
		ck_assert_uint_eq(list.count, 1);
		ck_assert_ptr_nonnull(want);
		ck_assert(!by_host);
		ck_assert_str_eq(list.text[0], want);
	}
	config_free(config);
	config_errors_done(&list);
}
END_TEST

START_TEST(test_adhoc)
{
	const char *const backend[] = { "10.0.0.1:80", "127.0.0.1" };
	struct config_errors errors = { .count = 0 };

	ck_assert_ptr_null(config_adhoc(NULL, ":80", backend, 2, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.text[0],
	    "[service adhoc] backend: b2 leads back to lb4: 127.0.0.1:80 is "
	    "where [service adhoc] listens (:80): give the address of a "
	    "server");
	config_errors_done(&errors);
}
END_TEST

/* Documentation's addresses (RFC 5737, RFC 3849) are nobody's. */
START_TEST(test_here)
{
	struct addr addr = { .len = 0 };

	ck_assert(!here_has(&addr));
	ck_assert_int_eq(addr_parse(&addr, "127.0.0.1:80", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	ck_assert(here_has(&addr));
	ck_assert_int_eq(addr_parse(&addr, "192.0.2.1", ADDR_PORT_OPTIONAL,
			     NULL),
	    0);
	ck_assert(!here_has(&addr));
	ck_assert_int_eq(addr_parse(&addr, "[2001:db8::1]:80",
			     ADDR_PORT_OPTIONAL, NULL),
	    0);
	ck_assert(!here_has(&addr));
	ck_assert_int_eq(addr_parse(&addr, "unix:/run/a", ADDR_PORT_OPTIONAL,
			     NULL),
	    0);
	ck_assert(!here_has(&addr));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("loops");
	TCase *tc = tcase_create("loops");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, test_samples, 0,
	    sizeof(samples) / sizeof(samples[0]));
	tcase_add_test(tc, test_adhoc);
	tcase_add_test(tc, test_here);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
