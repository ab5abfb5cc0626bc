/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reading headers of the PROXY protocol: see proxy.h. */
#include "lb4/wire/proxy.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "lb4/wire/crc32c.h"
#include "lb4/wire/proxy_wire.h"

static enum proxy_result
bad(struct proxy_header *out, const char *why)
{
	out->why = why;
	return PROXY_BAD;
}

static enum proxy_result
more(struct proxy_header *out, size_t len)
{
	out->len = len;
	return PROXY_MORE;
}

/* ---- version 1 ---------------------------------------------------------- */

/* What is left of the line. */
struct line {
	const char *at;
	const char *end;
};

/* Takes the text up to `until`, which must follow, into `word`. */
static bool
take_word(struct line *line, char until, char *word, size_t size)
{
	const size_t left = (size_t)(line->end - line->at);
	const char *end = memchr(line->at, until, left);
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - line->at);
	if (len == 0 || len >= size || memchr(line->at, '\0', len) != NULL)
		return false;
	memcpy(word, line->at, len);
	word[len] = '\0';
	line->at = end + 1;
	return true;
}

/* 0 to 65535, without leading zeros. */
static bool
read_port(const char *word, uint16_t *port)
{
	unsigned value = 0;

	if (word[0] == '0' && word[1] != '\0')
		return false;
	for (; *word != '\0'; word++) {
		if (*word < '0' || *word > '9')
			return false;
		value = value * 10 + (unsigned)(*word - '0');
		if (value > UINT16_MAX)
			return false;
	}
	*port = (uint16_t)value;
	return true;
}

/* After "PROXY TCP4 ": both addresses, then both ports. */
static bool
read_addresses(struct line *line, int family, struct proxy_header *out)
{
	struct in6_addr ip[2]; /* or struct in_addr */
	char word[INET6_ADDRSTRLEN];
	uint16_t port[2];

	for (int i = 0; i < 2; i++)
		if (!take_word(line, ' ', word, sizeof(word)) ||
		    inet_pton(family, word, &ip[i]) != 1)
			return false;
	for (int i = 0; i < 2; i++)
		if (!take_word(line, i == 0 ? ' ' : '\r', word,
			sizeof("65535")) ||
		    !read_port(word, &port[i]))
			return false;
	endpoint_from_ip(&out->src, family, &ip[0], port[0]);
	endpoint_from_ip(&out->dst, family, &ip[1], port[1]);
	out->named = true;
	return line->at == line->end;
}

/* Whether the line, which ends after its CR, begins with `text`. */
static bool
skip(struct line *line, const char *text)
{
	const size_t len = strlen(text);

	if ((size_t)(line->end - line->at) < len ||
	    memcmp(line->at, text, len) != 0)
		return false;
	line->at += len;
	return true;
}

static enum proxy_result
read_line(struct line line, struct proxy_header *out)
{
	line.at += strlen(PROXY_V1_BEGIN);
	if (skip(&line, "UNKNOWN"))
		return *line.at == '\r' || *line.at == ' '
		    ? PROXY_DONE /* the rest is to be ignored */
		    : bad(out,
			  "its protocol is neither TCP4, TCP6 nor "
			  "UNKNOWN");
	if (skip(&line, "TCP4 "))
		return read_addresses(&line, AF_INET, out)
		    ? PROXY_DONE
		    : bad(out, "it has no two IPv4 addresses and two ports");
	if (skip(&line, "TCP6 "))
		return read_addresses(&line, AF_INET6, out)
		    ? PROXY_DONE
		    : bad(out, "it has no two IPv6 addresses and two ports");
	return bad(out, "its protocol is neither TCP4, TCP6 nor UNKNOWN");
}

static enum proxy_result
parse_v1(const unsigned char *buf, size_t len, struct proxy_header *out)
{
	const size_t most = len < PROXY_V1_MAX ? len : PROXY_V1_MAX;
	const unsigned char *end = memchr(buf, '\n', most);

	if (end == NULL && most == PROXY_V1_MAX)
		return bad(out, "its line does not end within 107 bytes");
	if (end == NULL)
		return more(out, len < PROXY_V1_MIN ? PROXY_V1_MIN : len + 1);
	if (end < buf + PROXY_V1_MIN - 1 || end[-1] != '\r' ||
	    memchr(buf, '\r', most) != end - 1)
		return bad(out, "its line does not end with CR LF");
	out->len = (size_t)(end + 1 - buf);
	return read_line((struct line){ (const char *)buf, (const char *)end },
	    out);
}

/* ---- version 2 ---------------------------------------------------------- */

static uint16_t
read16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* The checksum of the whole header, with zeros in place of its own 4 bytes. */
static bool
is_sum_right(const unsigned char *buf, size_t len, const unsigned char *field)
{
	static const unsigned char zeros[4];
	uint32_t sum = crc32c(0, buf, (size_t)(field - buf));
	uint32_t want;

	sum = crc32c(sum, zeros, sizeof(zeros));
	field += sizeof(zeros);
	sum = crc32c(sum, field, (size_t)(buf + len - field));
	memcpy(&want, field - sizeof(zeros), sizeof(want));
	return sum == ntohl(want);
}

/* The TLVs begin at `at` and must end where the header does. */
static enum proxy_result
check_tlvs(const unsigned char *buf, const unsigned char *at,
    struct proxy_header *out)
{
	const unsigned char *end = buf + out->len;
	bool summed = false;

	while (at < end) {
		const size_t left = (size_t)(end - at);
		const uint8_t type = at[0];

		if (left < PROXY_TLV_HEAD ||
		    left - PROXY_TLV_HEAD < read16(at + 1))
			return bad(out, "a TLV goes beyond its end");
		if (type == PROXY_TLV_CRC32C &&
		    (summed || read16(at + 1) != sizeof(uint32_t) ||
			!is_sum_right(buf, out->len, at + PROXY_TLV_HEAD)))
			return bad(out, "its checksum is wrong");
		summed |= type == PROXY_TLV_CRC32C;
		at += PROXY_TLV_HEAD + read16(at + 1);
	}
	return PROXY_DONE;
}

static enum proxy_result
read_block(const unsigned char *buf, struct proxy_header *out)
{
	static const uint8_t sizes[] = { 0, PROXY_V2_INET, PROXY_V2_INET6,
		PROXY_V2_UNIX };
	const unsigned char *at = buf + PROXY_V2_HEAD;
	const unsigned family = buf[13] >> 4, protocol = buf[13] & 15;
	const size_t size = family < sizeof(sizes) ? sizes[family] : 0;

	if (family >= sizeof(sizes) || protocol > 2)
		return bad(out, "its address family or protocol is unknown");
	if (protocol == 2)
		return bad(out, "its protocol is not TCP");
	if (out->len - PROXY_V2_HEAD < size)
		return bad(out, "it is too short for its addresses");
	if (protocol == 1 && (family == 1 || family == 2)) {
		const int af = family == 1 ? AF_INET : AF_INET6;
		const size_t ip = family == 1 ? 4 : 16;

		endpoint_from_ip(&out->src, af, at, read16(at + 2 * ip));
		endpoint_from_ip(&out->dst, af, at + ip,
		    read16(at + 2 * ip + 2));
		out->named = true;
	}
	return check_tlvs(buf, at + size, out);
}

static enum proxy_result
parse_v2(const unsigned char *buf, size_t len, struct proxy_header *out)
{
	size_t whole;

	if (len < PROXY_V2_HEAD)
		return more(out, PROXY_V2_HEAD);
	if (buf[12] >> 4 != 2)
		return bad(out, "its version is not 2");
	if ((buf[12] & 15) > 1)
		return bad(out, "its command is neither LOCAL nor PROXY");
	whole = PROXY_V2_HEAD + read16(buf + 14);
	if (whole > PROXY_READ_MAX)
		return bad(out, "it is longer than 4096 bytes");
	if (len < whole)
		return more(out, whole);
	out->len = whole;
	/* LOCAL: the family is to be ignored, and so is what belongs to it */
	return (buf[12] & 15) == 0 ? PROXY_DONE : read_block(buf, out);
}

/* Whether the bytes begin with `text`, as far as they come. */
static bool
may_be(const unsigned char *buf, size_t len, const char *text, size_t size)
{
	return memcmp(buf, text, len < size ? len : size) == 0;
}

enum proxy_result
proxy_parse(const unsigned char *buf, size_t len, struct proxy_header *out)
{
	*out = (struct proxy_header){ .len = 0 };
	if (len == 0)
		return more(out, PROXY_V1_MIN);
	if (may_be(buf, len, PROXY_V1_BEGIN, strlen(PROXY_V1_BEGIN)))
		return parse_v1(buf, len, out);
	if (may_be(buf, len, PROXY_V2_BEGIN, sizeof(PROXY_V2_BEGIN) - 1))
		return parse_v2(buf, len, out);
	return bad(out, "the first bytes are not those of a header");
}
