/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Headers of the PROXY protocol: what is read and refused, cut at every byte
 * and with every length; what is written is read back.
 */
#include "lb4/wire/proxy.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/wire/crc32c.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define SIG_LEN 12
#define LONGEST (16 + 65535)

/* ---- version 1 ---------------------------------------------------------- */

struct line {
	const char *text;
	const char *src; /* NULL: not named */
	const char *dst;
};

static const struct line good_lines[] = {
	{ "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324",
	    "198.51.100.2:443" },
	{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	    "255.255.255.255:65535", "255.255.255.255:65535" },
	{ "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0", "0.0.0.0:0" },
	{ "PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "[2001:db8::1]:1", "[::1]:2" },
	{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
	{ "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n", "192.0.2.1:1",
	    "192.0.2.2:2" },
	{ "PROXY UNKNOWN\r\n", NULL, NULL },
	{ "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", NULL, NULL },
};

static const char *const bad_lines[] = {
	"PROXY\r\n\r\n\r\n\r\n\r\n",
	"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
	"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
	"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
	"PROXY TCP 1.2.3.4 1.2.3.4 1 2\r\n",
	"PROXY UNKNOWNS\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
	"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
	"PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n",
	"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
	"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
	"PROXY TCP4 256.2.3.4 1.2.3.4 1 2\r\n",
	"PROXY TCP4 ::1 ::1 1 2\r\n",
	"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
	"PROXY TCP6 ::g ::1 1 2\r\n",
	"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 1 0x2\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 1 123456\r\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
	"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n",
	"PROXY TCP4 1.2.3.4\r1.2.3.4 1 2\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"\r\n\r\n\1\r\nQUIT\n",
};

static void
same_endpoint(const struct endpoint *ep, const char *want)
{
	char text[ENDPOINT_TEXT_MAX];

	ck_assert_str_eq(endpoint_format(ep, text, sizeof(text)), want);
}

/* In memory of its own, so that a sanitizer sees a read beyond its end. */
static enum proxy_result
parse(const void *bytes, size_t len, struct proxy_header *out)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	enum proxy_result result;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, len);
	result = proxy_parse(copy, len, out);
	free(copy);
	return result;
}

/* Every beginning wants more, and says so truthfully; with bytes behind it, the
 * header is the same. */
static void
cut_everywhere(const unsigned char *bytes, size_t len)
{
	unsigned char more[LONGEST + 16];
	struct proxy_header header;

	for (size_t cut = 0; cut < len; cut++) {
		ck_assert_int_eq(parse(bytes, cut, &header), PROXY_MORE);
		ck_assert_uint_gt(header.len, cut);
		ck_assert_uint_le(header.len, len);
	}
	memcpy(more, bytes, len);
	memset(more + len, '\n', 16);
	for (size_t i = 0; i <= 16; i++) {
		ck_assert_int_eq(parse(more, len + i, &header), PROXY_DONE);
		ck_assert_uint_eq(header.len, len);
	}
}

START_TEST(line_is_read)
{
	const struct line *line = &good_lines[_i];
	const size_t len = strlen(line->text);
	struct proxy_header header;

	ck_assert_int_eq(parse(line->text, len, &header), PROXY_DONE);
	ck_assert_uint_eq(header.len, len);
	ck_assert_int_eq(header.named, line->src != NULL);
	if (line->src != NULL) {
		same_endpoint(&header.src, line->src);
		same_endpoint(&header.dst, line->dst);
	}
	cut_everywhere((const unsigned char *)line->text, len);
}
END_TEST

START_TEST(line_is_refused)
{
	const char *text = bad_lines[_i];
	struct proxy_header header;

	ck_assert_int_eq(parse(text, strlen(text), &header), PROXY_BAD);
	ck_assert_ptr_nonnull(header.why);
}
END_TEST

/* Of 107 bytes at most, and refused as soon as it is longer. */
START_TEST(longest_line)
{
	char text[120] = "PROXY UNKNOWN ";
	struct proxy_header header;

	memset(text + 14, 'x', sizeof(text) - 14);
	memcpy(text + 105, "\r\n", 2);
	ck_assert_int_eq(parse(text, 107, &header), PROXY_DONE);
	memcpy(text + 105, "x\r\n", 3);
	ck_assert_int_eq(parse(text, 106, &header), PROXY_MORE);
	ck_assert_int_eq(parse(text, 107, &header), PROXY_BAD);
	ck_assert_int_eq(parse(text, 108, &header), PROXY_BAD);
	text[20] = '\0';
	memcpy(text + 30, "\r\n", 2);
	ck_assert_int_eq(parse(text, 32, &header), PROXY_DONE);
}
END_TEST

/* ---- version 2 ---------------------------------------------------------- */

/* A header with `len` bytes after its length field, all of them `fill`. */
static size_t
build(unsigned char *buf, int command, int family, size_t len, int fill)
{
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes */
	memcpy(buf, SIG, SIG_LEN);
	buf[12] = (unsigned char)command;
	buf[13] = (unsigned char)family;
	buf[14] = (unsigned char)(len >> 8);
	buf[15] = (unsigned char)len;
	memset(buf + 16, fill, len);
	return 16 + len;
}

START_TEST(every_length)
{
	/* LOCAL; UNSPEC, IPv4, IPv6 and unix with what is left over as TLVs of
	 * type 0 and length 0 */
	static const struct {
		int command, family;
		size_t addresses;
	} kinds[] = { { 0x20, 0, 0 }, { 0x20, 0xff, 0 }, { 0x21, 0, 0 },
		{ 0x21, 0x11, 12 }, { 0x21, 0x21, 36 }, { 0x21, 0x31, 216 } };
	static unsigned char buf[LONGEST];
	struct proxy_header header;

	for (size_t len = 0; len <= 65535; len++) {
		const size_t whole = build(buf, kinds[_i].command,
		    kinds[_i].family, len, 0);
		const size_t min = kinds[_i].addresses;
		const bool local = kinds[_i].command == 0x20;
		const bool fine = whole <= PROXY_READ_MAX &&
		    (local || (len >= min && (len - min) % 3 == 0));

		/* a long one is refused before it has come */
		if (whole > PROXY_READ_MAX) {
			ck_assert_int_eq(proxy_parse(buf, 16, &header),
			    PROXY_BAD);
			continue;
		}
		ck_assert_int_eq(proxy_parse(buf, whole, &header),
		    fine ? PROXY_DONE : PROXY_BAD);
		if (len > 0) {
			ck_assert_int_eq(proxy_parse(buf, whole - 1, &header),
			    PROXY_MORE);
			ck_assert_uint_eq(header.len, whole);
		}
		if (whole < 300)
			(void)parse(buf, whole, &header);
	}
}
END_TEST

START_TEST(every_command_and_family)
{
	unsigned char buf[16 + 216];
	struct proxy_header header;

	for (int command = 0; command < 256; command++)
		for (int family = 0; family < 256; family++) {
			const bool known = command == 0x20 ||
			    (command == 0x21 && family >> 4 <= 3 &&
				(family & 15) <= 1);
			const size_t len = build(buf, command, family, 216, 0);
			const bool named = command == 0x21 &&
			    (family == 0x11 || family == 0x21);

			ck_assert_int_eq(parse(buf, len, &header),
			    known ? PROXY_DONE : PROXY_BAD);
			if (known)
				ck_assert_int_eq(header.named, named);
		}
}
END_TEST

START_TEST(checksum)
{
	/* RFC 3720, appendix B.4 */
	unsigned char zeros[32] = { 0 }, buf[64];
	struct proxy_header header;
	uint32_t sum;
	size_t len;

	ck_assert_uint_eq(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	len = build(buf, 0x21, 0x11, 12 + 7, 0);
	buf[16 + 12] = 3; /* CRC32C */
	buf[16 + 14] = 4;
	sum = htonl(crc32c(0, buf, len));
	memcpy(buf + len - 4, &sum, 4);
	ck_assert_int_eq(parse(buf, len, &header), PROXY_DONE);
	for (size_t i = 16; i < len; i++) {
		buf[i] ^= 1;
		ck_assert(i == 16 + 12 /* another TLV */ ||
		    parse(buf, len, &header) == PROXY_BAD);
		buf[i] ^= 1;
	}
	/* given twice */
	len = build(buf, 0x21, 0x11, 12 + 14, 0);
	buf[16 + 12] = buf[16 + 19] = 3;
	buf[16 + 14] = buf[16 + 21] = 4;
	ck_assert_int_eq(parse(buf, len, &header), PROXY_BAD);
}
END_TEST

/* ---- writing ------------------------------------------------------------ */

static struct endpoint
endpoint(const char *text)
{
	struct endpoint ep = { .family = AF_UNIX };
	struct addr addr;

	if (text == NULL)
		return ep;
	ck_assert_int_eq(addr_parse(&addr, text, ADDR_PORT_REQUIRED, NULL), 0);
	endpoint_from_sockaddr(&ep, &addr.sa, addr.len);
	return ep;
}

static const struct written {
	const char *src, *dst; /* NULL: a unix socket */
	const char *line;
} written[] = {
	{ "192.0.2.1:1025", "198.51.100.2:443",
	    "PROXY TCP4 192.0.2.1 198.51.100.2 1025 443\r\n" },
	{ "[2001:db8::1]:1025", "[2001:db8::2]:443",
	    "PROXY TCP6 2001:db8::1 2001:db8::2 1025 443\r\n" },
	{ "[::ffff:192.0.2.1]:1025", "[::ffff:198.51.100.2]:443",
	    "PROXY TCP4 192.0.2.1 198.51.100.2 1025 443\r\n" },
	{ "192.0.2.1:1025", "[2001:db8::2]:443",
	    "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1025 443\r\n" },
	{ NULL, "192.0.2.1:1", "PROXY UNKNOWN\r\n" },
	{ "192.0.2.1:1", NULL, "PROXY UNKNOWN\r\n" },
	{ NULL, NULL, "PROXY UNKNOWN\r\n" },
};

static void
read_back(const struct written *want, const unsigned char *buf, size_t len)
{
	struct proxy_header header;

	ck_assert_int_eq(parse(buf, len, &header), PROXY_DONE);
	ck_assert_uint_eq(header.len, len);
	ck_assert_int_eq(header.named, want->src != NULL && want->dst != NULL);
	if (header.named) {
		struct endpoint src = endpoint(want->src);
		struct endpoint dst = endpoint(want->dst);

		ck_assert_mem_eq(&header.src, &src, sizeof(src));
		ck_assert_mem_eq(&header.dst, &dst, sizeof(dst));
	}
	cut_everywhere(buf, len);
}

START_TEST(is_read_back)
{
	const struct written *want = &written[_i];
	struct proxy_say say = {
		.version = SEND_PROXY_V1,
		.src = endpoint(want->src),
		.dst = endpoint(want->dst),
		.unique_id = { "17", 2 },
		.authority = { "app.example", 11 },
		.alpn = { "h2", 2 },
	};
	unsigned char buf[PROXY_WRITE_MAX];
	size_t len = proxy_write(&say, buf);

	ck_assert_uint_eq(len, strlen(want->line));
	ck_assert_mem_eq(buf, want->line, len);
	read_back(want, buf, len);

	say.version = SEND_PROXY_V2;
	len = proxy_write(&say, buf);
	read_back(want, buf, len);
	ck_assert_int_eq(buf[12], 0x21);
	ck_assert_ptr_nonnull(memmem(buf, len, "\5\0\00217", 5));
	ck_assert_ptr_nonnull(memmem(buf, len, "\2\0\013app.example", 14));
	ck_assert_ptr_nonnull(memmem(buf, len, "\1\0\2h2", 5));
	/* any change is noticed */
	for (size_t i = 16; i < len; i++) {
		struct proxy_header header;

		buf[i] ^= 0x40;
		ck_assert(i == len - 7 ||
		    parse(buf, len, &header) == PROXY_BAD);
		buf[i] ^= 0x40;
	}
}
END_TEST

START_TEST(names_nobody)
{
	struct proxy_say say = { .version = SEND_PROXY_V1, .local = true };
	unsigned char buf[PROXY_WRITE_MAX];

	ck_assert_uint_eq(proxy_write(&say, buf), 15);
	ck_assert_mem_eq(buf, "PROXY UNKNOWN\r\n", 15);
	say.version = SEND_PROXY_V2;
	ck_assert_uint_eq(proxy_write(&say, buf), 16);
	ck_assert_mem_eq(buf, SIG "\x20\0\0", 16);
}
END_TEST

START_TEST(longest_header)
{
	char text[PROXY_TEXT_MAX];
	const struct proxy_say say = {
		.version = SEND_PROXY_V2,
		.src = endpoint("[2001:db8::1]:1"),
		.dst = endpoint("[2001:db8::2]:2"),
		.unique_id = { text, sizeof(text) },
		.authority = { text, sizeof(text) },
		.alpn = { text, sizeof(text) },
	};
	unsigned char buf[PROXY_WRITE_MAX];
	struct proxy_header header;
	size_t len;

	memset(text, 'x', sizeof(text));
	len = proxy_write(&say, buf);
	ck_assert_uint_eq(len, 16 + 36 + 3 * 258 + 7);
	ck_assert_int_eq(parse(buf, len, &header), PROXY_DONE);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
	Suite *suite = suite_create("proxy");
	TCase *tc = tcase_create("proxy");
	SRunner *runner;
	int failed;

	tcase_set_tags(tc, "one-thread");
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, line_is_read, 0, COUNT(good_lines));
	tcase_add_loop_test(tc, line_is_refused, 0, COUNT(bad_lines));
	tcase_add_test(tc, longest_line);
	tcase_add_loop_test(tc, every_length, 0, 6);
	tcase_add_test(tc, every_command_and_family);
	tcase_add_test(tc, checksum);
	tcase_add_loop_test(tc, is_read_back, 0, COUNT(written));
	tcase_add_test(tc, names_nobody);
	tcase_add_test(tc, longest_header);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
