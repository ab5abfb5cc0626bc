/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Addresses: what is accepted and how it is written again, what is refused and
 * with which words.
 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define PATH_107 \
	"/234567890/234567890/234567890/234567890/234567890/23" \
	"4567890/234567890/234567890/234567890/234567890/234567"

static const char no_host_names[] =
    "host names are not supported; write an IP address";
static const char bad_port[] = "port must be 0 to 65535";
static const char bad_ipv4[] = "not an IPv4 address";
static const char bad_ipv6[] = "not an IPv6 address";
static const char no_brackets[] =
    "an IPv6 address needs brackets, as in [::1]:80";
static const char after_bracket[] = "only a port may follow the bracket";
static const char no_zone[] = "only a link-local address (fe80::) has a zone";
static const char url[] = "a URL is no address; write only its host and port";
static const char relative_path[] =
    "the unix socket's path is relative; begin it with /";
static const char empty_path[] = "the unix socket's path is empty";
static const char long_path[] =
    "the unix socket's path is too long (107 bytes at most)";

static const struct {
	const char *text;
	const char *formatted;
	int family;
	uint16_t port;
	bool wildcard;
	bool dual;
} good[] = {
	{ "192.0.2.1:80", "192.0.2.1:80", AF_INET, 80, false, false },
	{ "0.0.0.0:0", "0.0.0.0:0", AF_INET, 0, true, false },
	{ "255.255.255.255:65535", "255.255.255.255:65535", AF_INET, 65535,
	    false, false },
	{ "127.0.0.1:00080", "127.0.0.1:80", AF_INET, 80, false, false },
	{ "[::1]:80", "[::1]:80", AF_INET6, 80, false, false },
	{ "[::]:443", "[::]:443", AF_INET6, 443, true, false },
	{ "[2001:DB8:0:0::1]:1", "[2001:db8::1]:1", AF_INET6, 1, false, false },
	{ "[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80", AF_INET6, 80, false,
	    false },
	{ "[fe80::1]:80", "[fe80::1]:80", AF_INET6, 80, false, false },
	{ "[fe80::1%lo]:80", "[fe80::1%lo]:80", AF_INET6, 80, false, false },
	{ ":80", ":80", AF_INET6, 80, true, true },
	{ ":0", ":0", AF_INET6, 0, true, true },
	{ "unix:/run/app.sock", "unix:/run/app.sock", AF_UNIX, 0, false,
	    false },
	{ "unix:/a:80", "unix:/a:80", AF_UNIX, 0, false, false },
	{ "unix:/@x", "unix:/@x", AF_UNIX, 0, false, false },
	{ "unix:@name", "unix:@name", AF_UNIX, 0, false, false },
	{ "unix:" PATH_107, "unix:" PATH_107, AF_UNIX, 0, false, false },
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(test_good)
{
	struct addr addr;
	struct addr again;
	char text[ADDR_TEXT_MAX];
	const char *why = NULL;

	memset(&addr, 0xff, sizeof(addr));
	ck_assert_int_eq(addr_parse(&addr, good[_i].text, ADDR_PORT_REQUIRED,
			     &why),
	    0);
	ck_assert_ptr_null(why);
	ck_assert_int_eq(addr.sa.sa_family, good[_i].family);
	ck_assert_uint_eq(addr_port(&addr), good[_i].port);
	ck_assert_int_eq(addr_is_wildcard(&addr), good[_i].wildcard);
	ck_assert_int_eq(addr_is_unix(&addr), good[_i].family == AF_UNIX);
	ck_assert_int_eq(addr.dual, good[_i].dual);
	ck_assert_ptr_eq(addr_format(&addr, text, sizeof(text)), text);
	ck_assert_str_eq(text, good[_i].formatted);

	ck_assert_int_eq(addr_parse(&again, text, ADDR_PORT_REQUIRED, NULL), 0);
	ck_assert(addr_equal(&addr, &again));
}
END_TEST

/* The lengths that bind(2) wants: a path with its end, an abstract name without
 * one (it would become part of the name). */
START_TEST(test_unix_length)
{
	struct addr addr;
	size_t path = offsetof(struct sockaddr_un, sun_path);

	ck_assert_int_eq(addr_parse(&addr, "unix:/a", ADDR_PORT_REQUIRED, NULL),
	    0);
	ck_assert_uint_eq(addr.len, path + sizeof("/a"));
	ck_assert_mem_eq(addr.un.sun_path, "/a", sizeof("/a"));
	ck_assert_int_eq(addr_parse(&addr, "unix:@a", ADDR_PORT_REQUIRED, NULL),
	    0);
	ck_assert_uint_eq(addr.len, path + strlen("@a"));
	ck_assert_mem_eq(addr.un.sun_path, "\0a", strlen("@a"));
}
END_TEST

static const struct {
	const char *text;
	const char *why;
} bad[] = {
	{ "", "the address is empty" },
	{ ":", bad_port },
	{ "192.0.2.1", "the port is missing" },
	{ "[::1]", "the port is missing" },
	{ "192.0.2.1:", bad_port },
	{ "192.0.2.1:65536", bad_port },
	{ "192.0.2.1:99999", bad_port },
	{ "192.0.2.1:000080", bad_port },
	{ "192.0.2.1:4294967376", bad_port },
	{ "192.0.2.1:18446744073709551696", bad_port },
	{ "192.0.2.1:-1", bad_port },
	{ "192.0.2.1:+80", bad_port },
	{ "192.0.2.1: 80", bad_port },
	{ "192.0.2.1:80 ", bad_port },
	{ "192.0.2.1:0x50", bad_port },
	{ "192.0.2.1:http", bad_port },
	{ "192.0.2.1:80,", bad_port },
	{ "[::1]:80x", bad_port },
	{ ":80x", bad_port },
	{ " 192.0.2.1:80", no_host_names },
	{ "192.0.2.256:80", bad_ipv4 },
	{ "192.0.2:80", bad_ipv4 },
	{ "192.0.2.1.5:80", bad_ipv4 },
	{ "192.0.2.01:80", bad_ipv4 },
	{ "80", bad_ipv4 },
	{ "0x7f000001:80", no_host_names },
	{ "localhost:80", no_host_names },
	{ "example.org", no_host_names },
	{ "192.0.2.1/24:80", no_host_names },
	{ "*:80", no_host_names },
	{ "a-host-name-so-long-that-it-does-not-fit-any-buffer.example.org:80",
	    no_host_names },
	{ "::1:80", no_brackets },
	{ "2001:db8::1", no_brackets },
	{ "192.0.2.1:80:80", no_brackets },
	{ "[::1", "the bracket is not closed" },
	{ "[", "the bracket is not closed" },
	{ "[::1]80", after_bracket },
	{ "[::1]]:80", after_bracket },
	{ "[::1] :80", after_bracket },
	{ "[]:80", bad_ipv6 },
	{ "[[::1]]:80", after_bracket },
	{ "[192.0.2.1]:80", bad_ipv6 },
	{ "[::1::]:80", bad_ipv6 },
	{ "[12345::]:80", bad_ipv6 },
	{ "[fe80:0000:0000:0000:0000:0000:0000:0001:0000:0000:0000:0000:00]:1",
	    bad_ipv6 },
	{ "[%lo]:80", bad_ipv6 },
	{ "[::1%lo]:80", no_zone },
	{ "[2001:db8::1%1]:80", no_zone },
	{ "[fe80::1%]:80", "the zone is not a network interface" },
	{ "[fe80::1%no such one]:80", "the zone is not a network interface" },
	{ "unix:", empty_path },
	{ "unix:@", empty_path },
	{ "unix:a", relative_path },
	{ "unix:./@x", relative_path },
	{ "http://10.0.0.1:80/", url },
	{ "tcp://[::1]:80", url },
	{ "unix:" PATH_107 "8", long_path },
	{ "unix:@" PATH_107, long_path },
	{ "unix", no_host_names },
	{ "tcp:192.0.2.1:80", no_brackets },
};

START_TEST(test_bad)
{
	struct addr addr;
	const char *why = NULL;
	char text[ADDR_TEXT_MAX] = "?";

	memset(&addr, 0xff, sizeof(addr));
	ck_assert_int_eq(addr_parse(&addr, bad[_i].text, ADDR_PORT_REQUIRED,
			     &why),
	    -EINVAL);
	ck_assert_ptr_nonnull(why);
	ck_assert_str_eq(why, bad[_i].why);
	ck_assert_uint_eq(addr.len, 0);
	ck_assert_str_eq(addr_format(&addr, text, sizeof(text)), "");
	ck_assert_int_eq(addr_parse(&addr, bad[_i].text, ADDR_PORT_REQUIRED,
			     NULL),
	    -EINVAL);
}
END_TEST

START_TEST(test_optional_port)
{
	struct addr addr;
	struct addr zero;

	ck_assert_int_eq(addr_parse(&addr, "192.0.2.1", ADDR_PORT_OPTIONAL,
			     NULL),
	    0);
	ck_assert_uint_eq(addr_port(&addr), 0);
	ck_assert_int_eq(addr_parse(&zero, "192.0.2.1:0", ADDR_PORT_OPTIONAL,
			     NULL),
	    0);
	ck_assert(addr_equal(&addr, &zero));
	ck_assert_int_eq(addr_parse(&addr, "[::1]", ADDR_PORT_OPTIONAL, NULL),
	    0);
	ck_assert_uint_eq(addr_port(&addr), 0);
	ck_assert_int_eq(addr_parse(&addr, "192.0.2.1:", ADDR_PORT_OPTIONAL,
			     NULL),
	    -EINVAL);
	ck_assert_int_eq(addr_parse(&addr, "", ADDR_PORT_OPTIONAL, NULL),
	    -EINVAL);
	ck_assert_int_eq(addr_parse(&addr, "localhost", ADDR_PORT_OPTIONAL,
			     NULL),
	    -EINVAL);
}
END_TEST

START_TEST(test_set_port)
{
	static const char *const texts[] = { "192.0.2.1:1", "[::1]:1", ":1" };
	struct addr addr;
	struct addr unchanged;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(addr_parse(&addr, texts[i], ADDR_PORT_REQUIRED,
				     NULL),
		    0);
		addr_set_port(&addr, 4711);
		ck_assert_uint_eq(addr_port(&addr), 4711);
	}
	ck_assert_int_eq(addr_parse(&addr, "unix:/a", ADDR_PORT_REQUIRED, NULL),
	    0);
	unchanged = addr;
	addr_set_port(&addr, 4711);
	ck_assert_uint_eq(addr_port(&addr), 0);
	ck_assert(addr_equal(&addr, &unchanged));
}
END_TEST

/* Every two of these differ. */
START_TEST(test_equal)
{
	static const char *const texts[] = { "192.0.2.1:80", "192.0.2.2:80",
		"192.0.2.1:81", "[::ffff:192.0.2.1]:80", "[::]:80", ":80",
		"0.0.0.0:80", "[fe80::1]:80", "[fe80::1%lo]:80", "unix:/a",
		"unix:/b", "unix:/ab", "unix:@a", "unix:@ab" };
	struct addr a;
	struct addr b;

	for (int i = 0; i < COUNT(texts); i++)
		for (int j = 0; j < COUNT(texts); j++) {
			/* What lies behind the address does not count. */
			memset(&a, 0, sizeof(a));
			memset(&b, 0xff, sizeof(b));
			ck_assert_int_eq(addr_parse(&a, texts[i],
					     ADDR_PORT_REQUIRED, NULL),
			    0);
			ck_assert_int_eq(addr_parse(&b, texts[j],
					     ADDR_PORT_REQUIRED, NULL),
			    0);
			memset((char *)&b.sa + b.len, 0x77,
			    sizeof(b.un) - b.len);
			ck_assert_int_eq(addr_equal(&a, &b), i == j);
		}
	memset(&a, 0, sizeof(a));
	ck_assert(!addr_equal(&a, &b));
	memset(&b, 0, sizeof(b));
	ck_assert(addr_equal(&a, &b));
	ck_assert(!addr_is_unix(&a));
	ck_assert(!addr_is_wildcard(&a));
}
END_TEST

/* A name is an address that only another of its kind equals. */
START_TEST(test_inherited)
{
	static const char *const wrong[] = { "", "a b", "a:b", "\t", "\x7f",
		"\xc3\xa4" };
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	char buf[ADDR_TEXT_MAX];
	struct addr a, b, other;

	ck_assert_int_eq(addr_set_inherited(&a, "lb4.socket"), 0);
	ck_assert_str_eq(addr_format(&a, buf, sizeof(buf)), "fd:lb4.socket");
	ck_assert(addr_is_inherited(&a));
	ck_assert(!addr_is_unix(&a));
	ck_assert(!addr_is_wildcard(&a));
	ck_assert_uint_eq(addr_port(&a), 0);
	ck_assert_int_eq(addr_set_inherited(&b, "lb4.socket"), 0);
	ck_assert(addr_equal(&a, &b));
	ck_assert_int_eq(addr_set_inherited(&b, "lb4.socke"), 0);
	ck_assert(!addr_equal(&a, &b));
	ck_assert_int_eq(addr_parse(&other, "unix:/lb4.socket",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	ck_assert(!addr_equal(&a, &other));
	ck_assert(!addr_is_inherited(&other));
	ck_assert_int_eq(addr_parse(&b, "fd:lb4.socket", ADDR_PORT_OPTIONAL,
			     NULL),
	    -EINVAL);
	for (int i = 0; i < COUNT(wrong); i++) {
		ck_assert_int_eq(addr_set_inherited(&a, wrong[i]), -EINVAL);
		ck_assert(!addr_is_inherited(&a));
	}
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(addr_set_inherited(&a, name), -EINVAL);
	name[sizeof(name) - 2] = '\0';
	ck_assert_int_eq(addr_set_inherited(&a, name), 0);
	ck_assert_uint_eq(strlen(addr_format(&a, buf, sizeof(buf))),
	    strlen("fd:") + strlen(name));
}
END_TEST

/* Whatever the size, the text ends, and nothing is written behind it. */
START_TEST(test_format_is_cut)
{
	static const char *const texts[] = { "192.0.2.1:80", ":80",
		"[2001:db8::1]:80", "unix:/run/app.sock", "unix:@name" };
	struct addr addr;
	char text[64];

	for (int i = 0; i < COUNT(texts); i++) {
		ck_assert_int_eq(addr_parse(&addr, texts[i], ADDR_PORT_REQUIRED,
				     NULL),
		    0);
		for (size_t size = 1; size < 30; size++) {
			size_t len = strlen(texts[i]);

			memset(text, '#', sizeof(text));
			addr_format(&addr, text, size);
			if (len > size - 1)
				len = size - 1;
			ck_assert_uint_eq(strlen(text), len);
			ck_assert_mem_eq(text, texts[i], len);
			ck_assert_int_eq(text[size], '#');
		}
	}
}
END_TEST

/* An interface that is gone is written as its number. */
START_TEST(test_zone_without_interface)
{
	struct addr addr;
	char text[ADDR_TEXT_MAX];
	char name[IF_NAMESIZE];

	ck_assert_int_eq(addr_parse(&addr, "[fe80::1]:80", ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	addr.in6.sin6_scope_id = UINT32_MAX;
	ck_assert_ptr_null(if_indextoname(UINT32_MAX, name));
	addr_format(&addr, text, sizeof(text));
	ck_assert_str_eq(text, "[fe80::1%4294967295]:80");
}
END_TEST

/* Random texts out of what addresses are made of: refused, or read back as
 * themselves. */
START_TEST(test_random_texts)
{
	static const char letters[] = "0123456789:::...[[]]%@abcdeflo/unix: -";
	static const char *const beginnings[] = { "", "[",
		"[fe80::", "[::", "192.0.2.", ":", "unix:", "unix:@",
		"1.2.3.4:", "[::1]:" };
	int accepted = 0;

	for (uint64_t n = 0; n < 200000; n++) {
		uint64_t random = hash_mix(n);
		size_t len = random % 24;
		char text[64];
		char first[ADDR_TEXT_MAX];
		char second[ADDR_TEXT_MAX];
		struct addr addr;
		struct addr again;
		char *p = stpcpy(text, beginnings[random / 64 % 10]);

		for (size_t i = 0; i < len; i++)
			*p++ = letters[hash_mix(random + i) %
			    (sizeof(letters) - 1)];
		*p = '\0';
		if (addr_parse(&addr, text, ADDR_PORT_OPTIONAL, NULL) != 0)
			continue;
		accepted++;
		addr_format(&addr, first, sizeof(first));
		if (addr_parse(&again, first, ADDR_PORT_REQUIRED, NULL) != 0 ||
		    !addr_equal(&addr, &again))
			ck_abort_msg("'%s' became '%s'", text, first);
		addr_format(&again, second, sizeof(second));
		ck_assert_str_eq(first, second);
	}
	ck_assert_int_gt(accepted, 10000);
}
END_TEST

static const struct {
	const char *text;
	int family;
	const char *formatted;
	const char *ip; /* as IPv6 text */
} clients[] = {
	{ "192.0.2.1:80", AF_INET, "192.0.2.1:80", "::ffff:192.0.2.1" },
	{ "255.255.255.255:65535", AF_INET, "255.255.255.255:65535",
	    "::ffff:255.255.255.255" },
	{ "[::ffff:192.0.2.1]:80", AF_INET, "192.0.2.1:80",
	    "::ffff:192.0.2.1" },
	{ "[2001:db8::1]:65535", AF_INET6, "[2001:db8::1]:65535",
	    "2001:db8::1" },
	{ "[::1]:1", AF_INET6, "[::1]:1", "::1" },
	{ "[fe80::1%lo]:1", AF_INET6, "[fe80::1]:1", "fe80::1" },
	{ "unix:/run/app.sock", AF_UNIX, "unix", "::" },
};

START_TEST(test_endpoint)
{
	struct addr addr;
	struct endpoint client;
	uint8_t ip[16];
	char text[ENDPOINT_TEXT_MAX];

	ck_assert_uint_eq(sizeof(client), 20);
	memset(&client, 0xff, sizeof(client));
	ck_assert_int_eq(addr_parse(&addr, clients[_i].text, ADDR_PORT_REQUIRED,
			     NULL),
	    0);
	endpoint_from_sockaddr(&client, &addr.sa, addr.len);
	ck_assert_int_eq(client.family, clients[_i].family);
	ck_assert_uint_eq(client.port, addr_port(&addr));
	ck_assert_uint_eq(client.zero, 0);
	ck_assert_int_eq(inet_pton(AF_INET6, clients[_i].ip, ip), 1);
	ck_assert_mem_eq(client.ip, ip, sizeof(ip));
	ck_assert_ptr_eq(endpoint_format(&client, text, sizeof(text)), text);
	ck_assert_str_eq(text, clients[_i].formatted);
}
END_TEST

/* By whichever listener a client comes, its endpoint has the same bytes. */
START_TEST(test_endpoint_same_by_either_family)
{
	struct addr plain;
	struct addr mapped;
	struct endpoint a;
	struct endpoint b;

	ck_assert_int_eq(addr_parse(&plain, "192.0.2.9:5000",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	ck_assert_int_eq(addr_parse(&mapped, "[::ffff:192.0.2.9]:5000",
			     ADDR_PORT_REQUIRED, NULL),
	    0);
	memset(&a, 0, sizeof(a));
	memset(&b, 0xff, sizeof(b));
	endpoint_from_sockaddr(&a, &plain.sa, plain.len);
	endpoint_from_sockaddr(&b, &mapped.sa, mapped.len);
	ck_assert_mem_eq(&a, &b, sizeof(a));
}
END_TEST

/* What accept4(2) gives for an unnamed unix socket, and cut addresses. */
START_TEST(test_endpoint_short)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 99 };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	sa_family_t unnamed = AF_UNIX;
	struct endpoint none;
	struct endpoint client;

	memset(&none, 0, sizeof(none));
	none.family = AF_UNIX;
	endpoint_from_sockaddr(&client, (const struct sockaddr *)&in, 0);
	ck_assert_mem_eq(&client, &none, sizeof(none));
	endpoint_from_sockaddr(&client, (const struct sockaddr *)&in,
	    sizeof(in) - 1);
	ck_assert_mem_eq(&client, &none, sizeof(none));
	endpoint_from_sockaddr(&client, (const struct sockaddr *)&in6,
	    sizeof(in6) - 1);
	ck_assert_mem_eq(&client, &none, sizeof(none));
	memcpy(&in, &unnamed, sizeof(unnamed));
	endpoint_from_sockaddr(&client, (const struct sockaddr *)&in,
	    sizeof(unnamed));
	ck_assert_mem_eq(&client, &none, sizeof(none));
}
END_TEST

/* What a wildcard reaches. */
START_TEST(test_covers)
{
	static const struct {
		const char *wide;
		const char *narrow;
		bool covers;
	} cases[] = {
		{ ":80", "0.0.0.0:80", true },
		{ ":80", "[::]:80", true },
		{ ":80", "10.0.0.1:80", true },
		{ ":80", "[::1]:80", true },
		{ "0.0.0.0:80", "10.0.0.1:80", true },
		{ "[::]:80", "[::1]:80", true },
		{ "10.0.0.1:80", "10.0.0.1:80", true },
		{ "[::]:80", ":80", false },
		{ "0.0.0.0:80", ":80", false },
		{ "0.0.0.0:80", "[::1]:80", false },
		{ "[::]:80", "10.0.0.1:80", false },
		{ "10.0.0.1:80", "0.0.0.0:80", false },
		{ "10.0.0.1:80", "10.0.0.2:80", false },
		{ ":80", "10.0.0.1:81", false },
		{ ":0", "10.0.0.1:0", false },
		{ "unix:/a", "unix:/a", false },
		{ ":80", "unix:/a", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr wide, narrow;

		ck_assert_int_eq(addr_parse(&wide, cases[i].wide,
				     ADDR_PORT_REQUIRED, NULL),
		    0);
		ck_assert_int_eq(addr_parse(&narrow, cases[i].narrow,
				     ADDR_PORT_REQUIRED, NULL),
		    0);
		ck_assert_msg(addr_covers(&wide, &narrow) == cases[i].covers,
		    "%s, %s", cases[i].wide, cases[i].narrow);
	}
}
END_TEST

/* A range is its first address, with the ports ahead. */
START_TEST(test_range)
{
	static const struct {
		const char *text, *formatted, *first;
		unsigned ahead;
	} ranges[] = {
		{ ":80-89", ":80-89", ":80", 9 },
		{ "192.0.2.1:1-65535", "192.0.2.1:1-65535", "192.0.2.1:1",
		    65534 },
		{ "[2001:db8::1]:80-81", "[2001:db8::1]:80-81",
		    "[2001:db8::1]:80", 1 },
		{ "[fe80::1%lo]:7-9", "[fe80::1%lo]:7-9", "[fe80::1%lo]:7", 2 },
		{ ":80-80", ":80", ":80", 0 },
		{ ":80", ":80", ":80", 0 },
		{ "unix:/a:1-2", "unix:/a:1-2", "unix:/a:1-2", 0 },
	};
	static const char *const wrong[] = { ":0-9", ":9-8", ":80-", ":-80",
		":80-90-100", ":80-65536", ":80-9x", "192.0.2.1-2:80",
		"[::1%a-1]", "80-90" };
	char text[ADDR_TEXT_MAX];
	struct addr addr, first;
	const char *why;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		ck_assert_int_eq(addr_parse_range(&addr, ranges[i].text, &why),
		    0);
		ck_assert_uint_eq(addr.ahead, ranges[i].ahead);
		ck_assert_str_eq(addr_format_range(&addr, text, sizeof(text)),
		    ranges[i].formatted);
		ck_assert_str_eq(addr_format(&addr, text, sizeof(text)),
		    ranges[i].first);
		ck_assert_int_eq(addr_parse(&first, ranges[i].first,
				     ADDR_PORT_REQUIRED, NULL),
		    0);
		ck_assert(addr_equal(&addr, &first));
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(addr_parse_range(&addr, wrong[i], &why),
		    -EINVAL);
		ck_assert_uint_eq(addr.len, 0);
		ck_assert_uint_eq(addr.ahead, 0);
	}
}
END_TEST

static Suite *
addr_suite(void)
{
	Suite *suite = suite_create("addr");
	TCase *tc = tcase_create("addr");

	tcase_add_loop_test(tc, test_good, 0, COUNT(good));
	tcase_add_test(tc, test_unix_length);
	tcase_add_test(tc, test_range);
	tcase_add_loop_test(tc, test_bad, 0, COUNT(bad));
	tcase_add_test(tc, test_optional_port);
	tcase_add_test(tc, test_set_port);
	tcase_add_test(tc, test_equal);
	tcase_add_test(tc, test_inherited);
	tcase_add_test(tc, test_format_is_cut);
	tcase_add_test(tc, test_zone_without_interface);
	tcase_add_test(tc, test_random_texts);
	tcase_add_loop_test(tc, test_endpoint, 0, COUNT(clients));
	tcase_add_test(tc, test_endpoint_same_by_either_family);
	tcase_add_test(tc, test_endpoint_short);
	tcase_add_test(tc, test_covers);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(addr_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
