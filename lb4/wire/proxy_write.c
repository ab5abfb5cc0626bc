/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Writing headers of the PROXY protocol: see proxy.h. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lb4/wire/crc32c.h"
#include "lb4/wire/proxy.h"
#include "lb4/wire/proxy_wire.h"

static_assert(PROXY_V2_HEAD + PROXY_V2_INET6 +
	    3 * (PROXY_TLV_HEAD + PROXY_TEXT_MAX) + PROXY_TLV_HEAD + 4 <=
	PROXY_WRITE_MAX,
    "there is room for every header");

static bool
names_somebody(const struct proxy_say *say)
{
	return !say->local &&
	    (say->src.family == AF_INET || say->src.family == AF_INET6) &&
	    (say->dst.family == AF_INET || say->dst.family == AF_INET6);
}

/* The addresses of an IPv4 and an IPv6 endpoint are both written as IPv6. */
static bool
is_ipv4(const struct proxy_say *say)
{
	return say->src.family == AF_INET && say->dst.family == AF_INET;
}

static const void *
ip_of(const struct endpoint *ep, bool ipv4)
{
	return ipv4 ? endpoint_ipv4(ep) : ep->ip;
}

static size_t
write_v1(const struct proxy_say *say, unsigned char *buf)
{
	const bool ipv4 = is_ipv4(say);
	const int family = ipv4 ? AF_INET : AF_INET6;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	int len;

	if (!names_somebody(say)) {
		len = snprintf((char *)buf, PROXY_WRITE_MAX,
		    PROXY_V1_BEGIN "UNKNOWN\r\n");
		return (size_t)len;
	}
	(void)inet_ntop(family, ip_of(&say->src, ipv4), src, sizeof(src));
	(void)inet_ntop(family, ip_of(&say->dst, ipv4), dst, sizeof(dst));
	len = snprintf((char *)buf, PROXY_WRITE_MAX,
	    PROXY_V1_BEGIN "%s %s %s %u %u\r\n", ipv4 ? "TCP4" : "TCP6", src,
	    dst, say->src.port, say->dst.port);
	assert(len <= PROXY_V1_MAX);
	return (size_t)len;
}

static unsigned char *
put(unsigned char *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static unsigned char *
put16(unsigned char *at, size_t number)
{
	*at++ = (unsigned char)(number >> 8);
	*at++ = (unsigned char)number;
	return at;
}

static unsigned char *
put_tlv(unsigned char *at, uint8_t type, const struct proxy_text *text)
{
	assert(text->len <= PROXY_TEXT_MAX);
	if (text->len == 0)
		return at;
	*at++ = type;
	at = put16(at, text->len);
	return put(at, text->bytes, text->len);
}

static unsigned char *
put_addresses(unsigned char *at, const struct proxy_say *say)
{
	const bool ipv4 = is_ipv4(say);
	const size_t size = ipv4 ? 4 : 16;

	at = put(at, ip_of(&say->src, ipv4), size);
	at = put(at, ip_of(&say->dst, ipv4), size);
	at = put16(at, say->src.port);
	return put16(at, say->dst.port);
}

static size_t
write_v2(const struct proxy_say *say, unsigned char *buf)
{
	static const uint32_t zero = 0;
	const struct proxy_text none = { &zero, sizeof(zero) };
	const bool named = names_somebody(say);
	unsigned char *at = put(buf, PROXY_V2_BEGIN,
	    sizeof(PROXY_V2_BEGIN) - 1);
	uint32_t sum;

	*at++ = say->local ? 0x20 : 0x21;
	*at++ = !named ? 0 : is_ipv4(say) ? 0x11 : 0x21;
	at = put16(at, 0);
	if (say->local)
		return (size_t)(at - buf);
	if (named)
		at = put_addresses(at, say);
	at = put_tlv(at, PROXY_TLV_UNIQUE_ID, &say->unique_id);
	at = put_tlv(at, PROXY_TLV_AUTHORITY, &say->authority);
	at = put_tlv(at, PROXY_TLV_ALPN, &say->alpn);
	at = put_tlv(at, PROXY_TLV_CRC32C, &none);
	(void)put16(buf + PROXY_V2_HEAD - 2,
	    (size_t)(at - buf) - PROXY_V2_HEAD);
	sum = htonl(crc32c(0, buf, (size_t)(at - buf)));
	memcpy(at - sizeof(sum), &sum, sizeof(sum));
	return (size_t)(at - buf);
}

size_t
proxy_write(const struct proxy_say *say, unsigned char *buf)
{
	return say->version == SEND_PROXY_V1 ? write_v1(say, buf)
					     : write_v2(say, buf);
}
