/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * ClientHellos: in one record or in many, cut at every byte, large, without a
 * name, and wrong in every byte; PostgreSQL's requests before them; and the
 * routes that match.
 */
#include "lb4/wire/hello.h"

#include <bsd/string.h>
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/route.h"
#include "lb4/wire/sslrequest.h"

#define ROOM 70000

/* A message that grows. */
struct made {
	unsigned char byte[ROOM];
	size_t len;
};

static void
add(struct made *made, const void *bytes, size_t len)
{
	ck_assert_uint_le(made->len + len, ROOM);
	memcpy(made->byte + made->len, bytes, len);
	made->len += len;
}

static void
add_number(struct made *made, size_t number, int bytes)
{
	while (bytes-- > 0) {
		unsigned char byte = (unsigned char)(number >> 8 * bytes);

		add(made, &byte, 1);
	}
}

/* The hello without its record: with this name and these protocols (NULL:
 * none), and an extension of `more` bytes (0: none). */
static void
make_hello(struct made *made, const char *name, const char *alpn, size_t more)
{
	static const unsigned char random[32] = { 1, 2, 3 };
	static const unsigned char zeros[ROOM];
	struct made *ext = calloc(1, sizeof(*ext));
	const size_t name_len = name != NULL ? strlen(name) : 0;
	const size_t alpn_len = alpn != NULL ? strlen(alpn) : 0;

	ck_assert_ptr_nonnull(ext);
	if (more > 0) {
		add_number(ext, 51, 2); /* key_share */
		add_number(ext, more, 2);
		add(ext, zeros, more);
	}
	if (name != NULL) {
		add_number(ext, 0, 2);
		add_number(ext, name_len + 5, 2);
		add_number(ext, name_len + 3, 2);
		add_number(ext, 0, 1);
		add_number(ext, name_len, 2);
		add(ext, name, name_len);
	}
	if (alpn != NULL) {
		add_number(ext, 16, 2);
		add_number(ext, alpn_len + 3, 2);
		add_number(ext, alpn_len + 1, 2);
		add_number(ext, alpn_len, 1);
		add(ext, alpn, alpn_len);
	}
	made->len = 0;
	add_number(made, 1, 1);
	add_number(made, 2 + 32 + 1 + 32 + 2 + 2 + 2 + 2 + ext->len, 3);
	add_number(made, 0x0303, 2);
	add(made, random, 32);
	add_number(made, 32, 1);
	add(made, random, 32);
	add_number(made, 2, 2);
	add_number(made, 0x1301, 2);
	add_number(made, 0x0100, 2);
	add_number(made, ext->len, 2);
	add(made, ext->byte, ext->len);
	free(ext);
}

/* In records of at most `piece` bytes, the first one of `first`. */
static void
make_records(struct made *out, const struct made *hello, size_t first,
    size_t piece)
{
	size_t at = 0, len = first;

	out->len = 0;
	while (at < hello->len) {
		if (len > hello->len - at)
			len = hello->len - at;
		add_number(out, 22, 1);
		add_number(out, 0x0301, 2);
		add_number(out, len, 2);
		add(out, hello->byte + at, len);
		at += len;
		len = piece;
	}
}

/* In memory of its own, which the caller frees. */
static enum hello_result
parse(const unsigned char *bytes, size_t len, struct hello *hello, void **mem)
{
	*mem = malloc(len > 0 ? len : 1);
	ck_assert_ptr_nonnull(*mem);
	memcpy(*mem, bytes, len);
	return hello_parse(*mem, len, hello);
}

static struct made message, records;

/* The whole is read; every beginning wants more, never more than there is. */
static void
read_and_cut(const char *name, const char *alpn, size_t step)
{
	struct hello hello;
	void *mem;

	ck_assert_int_eq(parse(records.byte, records.len, &hello, &mem),
	    HELLO_DONE);
	ck_assert_str_eq(hello.name, name);
	ck_assert_uint_eq(hello.alpn_len, alpn != NULL ? strlen(alpn) + 1 : 0);
	if (alpn != NULL)
		ck_assert_mem_eq(hello.alpn + 1, alpn, strlen(alpn));
	free(mem);
	for (size_t cut = 0; cut < records.len; cut += step) {
		ck_assert_int_eq(parse(records.byte, cut, &hello, &mem),
		    HELLO_MORE);
		ck_assert_uint_gt(hello.need, cut);
		ck_assert_uint_le(hello.need, records.len);
		free(mem);
	}
}

START_TEST(cut_at_every_byte)
{
	make_hello(&message, "App.Example.ORG", "h2", 0);
	make_records(&records, &message, 16384, 16384);
	read_and_cut("app.example.org", "h2", 1);
	for (size_t first = 1; first < message.len; first++) {
		make_records(&records, &message, first, 16384);
		read_and_cut("app.example.org", "h2", 1);
	}
	for (size_t piece = 1; piece < 9; piece++) {
		make_records(&records, &message, piece, piece);
		read_and_cut("app.example.org", "h2", 1);
	}
}
END_TEST

START_TEST(large)
{
	static const size_t sizes[] = { 1216, 16384, 20000, 32000 };

	for (int i = 0; i < 4; i++) {
		make_hello(&message, "pq.example", NULL, sizes[i]);
		make_records(&records, &message, 16384, 16384);
		read_and_cut("pq.example", NULL, 97);
		make_records(&records, &message, 1, 1000);
		read_and_cut("pq.example", NULL, 97);
	}
}
END_TEST

START_TEST(too_large)
{
	struct hello hello;
	void *mem;

	make_hello(&message, "pq.example", NULL, 33000);
	make_records(&records, &message, 16384, 16384);
	ck_assert_int_eq(parse(records.byte, 9, &hello, &mem), HELLO_BAD);
	free(mem);
	ck_assert_int_eq(parse(records.byte, 8, &hello, &mem), HELLO_MORE);
	free(mem);
	/* small enough, but in too many records */
	make_hello(&message, "pq.example", NULL, 30500);
	make_records(&records, &message, 50, 50);
	ck_assert_uint_gt(records.len, HELLO_READ_MAX);
	ck_assert_int_eq(parse(records.byte, HELLO_READ_MAX, &hello, &mem),
	    HELLO_BAD);
	free(mem);
}
END_TEST

START_TEST(without_a_name)
{
	struct hello hello;
	void *mem;

	make_hello(&message, NULL, "postgresql", 0);
	make_records(&records, &message, 16384, 16384);
	read_and_cut("", "postgresql", 1);
	make_hello(&message, NULL, NULL, 0);
	make_records(&records, &message, 16384, 16384);
	read_and_cut("", NULL, 1);
	/* without extensions: the length of none is left out as well */
	message.len -= 2;
	message.byte[3] = (unsigned char)(message.len - 4);
	make_records(&records, &message, 16384, 16384);
	ck_assert_int_eq(parse(records.byte, records.len, &hello, &mem),
	    HELLO_DONE);
	free(mem);
}
END_TEST

START_TEST(not_tls)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-x",
		"\x16\x02\x00", "\x80\x2e\x01" };
	struct hello hello;
	void *mem;

	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(parse((const unsigned char *)texts[i],
				     strlen(texts[i]) + 1, &hello, &mem),
		    HELLO_PLAIN);
		ck_assert_ptr_nonnull(hello.why);
		free(mem);
	}
}
END_TEST

START_TEST(names)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = { { "a", true }, { "a_b-c.d", true },
		{ "a.example.", true }, { "xn--bcher-kva.example", true },
		{ "", false }, { ".example", false }, { "a b", false },
		{ "a/b", false }, { "b\xc3\xbc", false }, { "a:1", false },
		{ ".", false } };
	struct hello hello;
	void *mem;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_hello(&message, cases[i].name, NULL, 0);
		make_records(&records, &message, 16384, 16384);
		ck_assert_int_eq(parse(records.byte, records.len, &hello, &mem),
		    cases[i].good ? HELLO_DONE : HELLO_BAD);
		free(mem);
	}
}
END_TEST

/* Whatever one byte is, the parser stays within its bounds. */
START_TEST(every_wrong_byte)
{
	struct hello hello;
	void *mem;

	make_hello(&message, "app.example.org", "h2", 4);
	make_records(&records, &message, 40, 16384);
	for (size_t i = 0; i < records.len; i++)
		for (int value = 0; value < 256; value += 5) {
			const unsigned char was = records.byte[i];
			enum hello_result result;

			records.byte[i] = (unsigned char)value;
			result = parse(records.byte, records.len, &hello, &mem);
			ck_assert(result != HELLO_MORE ||
			    hello.need > records.len);
			ck_assert(result != HELLO_BAD || hello.why != NULL);
			free(mem);
			records.byte[i] = was;
		}
}
END_TEST

START_TEST(requests)
{
	static const unsigned char gss[] = { 0, 0, 0, 8, 4, 210, 22, 48 };
	static const unsigned char cancel[] = { 0, 0, 0, 16, 4, 210, 22, 46 };

	ck_assert_int_eq(sslrequest_parse(sslrequest_bytes, 0),
	    SSLREQUEST_NONE);
	for (size_t len = 1; len < 8; len++)
		ck_assert_int_eq(sslrequest_parse(sslrequest_bytes, len),
		    SSLREQUEST_MORE);
	ck_assert_int_eq(sslrequest_parse(sslrequest_bytes, 8), SSLREQUEST_TLS);
	ck_assert_int_eq(sslrequest_parse(gss, 8), SSLREQUEST_GSS);
	ck_assert_int_eq(sslrequest_parse(cancel, 8), SSLREQUEST_NONE);
	ck_assert_int_eq(sslrequest_parse((const unsigned char *)"\x16\x03", 2),
	    SSLREQUEST_NONE);
}
END_TEST

START_TEST(routes)
{
	static const unsigned char protocols[] = "\2h2\10http/1.1";
	static const struct {
		const char *match, *name;
		bool plain, matches;
	} cases[] = {
		{ "any", "a.example", false, true },
		{ "any", "", true, true },
		{ "plain", "", true, true },
		{ "plain", "", false, false },
		{ "sni:a.example", "a.example", false, true },
		{ "sni:A.example", "a.example", false, true },
		{ "sni:a.example", "b.a.example", false, false },
		{ "sni:a.example", "", true, false },
		{ "sni:*.example", "a.example", false, true },
		{ "sni:*.example", "b.a.example", false, true },
		{ "sni:*.example", "example", false, false },
		{ "sni:*.example", ".example", false, false },
		{ "sni:*.example", "an-example", false, false },
		{ "sni:b.example,sni:*.example", "a.example", false, true },
		{ "no-sni", "", false, true },
		{ "no-sni", "a.example", false, false },
		{ "no-sni,sni:a.example", "a.example", false, true },
		{ "alpn:h2", "", false, true },
		{ "alpn:http/1.1", "", false, true },
		{ "alpn:h3", "", false, false },
		{ "alpn:h3,alpn:h2", "", false, true },
		{ "alpn:h2,sni:a.example", "a.example", false, true },
		{ "alpn:h2,sni:a.example", "b.example", false, false },
		{ "alpn:h3,sni:a.example", "a.example", false, false },
	};
	char match[64];
	struct why why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct route_facts facts = {
			.plain = cases[i].plain,
			.name = cases[i].name,
			.alpn = protocols,
			.alpn_len = cases[i].plain ? 0 : sizeof(protocols) - 1,
		};

		strlcpy(match, cases[i].match, sizeof(match));
		ck_assert_int_eq(route_check(match, &why), 0);
		ck_assert_msg(route_matches(match, &facts) == cases[i].matches,
		    "%s and %s", match, facts.name);
	}
}
END_TEST

START_TEST(wrong_routes)
{
	static const char *const texts[] = { "", ",", "any,", ",any",
		"sni:a,,sni:b", "sni:", "sni:*", "sni:*.", "sni:a.*.b",
		"sni:.a", "sni:a.", "sni:a b", "alpn:", "host:a", "plain,sni:a",
		"any,any", "sni:b\xc3\xbc" };
	char match[64];
	struct why why;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		strlcpy(match, texts[i], sizeof(match));
		ck_assert_msg(route_check(match, &why) != 0, "%s", match);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hello");
	TCase *tc = tcase_create("hello");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, cut_at_every_byte);
	tcase_add_test(tc, large);
	tcase_add_test(tc, too_large);
	tcase_add_test(tc, without_a_name);
	tcase_add_test(tc, not_tls);
	tcase_add_test(tc, names);
	tcase_add_test(tc, every_wrong_byte);
	tcase_add_test(tc, requests);
	tcase_add_test(tc, routes);
	tcase_add_test(tc, wrong_routes);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
