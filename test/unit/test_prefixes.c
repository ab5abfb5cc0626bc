/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Prefixes and sets of them: against a search of the whole list. */
#include "common/prefixes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

static struct endpoint
ip_of(const char *text)
{
	struct prefix prefix;
	struct endpoint ip = { .port = 0 };

	ck_assert_int_eq(prefix_parse(&prefix, text, NULL), 0);
	memcpy(ip.ip, prefix.ip, sizeof(ip.ip));
	ip.family = prefix.family;
	return ip;
}

static struct prefixes *
build(struct prefix *list, const char *const *text, size_t count)
{
	struct prefixes *set;

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(prefix_parse(&list[i], text[i], NULL), 0);
	ck_assert_int_eq(prefixes_build(&set, list, count, sizeof(list[0])), 0);
	return set;
}

static void
finds(const struct prefixes *set, const char *address, uint32_t index)
{
	const struct endpoint ip = ip_of(address);

	ck_assert_uint_eq(prefixes_find(set, &ip), index);
}

START_TEST(texts)
{
	static const char *const good[][2] = {
		{ "192.0.2.0/24", "192.0.2.0/24" },
		{ "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7/32", "192.0.2.7" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "::/0", "::/0" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "::/96", "::/96" },
	};
	static const char *const bad[] = { "", "/", "/8", "10.0.0.0/33",
		"10.0.0.0/", "10.0.0.0/8 ", "10.0.0.0/-1", "10.0.0.0/08x",
		"10.0.0.1/8", "2001:db8::1/64", "2001:db8::/129", "10.0.0",
		"example.org", "[::1]", "::/0/0", "1.2.3.4:80", "fe80::1%lo" };
	struct prefix prefix;
	char text[PREFIX_TEXT_MAX];
	const char *why;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(prefix_parse(&prefix, good[i][0], &why), 0);
		ck_assert_str_eq(prefix_format(&prefix, text, sizeof(text)),
		    good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		ck_assert_int_lt(prefix_parse(&prefix, bad[i], &why), 0);
		ck_assert_ptr_nonnull(why);
	}
}
END_TEST

START_TEST(longest)
{
	static const char *const text[] = { "10.0.0.0/8", "10.1.0.0/16",
		"10.1.2.3", "10.1.0.0/16", "0.0.0.0/0", "255.255.255.255",
		"2001:db8::/32", "2001:db8:0:1::/64", "2001:db8:0:1::80/121",
		"2001:db8:0:1::ff", "ffff:ffff:ffff:ffff::/64" };
	const size_t count = sizeof(text) / sizeof(text[0]);
	struct prefix list[sizeof(text) / sizeof(text[0])];
	struct prefixes *set = build(list, text, count);
	const struct endpoint none = { .family = AF_UNIX };

	finds(set, "10.0.0.0", 0);
	finds(set, "10.255.255.255", 0);
	finds(set, "10.1.2.2", 1);
	finds(set, "10.1.2.3", 2);
	finds(set, "10.1.2.4", 1);
	finds(set, "10.2.0.0", 0);
	finds(set, "11.0.0.0", 4);
	finds(set, "::ffff:10.1.2.3", 2);
	finds(set, "0.0.0.0", 4);
	finds(set, "255.255.255.255", 5);
	finds(set, "2001:db8::1", 6);
	finds(set, "2001:db8:0:1::1", 7);
	finds(set, "2001:db8:0:1::7f", 7);
	finds(set, "2001:db8:0:1::80", 8);
	finds(set, "2001:db8:0:1::fe", 8);
	finds(set, "2001:db8:0:1::ff", 9);
	finds(set, "2001:db8:0:1::100", 7);
	finds(set, "2001:db8:0:2::", 6);
	finds(set, "2001:db9::", PREFIXES_NONE);
	finds(set, "::", PREFIXES_NONE);
	finds(set, "ffff:ffff:ffff:fffe::", PREFIXES_NONE);
	finds(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 10);
	ck_assert_uint_eq(prefixes_find(set, &none), PREFIXES_NONE);
	ck_assert_uint_eq(prefixes_find(NULL, &none), PREFIXES_NONE);
	prefixes_free(set);
}
END_TEST

/* The last address of all, in sets whose nodes are not all full. */
START_TEST(last)
{
	static const size_t counts[] = { 1, 5, 9, 600, 60000 };
	const size_t count = counts[_i];
	struct prefix *list = calloc(2 * count, sizeof(list[0]));
	struct prefixes *set;

	ck_assert_ptr_nonnull(list);
	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT_MAX];

		(void)snprintf(text, sizeof(text), "10.%zu.%zu.1", i / 256,
		    i % 256);
		ck_assert_int_eq(prefix_parse(&list[2 * i], text, NULL), 0);
		(void)snprintf(text, sizeof(text), "2001:db8:%zx::1", i);
		ck_assert_int_eq(prefix_parse(&list[2 * i + 1], text, NULL), 0);
	}
	ck_assert_int_eq(prefixes_build(&set, list, 2 * count, sizeof(list[0])),
	    0);
	finds(set, "255.255.255.255", PREFIXES_NONE);
	finds(set, "255.255.255.254", PREFIXES_NONE);
	finds(set, "ffff:ffff:ffff:ffff::", PREFIXES_NONE);
	finds(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PREFIXES_NONE);
	finds(set, "10.0.0.1", 0);
	finds(set, "2001:db8::1", 1);
	prefixes_free(set);
	free(list);
}
END_TEST

START_TEST(none_at_all)
{
	struct prefixes *set = build(NULL, NULL, 0);

	finds(set, "10.0.0.0", PREFIXES_NONE);
	finds(set, "::1", PREFIXES_NONE);
	prefixes_free(set);
	prefixes_free(NULL);
}
END_TEST

static uint64_t drawn;

static uint64_t
draw(void)
{
	return hash_mix(++drawn);
}

/* An address of a small part of the space, so that prefixes overlap. */
static struct endpoint
draw_ip(void)
{
	struct endpoint ip = { .family = AF_INET6 };
	const uint64_t bits = draw();

	if (bits % 2 == 0) {
		ip.family = AF_INET;
		ip.ip[10] = ip.ip[11] = 0xff;
		ip.ip[12] = 10;
	} else {
		ip.ip[0] = 0x20;
		ip.ip[7] = bits >> 40 & 3;
		ip.ip[12] = bits >> 48 & 3;
	}
	ip.ip[13] = bits >> 8 & 3;
	ip.ip[14] = bits >> 16 & 255;
	ip.ip[15] = bits >> 24 & 255;
	return ip;
}

#define MANY 600

static uint32_t
search(const struct prefix *list, const struct endpoint *ip)
{
	uint32_t best = PREFIXES_NONE;

	for (uint32_t i = 0; i < MANY; i++)
		if (prefix_contains(&list[i], ip) &&
		    (best == PREFIXES_NONE || list[i].bits > list[best].bits))
			best = i;
	return best;
}

START_TEST(as_a_search)
{
	static struct prefix list[MANY];
	struct prefixes *set;

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < MANY; i++) {
			const struct endpoint ip = draw_ip();

			prefix_of(&list[i], &ip, (unsigned)(draw() % 33),
			    (unsigned)(draw() % 129));
		}
		ck_assert_int_eq(prefixes_build(&set, list, MANY,
				     sizeof(list[0])),
		    0);
		for (int i = 0; i < 400; i++) {
			const struct endpoint ip = draw_ip();

			ck_assert_uint_eq(prefixes_find(set, &ip),
			    search(list, &ip));
		}
		prefixes_free(set);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("prefixes");
	TCase *tests = tcase_create("prefixes");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, texts);
	tcase_add_test(tests, longest);
	tcase_add_loop_test(tests, last, 0, 5);
	tcase_add_test(tests, none_at_all);
	tcase_add_test(tests, as_a_search);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
